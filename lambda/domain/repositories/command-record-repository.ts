import type { SharingErrorCode } from '../errors.ts';
import type { ProjectId } from '../ids.ts';
import type { MembershipRepository } from './membership-repository.ts';

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
}

/** Error of a write for a command whose outcome is already recorded. The write was not applied. */
export class CommandAlreadyRecordedError extends Error {
  override readonly name = 'CommandAlreadyRecordedError';
}

/** Records the outcomes of commands for longer than any command can be redelivered. */
export interface CommandRecordRepository {
  /**
   * Returns memberships whose every write records the command as done in the same transaction.
   *
   * Their writes throw {@link CommandAlreadyRecordedError} if the command's outcome is already recorded.
   */
  membershipsFor(commandRecord: CommandRecord): MembershipRepository;

  /** Records the outcome of a command unless it is recorded; returns the recorded outcome and its digest. */
  recordOutcome(
    commandRecord: CommandRecord,
    outcome: CommandOutcome,
  ): Promise<{ readonly outcome: CommandOutcome; readonly digest: string }>;
}
