import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { deadlineOf } from '../runtime/deadline.ts';
import { currentDeadline, withRequestContext } from '../runtime/request-context.ts';
import {
  CommandAlreadyRecordedError,
  type CommandRecordRepository,
  type CommandOutcome,
  type CommandRecord,
  type RecordingRepositories,
} from '../domain/repositories/command-record-repository.ts';
import type { Caller } from '../domain/caller.ts';
import { invalidRequest, isTemporary, SharingError } from '../domain/errors.ts';
import { abridge } from '../domain/quote.ts';
import { logMessages } from '../runtime/log-messages.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { AnswerOffer } from '../use-cases/members/answer-offer.ts';
import type { ChangeExpiry } from '../use-cases/members/change-expiry.ts';
import type { LeaveImage } from '../use-cases/members/leave-image.ts';
import type { OfferImage } from '../use-cases/members/offer-image.ts';
import type { WithdrawOffer } from '../use-cases/members/withdraw-offer.ts';
import { runEntries } from '../use-cases/sharing/run-entries.ts';
import type { RemoveStandingAnswer, SetStandingAnswer } from '../use-cases/sharing/standing-answers.ts';
import type { CommandReply } from './command-reply.ts';
import { parseCommand, projectOf, type Command } from './command.ts';
import { parseImageId, requireImageId, requireMemberId } from '../domain/ids.ts';

/** The use cases of the commands. */
interface CommandUseCases {
  readonly answerOffer: AnswerOffer;
  readonly offerImage: OfferImage;
  readonly withdrawOffer: WithdrawOffer;
  readonly changeExpiry: ChangeExpiry;
  readonly leaveImage: LeaveImage;
  readonly setStandingAnswer: SetStandingAnswer;
  readonly removeStandingAnswer: RemoveStandingAnswer;
}

/** Dependencies of the command consumer. */
export interface CommandHandlerDependencies {
  readonly records: CommandRecordRepository;
  /** Creates the use cases on the repositories. */
  readonly useCases: (repositories: RecordingRepositories) => CommandUseCases;
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
  let outcome: ExecutedOutcome;
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

/** The outcome of a command and, if it has several entries, their outcomes in their order. */
type ExecutedOutcome = CommandOutcome & { readonly results?: readonly CommandOutcome[] };

function execute(
  dependencies: CommandHandlerDependencies,
  command: Command,
  redriveCount: number,
): Promise<ExecutedOutcome> {
  const { id, projectId, digest } = command;
  const commandRecord = { id, projectId, digest, redriveCount };
  return command.command === 'offer-images'
    ? executeOffers(dependencies, command, commandRecord)
    : executeRecorded(dependencies, commandRecord, (useCases) => runUseCase(useCases, command));
}

/**
 * Executes every offer of a command at most once, and then records the command. If one may succeed later, the message
 * is delivered again, and executed offers stay executed.
 *
 * @throws the first temporary or unexpected error of an offer
 */
async function executeOffers(
  dependencies: CommandHandlerDependencies,
  command: Command,
  commandRecord: CommandRecord,
): Promise<ExecutedOutcome> {
  const { records } = dependencies;
  assertNoDuplicates(command.offers);
  if (!(await records.reserve(commandRecord))) return usedForAnotherCommand(commandRecord);
  const entries = command.offers.map((offer, entry) => ({ ...offer, entry }));
  const deadline = currentDeadline() ?? Number.POSITIVE_INFINITY;
  const caller = callerOf(command);
  const executed = await runEntries({ entries, caller, deadline }, (offer) =>
    executeRecorded(dependencies, { ...commandRecord, entry: offer.entry }, async ({ offerImage }) => {
      await offerImage({
        imageId: requireImageId(offer.imageId),
        memberId: projectOf('member_id', offer.memberId),
        expiresAt: offer.expiresAt,
        caller,
      });
    }),
  );
  const results = executed.map((result) => {
    if ('error' in result) throw result.error;
    return result.value;
  });
  const refusals = results.filter((result) => result.outcome === 'refused');
  const [first] = refusals;
  const outcome: CommandOutcome =
    first === undefined
      ? { outcome: 'done' }
      : {
          ...first,
          message: `${refusals.length} of ${results.length} offers were refused; the first because: ${first.message}`,
        };
  return { ...(await record(dependencies, commandRecord, outcome)), results };
}

/** Runs the use case of a command or of an entry, unless its outcome is recorded, and records the outcome. */
async function executeRecorded(
  dependencies: CommandHandlerDependencies,
  commandRecord: CommandRecord,
  run: (useCases: CommandUseCases) => Promise<unknown>,
): Promise<CommandOutcome> {
  let outcome: CommandOutcome = { outcome: 'done' };
  try {
    await run(dependencies.useCases(dependencies.records.repositoriesFor(commandRecord)));
  } catch (error) {
    if (!(error instanceof CommandAlreadyRecordedError)) outcome = toRefusal(error);
  }
  return record(dependencies, commandRecord, outcome);
}

/**
 * Records the outcome of a command and returns the recorded outcome. A command with an effect is recorded in the
 * transaction of the effect. This records refusals and commands without an effect. For a command that was recorded
 * before it returns that outcome, regardless of the use case's result now.
 */
async function record(
  { records }: CommandHandlerDependencies,
  commandRecord: CommandRecord,
  outcome: CommandOutcome,
): Promise<CommandOutcome> {
  return (await records.recordOutcome(commandRecord, outcome)) ?? usedForAnotherCommand(commandRecord);
}

const usedForAnotherCommand = ({ id }: CommandRecord): CommandOutcome => ({
  outcome: 'refused',
  error: 'invalid-request',
  message: `The project has used the "id" ${abridge(id)} for another command; each command must have its own.`,
});

function assertNoDuplicates(offers: Command['offers']): void {
  const memberships = new Set(offers.map(({ imageId, memberId }) => JSON.stringify([imageId, memberId])));
  if (memberships.size < offers.length) {
    throw invalidRequest('Two of the "offers" are of the same image to the same project; each must be another.');
  }
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

/** Returns the caller of a command. The right to send commands, which IAM grants, includes every project. */
const callerOf = ({ projectId, userId, id }: Command): Caller => ({
  projectId,
  userId,
  role: 'member',
  via: 'command',
  requestId: id,
});

function runUseCase(useCases: CommandUseCases, command: Command): Promise<unknown> {
  const { command: name, status, expiresAt } = command;
  const caller = callerOf(command);
  if (name === 'set-standing-answer') {
    return useCases.setStandingAnswer({ owner: projectOf('owner', command.owner), status, caller });
  }
  if (name === 'remove-standing-answer') {
    return useCases.removeStandingAnswer({ owner: projectOf('owner', command.owner), caller });
  }
  const imageId = requireImageId(command.imageId);
  if (name === 'leave-image') return useCases.leaveImage({ imageId, caller });
  if (name === 'offer-image') {
    return useCases.offerImage({ imageId, memberId: projectOf('member_id', command.memberId), expiresAt, caller });
  }
  const member = { imageId, memberId: requireMemberId(imageId, command.memberId), caller };
  if (name === 'answer-offer') return useCases.answerOffer({ ...member, status });
  if (name === 'change-expiry') return useCases.changeExpiry({ ...member, expiresAt });
  return useCases.withdrawOffer(member);
}

const replyTo = (command: Command, outcome: ExecutedOutcome): CommandReply => ({
  version: 1,
  id: command.id,
  digest: command.digest,
  project: command.projectId,
  command: command.command,
  ...(command.imageId !== '' && { image_id: command.imageId }),
  ...(command.memberId !== '' && { member_id: command.memberId }),
  ...(command.owner !== '' && { owner: command.owner }),
  ...outcome,
});

/** Returns the operation of a command in the log and the metrics. Messages that are no valid command share one. */
const operationOf = (command: Command | undefined): string => command?.command ?? 'invalid-command';

const logFields = (command: Command | undefined): Readonly<Record<string, unknown>> =>
  command === undefined ? {} : { id: command.id, project: command.projectId, image: parseImageId(command.imageId) };
