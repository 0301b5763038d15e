import type { CommandOutcome } from '../domain/repositories/command-record-repository.ts';
import type { SharingErrorCode } from '../domain/errors.ts';
import type { Command } from './command.ts';

/** The `detail-type` of a reply on the bus. */
export const replyType = 'image.command.outcome';

/** The `detail` of a reply: the outcome of a command, for its sender. */
export interface CommandReply {
  readonly version: 1;
  /** The id of the command. */
  readonly id: string;
  /** The digest of the command, which distinguishes it from another command with the same id. */
  readonly digest: string;
  readonly project: string;
  readonly command: Command['command'];
  /** The ids that the command has. */
  readonly image_id?: string;
  readonly member_id?: string;
  readonly owner?: string;
  readonly outcome: 'done' | 'refused';
  /** The error code of the refusal, the same as in the response to an HTTP request. */
  readonly error?: SharingErrorCode;
  readonly message?: string;
  /** The outcomes of the offers of `offer-images`, in their order. */
  readonly results?: readonly CommandOutcome[];
}
