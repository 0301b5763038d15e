import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { reportMilliseconds, withDeadline } from '../runtime/deadline.ts';
import { CommandSettled, type CommandLedger, type CommandOutcome } from '../domain/command-record-repository.ts';
import { isTemporary, SharingError, type SharingErrorCode } from '../domain/errors.ts';
import type { MembershipRepository } from '../domain/membership-repository.ts';
import { abridge } from '../domain/quote.ts';
import type { log } from '../runtime/log.ts';
import type { AnswerOffer } from '../use-cases/answer-offer.ts';
import type { OfferImage } from '../use-cases/offer-image.ts';
import type { WithdrawOffer } from '../use-cases/withdraw-offer.ts';
import { parseCommand, projectOf, type Command } from './command.ts';

/** What the consumer of commands works with. */
export interface CommandParts {
  readonly ledger: CommandLedger;
  /** The use cases over some memberships. */
  readonly useCases: (memberships: MembershipRepository) => {
    readonly answerOffer: AnswerOffer;
    readonly offerImage: OfferImage;
    readonly withdrawOffer: WithdrawOffer;
  };
  /** Puts a message aside that can never succeed, with attributes that say why. */
  readonly putAside: (body: string, attributes: Readonly<Record<string, string>>) => Promise<void>;
  /** Tells the sender of a command what came of it. */
  readonly reply: (reply: CommandReply) => Promise<void>;
  readonly log: typeof log;
}

/** The `detail-type` of a reply on the bus. */
export const replyType = 'image.command.outcome';

/** The `detail` of a reply. */
export interface CommandReply {
  readonly version: 1;
  /** The command's. */
  readonly id: string;
  /** The command's digest, which tells it from another command with the same id. */
  readonly digest: string;
  readonly project: string;
  readonly command: Command['command'];
  readonly image_id: string;
  readonly member_id: string;
  readonly outcome: 'done' | 'refused';
  /** The code of the fault that a request would have been answered with. */
  readonly error?: SharingErrorCode;
  readonly message?: string;
}

/** The attributes of a message that was put aside. It can be sent back as it is. */
const attributes = { reason: 'reason', error: 'error', redrives: 'redrives' } as const;

/**
 * Carries out commands by the use cases of the HTTP routes, each once however often it comes. What can never succeed is
 * put aside at once with its reason; what may succeed later is reported, to come again.
 */
export const commandHandler =
  (parts: CommandParts) =>
  async (
    { Records: records }: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const until = Date.now() + context.getRemainingTimeInMillis() - reportMilliseconds;
    const isDone = await Promise.all(records.map((record) => withDeadline(until, () => handle(parts, record))));
    return {
      batchItemFailures: records.filter((_, n) => !isDone[n]).map(({ messageId }) => ({ itemIdentifier: messageId })),
    };
  };

/** @returns whether the message is done with; `false` is one that has to come again */
async function handle(parts: CommandParts, { messageId, body, messageAttributes }: SQSRecord): Promise<boolean> {
  // Anybody who sends a message can give it attributes: what is no small number is none.
  const given = messageAttributes[attributes.redrives]?.stringValue ?? '';
  const redrives = /^\d{1,6}$/.test(given) ? Number(given) : 0;
  let command: Command | undefined;
  let outcome: CommandOutcome;
  try {
    try {
      command = parseCommand(body);
      outcome = await carryOut(parts, command, redrives);
    } catch (error) {
      outcome = refusalOf(error);
    }
    if (command?.reply === true) await parts.reply(replyTo(command, outcome));
    // Last, so that there is one of it: had anything failed after this, it would be put aside again.
    if (outcome.outcome === 'refused') {
      await parts.putAside(body, {
        [attributes.reason]: outcome.message,
        [attributes.error]: outcome.error,
        [attributes.redrives]: String(redrives + 1),
      });
    }
  } catch (error) {
    const cause = error instanceof Error ? { name: error.name, message: error.message, stack: error.stack } : error;
    parts.log({ level: 'error', message: 'command comes again', messageId, ...named(command), cause });
    return false;
  }
  const refusal = outcome.outcome === 'refused' ? { error: outcome.error } : {};
  parts.log({ level: 'info', message: 'command', messageId, ...named(command), outcome: outcome.outcome, ...refusal });
  return true;
}

async function carryOut(parts: CommandParts, command: Command, redrives: number): Promise<CommandOutcome> {
  const { id, projectId, digest } = command;
  const entry = { id, projectId, digest, redrives };
  let outcome: CommandOutcome = { outcome: 'done' };
  try {
    await run(parts, command, parts.ledger.membershipsFor(entry));
  } catch (error) {
    if (!(error instanceof CommandSettled)) outcome = refusalOf(error);
  }
  // What has acted is settled with its effect. This settles a refusal, and what had nothing to change, and it finds how
  // a command was settled that comes again: whatever the use case says of it now, it answers the same.
  const settled = await parts.ledger.settle(entry, outcome);
  if (settled.digest === digest) return settled.outcome;
  return {
    outcome: 'refused',
    error: 'invalid-request',
    message: `The project has used the id ${abridge(id)} for another command; give each its own.`,
  };
}

/** @throws any error that is not a final refusal; a command whose outcome is unknown acts once when it is retried */
function refusalOf(error: unknown): CommandOutcome {
  if (!(error instanceof SharingError) || isTemporary(error)) throw error;
  return { outcome: 'refused', error: error.code, message: error.message };
}

async function run({ useCases }: CommandParts, command: Command, memberships: MembershipRepository): Promise<void> {
  const { answerOffer, offerImage, withdrawOffer } = useCases(memberships);
  const { imageId, projectId, userId, status } = command;
  // Who may send for which project is decided where commands are sent: by IAM.
  const caller = { projectId, userId, role: 'member' } as const;
  const request = { imageId, memberId: command.memberId, caller, via: 'command' } as const;
  switch (command.command) {
    case 'answer-offer':
      await answerOffer({ ...request, status });
      return;
    case 'offer-image':
      await offerImage({ ...request, memberId: projectOf('member_id', command.memberId) });
      return;
    case 'withdraw-offer':
      await withdrawOffer(request);
  }
}

const replyTo = (command: Command, outcome: CommandOutcome): CommandReply => ({
  version: 1,
  id: command.id,
  digest: command.digest,
  project: command.projectId,
  command: command.command,
  image_id: command.imageId,
  member_id: command.memberId,
  ...outcome,
});

const named = (command: Command | undefined): Readonly<Record<string, unknown>> =>
  command === undefined ? {} : { command: command.command, id: command.id, project: command.projectId };
