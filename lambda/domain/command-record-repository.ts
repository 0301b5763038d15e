import type { SharingErrorCode } from './errors.ts';
import type { ProjectId } from './ids.ts';
import type { MembershipRepository } from './membership-repository.ts';

/** What came of a command. */
export type CommandOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'refused'; readonly error: SharingErrorCode; readonly message: string };

/** A command as far as it is remembered. */
export interface CommandRecord {
  readonly id: string;
  readonly projectId: ProjectId;
  /** Of its content: tells a command that comes again from another of the same id. */
  readonly digest: string;
  /** How often it was sent back after a refusal. Each time it is decided anew; what was done stays done. */
  readonly redriveCount: number;
}

/** Thrown by a write for a command that has been settled before: nothing was written. */
export class CommandAlreadyRecordedError extends Error {
  override readonly name = 'CommandSettled';
}

/** Remembers which commands were settled and how, for longer than any of them can come again. */
export interface CommandRecordRepository {
  /**
   * Memberships whose every write settles the command as done in the same transaction, or throws {@link CommandAlreadyRecordedError}
   * where it was settled before.
   */
  membershipsFor(commandRecord: CommandRecord): MembershipRepository;

  /** Settles a command, unless it is settled; returns how it is settled and the digest that it was settled with. */
  recordOutcome(
    commandRecord: CommandRecord,
    outcome: CommandOutcome,
  ): Promise<{ readonly outcome: CommandOutcome; readonly digest: string }>;
}
