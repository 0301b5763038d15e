import type { SharingErrorCode } from '../errors.ts';
import type { ProjectId } from '../ids.ts';
import type { MembershipRepository } from './membership-repository.ts';
import type { StandingAnswerRepository } from './standing-answer-repository.ts';

/** The outcome of an executed command. */
export type CommandOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'refused'; readonly error: SharingErrorCode; readonly message: string };

/** The idempotency record of a command. */
export interface CommandRecord {
  readonly id: string;
  readonly projectId: ProjectId;
  /** Digest of the content: distinguishes a repeated command from another command with the same id. */
  readonly digest: string;
  /** Number of redrives after a refusal. Each redrive decides a refused command again; a done command stays done. */
  readonly redriveCount: number;
  /** Number of an entry of a command with several entries; `undefined` for the command itself. */
  readonly entry?: number;
}

/** Error of a write for a command whose outcome is already recorded. The write was not applied. */
export class CommandAlreadyRecordedError extends Error {
  override readonly name = 'CommandAlreadyRecordedError';
}

/** The repositories whose every write records a command as done in the same transaction. */
export interface RecordingRepositories {
  readonly memberships: MembershipRepository;
  readonly standingAnswers: StandingAnswerRepository;
}

/** Records the outcomes of commands for longer than any command can be redelivered. */
export interface CommandRecordRepository {
  /**
   * Returns repositories whose every write records the command as done in the same transaction.
   *
   * Their writes throw {@link CommandAlreadyRecordedError} if the command's outcome is already recorded.
   */
  repositoriesFor(commandRecord: CommandRecord): RecordingRepositories;

  /**
   * Reserves the id of a command whose entries are recorded one by one.
   *
   * @returns `false` if the project has used the id for another command
   */
  reserve(commandRecord: CommandRecord): Promise<boolean>;

  /**
   * Records the outcome of a command unless it is recorded.
   *
   * @returns the recorded outcome, or `undefined` if the project has used the id for another command
   */
  recordOutcome(commandRecord: CommandRecord, outcome: CommandOutcome): Promise<CommandOutcome | undefined>;
}
