import type { Actor } from '../actor.ts';
import type { ProjectId } from '../ids.ts';
import type { StandingAnswer, StandingAnswers } from '../standing-answer.ts';

/** Reads and writes the standing answers of projects. All reads are strongly consistent. */
export interface StandingAnswerRepository {
  /** Finds the standing answers of a project, in one round trip. */
  find(projectId: ProjectId): Promise<StandingAnswers>;

  /**
   * Replaces the standing answers of a project that were read as `before`.
   *
   * @returns `false` if they have changed since
   */
  replace(
    projectId: ProjectId,
    before: StandingAnswers,
    after: readonly StandingAnswer[],
    actor: Actor,
  ): Promise<boolean>;
}
