import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { deadlineOf } from '../runtime/deadline.ts';
import { withRequestContext } from '../runtime/request-context.ts';
import {
  CommandAlreadyRecordedError,
  type CommandRecordRepository,
  type CommandOutcome,
} from '../domain/repositories/command-record-repository.ts';
import { isTemporary, SharingError } from '../domain/errors.ts';
import type { MembershipRepository } from '../domain/repositories/membership-repository.ts';
import { abridge } from '../domain/quote.ts';
import { logMessages } from '../runtime/log-messages.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { AnswerOffer } from '../use-cases/members/answer-offer.ts';
import type { OfferImage } from '../use-cases/members/offer-image.ts';
import type { WithdrawOffer } from '../use-cases/members/withdraw-offer.ts';
import type { CommandReply } from './command-reply.ts';
import { parseCommand, projectOf, type Command } from './command.ts';
import { parseImageId, requireImageId, requireMemberId } from '../domain/ids.ts';

/** Dependencies of the command consumer. */
export interface CommandHandlerDependencies {
  readonly records: CommandRecordRepository;
  /** Creates the use cases on a membership repository. */
  readonly useCases: (memberships: MembershipRepository) => {
    readonly answerOffer: AnswerOffer;
    readonly offerImage: OfferImage;
    readonly withdrawOffer: WithdrawOffer;
  };
  /** Sends a refused command to the dead-letter queue, with attributes for the reason. */
  readonly sendToDeadLetterQueue: (body: string, attributes: Readonly<Record<string, string>>) => Promise<void>;
  /** Publishes the outcome of a command for its sender. */
  readonly reply: (reply: CommandReply) => Promise<void>;
  readonly telemetry: Telemetry;
}

/** The message attributes of a dead letter. A redrive sends it with them. */
const attributes = { reason: 'reason', error: 'error', redriveCount: 'redrives' } as const;

/**
 * Executes commands by the use cases of the HTTP operations, each command at most once. A refused command goes to the
 * dead-letter queue immediately, with its reason. A command that may succeed later is reported as failed, so that SQS
 * delivers it again.
 */
export const commandHandler =
  (dependencies: CommandHandlerDependencies) =>
  async (
    { Records: records }: SQSEvent,
    context: Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const deadline = deadlineOf(context);
    const messages = await Promise.all(
      records.map(async (record) => ({
        messageId: record.messageId,
        isCompleted: await withRequestContext(deadline, () => handleMessage(dependencies, record, context)),
      })),
    );
    const failed = messages.filter(({ isCompleted }) => !isCompleted);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };

/** Executes the command of a message. Returns `false` if SQS must deliver it again. */
async function handleMessage(
  dependencies: CommandHandlerDependencies,
  { messageId, body, messageAttributes }: SQSRecord,
  context: Pick<Context, 'awsRequestId'>,
): Promise<boolean> {
  const { log, startRequest } = dependencies.telemetry;
  const endRequest = startRequest(context);
  // Every sender can set message attributes: a malformed number counts as 0.
  const redrives = messageAttributes[attributes.redriveCount]?.stringValue ?? '';
  const redriveCount = /^\d{1,6}$/.test(redrives) ? Number(redrives) : 0;
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
    // The last step: a failure after it would cause a second dead letter.
    if (outcome.outcome === 'refused') {
      await dependencies.sendToDeadLetterQueue(body, {
        [attributes.reason]: outcome.message,
        [attributes.error]: outcome.error,
        [attributes.redriveCount]: String(redriveCount + 1),
      });
    }
  } catch (error) {
    const cause = error instanceof Error ? { name: error.name, message: error.message, stack: error.stack } : error;
    const isUnavailable = error instanceof SharingError && isTemporary(error);
    log({
      level: 'error',
      message: logMessages.commandFailed,
      messageId,
      ...logFields(command),
      cause,
      ...endRequest(operationOf(command), isUnavailable ? 'unavailable' : 'failed'),
    });
    return false;
  }
  log({
    level: 'info',
    message: logMessages.command,
    messageId,
    ...logFields(command),
    ...(outcome.outcome === 'refused' && { error: outcome.error }),
    ...endRequest(operationOf(command), outcome.outcome === 'refused' ? 'refused' : 'success'),
  });
  return true;
}

async function execute(
  dependencies: CommandHandlerDependencies,
  command: Command,
  redriveCount: number,
): Promise<CommandOutcome> {
  const { id, projectId, digest } = command;
  const commandRecord = { id, projectId, digest, redriveCount };
  let outcome: CommandOutcome = { outcome: 'done' };
  try {
    await runUseCase(dependencies, command, dependencies.records.membershipsFor(commandRecord));
  } catch (error) {
    if (!(error instanceof CommandAlreadyRecordedError)) outcome = toRefusal(error);
  }
  // A command with an effect is recorded in the transaction of the effect. This records refusals and commands without
  // an effect. For a command that was recorded before it returns that outcome, regardless of the use case's result now.
  const recorded = await dependencies.records.recordOutcome(commandRecord, outcome);
  if (recorded.digest === digest) return recorded.outcome;
  return {
    outcome: 'refused',
    error: 'invalid-request',
    message: `The project has used the "id" ${abridge(id)} for another command; each command must have its own.`,
  };
}

/**
 * Returns the outcome of a refused command.
 *
 * @throws any error that is not a final refusal. If the outcome is unknown, a retry is safe: a command acts at most
 *   once
 */
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
  // The right to send commands, which IAM grants, includes every project.
  const caller = { projectId, userId, role: 'member', via: 'command', requestId: command.id } as const;
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

/** Returns the operation of a command in the log and the metrics. Messages that are no valid command share one. */
const operationOf = (command: Command | undefined): string => command?.command ?? 'invalid-command';

const logFields = (command: Command | undefined): Readonly<Record<string, unknown>> =>
  command === undefined ? {} : { id: command.id, project: command.projectId, image: parseImageId(command.imageId) };
