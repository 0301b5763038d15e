import type { Timestamp } from './clock.ts';
import type { ProjectId } from './ids.ts';

/** The statuses that a project can decide on in advance. */
export const standingStatuses = ['accepted', 'rejected'] as const;
export type StandingStatus = (typeof standingStatuses)[number];

/** Returns whether a value is a status of a standing answer. */
export const isStandingStatus = (value: unknown): value is StandingStatus =>
  (standingStatuses as readonly unknown[]).includes(value);

/** The answer of a project to all later offers of one owner. */
export interface StandingAnswer {
  readonly owner: ProjectId;
  readonly status: StandingStatus;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
}

/** The standing answers of one project, by owner. */
export interface StandingAnswers {
  /** Increases with every change; 0 if the project has never had any. */
  readonly version: number;
  readonly answers: ReadonlyMap<ProjectId, StandingAnswer>;
}

/**
 * Maximum number of standing answers of a project, because all of them are one item that every offer to the project
 * reads: 128 owners with ids of the usual 32 characters are 17 KB, five read units.
 */
export const maxStandingAnswers = 128;
