import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { deadlineOf, withDeadline } from '../runtime/deadline.ts';
import {
  CommandAlreadyRecordedError,
  type CommandRecordRepository,
  type CommandOutcome,
} from '../domain/command-record-repository.ts';
import { isTemporary, SharingError } from '../domain/errors.ts';
import type { MembershipRepository } from '../domain/membership-repository.ts';
import { abridge } from '../domain/quote.ts';
import { logMessages } from '../runtime/log-messages.ts';
import type { Log } from '../runtime/log.ts';
import type { AnswerOffer } from '../use-cases/answer-offer.ts';
import type { OfferImage } from '../use-cases/offer-image.ts';
import type { WithdrawOffer } from '../use-cases/withdraw-offer.ts';
import type { CommandReply } from './command-reply.ts';
import { parseCommand, projectOf, type Command } from './command.ts';
import { requireImageId, requireMemberId } from '../domain/ids.ts';

/** What the consumer of commands works with. */
export interface CommandHandlerDependencies {
  readonly records: CommandRecordRepository;
  /** The use cases over some memberships. */
  readonly useCases: (memberships: MembershipRepository) => {
    readonly answerOffer: AnswerOffer;
    readonly offerImage: OfferImage;
    readonly withdrawOffer: WithdrawOffer;
  };
  /** Puts a message aside that can never succeed, with attributes that say why. */
  readonly sendToDeadLetterQueue: (body: string, attributes: Readonly<Record<string, string>>) => Promise<void>;
  /** Tells the sender of a command what came of it. */
  readonly reply: (reply: CommandReply) => Promise<void>;
  readonly log: Log;
}

/** The attributes of a message that was put aside. It can be sent back as it is. */
const attributes = { reason: 'reason', error: 'error', redriveCount: 'redrives' } as const;

/**
 * Carries out commands by the use cases of the HTTP routes, each once however often it comes. What can never succeed is
 * put aside at once with its reason; what may succeed later is reported, to come again.
 */
export const commandHandler =
  (dependencies: CommandHandlerDependencies) =>
  async (
    { Records: records }: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const deadline = deadlineOf(context);
    const handled = await Promise.all(
      records.map((record) => withDeadline(deadline, () => handle(dependencies, record))),
    );
    return {
      batchItemFailures: records.filter((_, n) => !handled[n]).map(({ messageId }) => ({ itemIdentifier: messageId })),
    };
  };

/** @returns whether the message is done with; `false` is one that has to come again */
async function handle(
  dependencies: CommandHandlerDependencies,
  { messageId, body, messageAttributes }: SQSRecord,
): Promise<boolean> {
  // Anybody who sends a message can give it attributes: what is no small number is none.
  const given = messageAttributes[attributes.redriveCount]?.stringValue ?? '';
  const redriveCount = /^\d{1,6}$/.test(given) ? Number(given) : 0;
  let command: Command | undefined;
  let outcome: CommandOutcome;
  try {
    try {
      command = parseCommand(body);
      outcome = await execute(dependencies, command, redriveCount);
    } catch (error) {
      outcome = toRefusal(error);
    }
    if (command?.reply === true) await dependencies.reply(replyTo(command, outcome));
    // Last, so that there is one of it: had anything failed after this, it would be put aside again.
    if (outcome.outcome === 'refused') {
      await dependencies.sendToDeadLetterQueue(body, {
        [attributes.reason]: outcome.message,
        [attributes.error]: outcome.error,
        [attributes.redriveCount]: String(redriveCount + 1),
      });
    }
  } catch (error) {
    const cause = error instanceof Error ? { name: error.name, message: error.message, stack: error.stack } : error;
    dependencies.log({ level: 'error', message: logMessages.commandFailed, messageId, ...logFields(command), cause });
    return false;
  }
  const refusal = outcome.outcome === 'refused' ? { error: outcome.error } : {};
  dependencies.log({
    level: 'info',
    message: logMessages.command,
    messageId,
    ...logFields(command),
    outcome: outcome.outcome,
    ...refusal,
  });
  return true;
}

async function execute(
  dependencies: CommandHandlerDependencies,
  command: Command,
  redriveCount: number,
): Promise<CommandOutcome> {
  const { id, projectId, digest } = command;
  const commandRecord = { id, projectId, digest, redriveCount: redriveCount };
  let outcome: CommandOutcome = { outcome: 'done' };
  try {
    await runUseCase(dependencies, command, dependencies.records.membershipsFor(commandRecord));
  } catch (error) {
    if (!(error instanceof CommandAlreadyRecordedError)) outcome = toRefusal(error);
  }
  // What has acted is settled with its effect. This settles a refusal, and what had nothing to change, and it finds how
  // a command was settled that comes again: whatever the use case says of it now, it answers the same.
  const recorded = await dependencies.records.recordOutcome(commandRecord, outcome);
  if (recorded.digest === digest) return recorded.outcome;
  return {
    outcome: 'refused',
    error: 'invalid-request',
    message: `The project has used the id ${abridge(id)} for another command; give each its own.`,
  };
}

/** @throws any error that is not a final refusal; a command whose outcome is unknown acts once when it is retried */
function toRefusal(error: unknown): CommandOutcome {
  if (!(error instanceof SharingError) || isTemporary(error)) throw error;
  return { outcome: 'refused', error: error.code, message: error.message };
}

async function runUseCase(
  { useCases }: CommandHandlerDependencies,
  command: Command,
  memberships: MembershipRepository,
): Promise<void> {
  const { answerOffer, offerImage, withdrawOffer } = useCases(memberships);
  const { projectId, userId, status } = command;
  // IAM decides who may send commands for which project.
  const caller = { projectId, userId, role: 'member', via: 'command' } as const;
  const imageId = requireImageId(command.imageId);
  if (command.command === 'offer-image') {
    await offerImage({ imageId, memberId: projectOf('member_id', command.memberId), caller });
    return;
  }
  const memberId = requireMemberId(imageId, command.memberId);
  if (command.command === 'answer-offer') await answerOffer({ imageId, memberId, status, caller });
  else await withdrawOffer({ imageId, memberId, caller });
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

const logFields = (command: Command | undefined): Readonly<Record<string, unknown>> =>
  command === undefined ? {} : { command: command.command, id: command.id, project: command.projectId };
