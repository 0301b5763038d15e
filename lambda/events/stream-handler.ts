import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { reportingReserveMilliseconds, withDeadline } from '../runtime/deadline.ts';
import type { Change, MembershipChange } from '../domain/change.ts';
import type { Image } from '../domain/image.ts';
import type { log } from '../runtime/log.ts';
import { Backoff } from '../runtime/backoff.ts';
import { countMetric } from '../runtime/metric.ts';
import { toNotification } from './notification.ts';
import { publishInOrder, type NotificationBus } from './publish-in-order.ts';

/** What the consumer of the table's stream works with. */
export interface StreamHandlerDependencies {
  /** What a record means; throws where it is malformed. */
  readonly read: (record: DynamoDBRecord) => {
    readonly change?: Change;
    readonly pendingChangeStarted?: Pick<Image, 'id' | 'version'>;
    readonly unknown?: string;
  };
  /** The names of images as the members of these memberships may know them, by membership id. */
  readonly imageNames: (memberships: readonly MembershipChange[]) => Promise<ReadonlyMap<string, string | null>>;
  readonly bus: NotificationBus;
  /** Sees to it that a fan-out is looked at again once its request can no longer be at it. */
  readonly scheduleCompletion: (pendingChangeStarted: Pick<Image, 'id' | 'version'>) => Promise<void>;
  /** Puts a record aside that nothing can be made of, with the reason. */
  readonly sendToDeadLetterQueue: (record: DynamoDBRecord, reason: string) => Promise<void>;
  readonly log: typeof log;
}

/** What a queue holds, less what the attributes of a message take of it. */
const maxMessageBytes = 250_000;

/**
 * The message that a record is put aside as: an event with this one record, for the function to be handed once more. What a
 * queue could not hold is left out: the item before and after the change.
 */
export function deadLetterBody(record: DynamoDBRecord): string {
  const whole = serializeForSqs(record);
  if (Buffer.byteLength(whole) <= maxMessageBytes) return whole;
  const { NewImage: _after, OldImage: _before, ...place } = record.dynamodb ?? {};
  return serializeForSqs({ ...record, dynamodb: place });
}

/** With the two characters escaped that SQS refuses and JSON does not ("SendMessage" in the SQS API reference). */
const serializeForSqs = (record: DynamoDBRecord): string =>
  JSON.stringify({ Records: [record] }).replaceAll(
    /[\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );

/**
 * Tells the bus of every change in a batch of the stream, in the order in which they were made. What was not done is
 * reported from its first record on, and comes again with all that follows it: at least once, and never out of order.
 *
 * @throws Error where the first record of several is what cannot be done, and others can: the batch comes again in
 *   halves, until the one that is in the way is alone ("Bisect on function error" in the Lambda developer guide)
 */
export const streamHandler =
  (dependencies: StreamHandlerDependencies) =>
  (
    { Records: records }: DynamoDBStreamEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<DynamoDBBatchResponse> => {
    const deadline = Date.now() + context.getRemainingTimeInMillis() - reportingReserveMilliseconds;
    return withDeadline(deadline, async () => {
      const failure = await publishBatch(dependencies, records, deadline);
      if (failure === undefined) return { batchItemFailures: [] };
      if (failure.firstFailedIndex === 0 && failure.othersSucceeded && records.length > 1) {
        throw new Error(`The first of ${records.length} records is in the way of the others: ${failure.cause}.`);
      }
      return {
        batchItemFailures: [{ itemIdentifier: records[failure.firstFailedIndex]?.dynamodb?.SequenceNumber ?? '' }],
      };
    });
  };

interface Failure {
  /** The position of the first record that has to come again. */
  readonly firstFailedIndex: number;
  /** Whether others of the batch could be done. */
  readonly othersSucceeded: boolean;
  readonly cause: string;
}

async function publishBatch(
  dependencies: StreamHandlerDependencies,
  records: readonly DynamoDBRecord[],
  deadline: number,
): Promise<Failure | undefined> {
  const parsedRecords = records.map((record) => ({ record, parsedRecord: readRecord(dependencies, record) }));
  const changes = parsedRecords.flatMap(({ parsedRecord: { change } }, position) =>
    change === undefined ? [] : [{ position, change }],
  );
  let failure: Failure | undefined;
  let published = 0;
  try {
    // None for an end: whoever is no member any more learns nothing that is newer.
    const names = await dependencies.imageNames(
      changes.flatMap(({ change }) => (change.kind === 'membership' && change.after !== undefined ? [change] : [])),
    );
    const notifications = changes.map(({ change }) =>
      toNotification(change, change.kind === 'membership' ? (names.get(change.membershipId) ?? null) : null),
    );
    const { unpublished: unpublished, errorCode: errorCode } = await publishInOrder(
      dependencies.bus,
      notifications,
      deadline,
    );
    published = changes.length - unpublished.length;
    const firstFailedIndex = changes[unpublished[0] ?? changes.length]?.position;
    if (firstFailedIndex !== undefined) {
      failure = {
        firstFailedIndex: firstFailedIndex,
        othersSucceeded: published > 0,
        cause: `the bus says ${errorCode ?? 'nothing in time'}`,
      };
    }
  } catch (error) {
    if (changes[0] !== undefined)
      failure = { firstFailedIndex: changes[0].position, othersSucceeded: false, cause: messageOf(error) };
  }
  // What is not told yet comes again, and is handed over then.
  for (const [position, { record, parsedRecord }] of parsedRecords.slice(0, failure?.firstFailedIndex).entries()) {
    try {
      await dispatch(dependencies, record, parsedRecord, deadline);
    } catch (error) {
      failure = { firstFailedIndex: position, othersSucceeded: published > 0, cause: messageOf(error) };
      break;
    }
  }
  dependencies.log({
    level: failure === undefined ? 'info' : 'error',
    message: 'notifications',
    records: records.length,
    published,
    ...(failure === undefined ? {} : { again: records.length - failure.firstFailedIndex, cause: failure.cause }),
  });
  return failure;
}

/** What there is to be done about a record; a record that is malformed has the reason instead. */
type ParsedRecord = ReturnType<StreamHandlerDependencies['read']> & { readonly malformed?: string };

function readRecord(dependencies: StreamHandlerDependencies, record: DynamoDBRecord): ParsedRecord {
  try {
    const parsedRecord = dependencies.read(record);
    if (parsedRecord.unknown !== undefined) {
      dependencies.log({
        level: 'warn',
        message: 'unknown item',
        item: parsedRecord.unknown,
        ...countMetric('UnknownStreamRecords'),
      });
    }
    return parsedRecord;
  } catch (error) {
    return { malformed: messageOf(error) };
  }
}

/** Hands over what a record asks for besides its notification, again and again as long as there is time. */
async function dispatch(
  dependencies: StreamHandlerDependencies,
  record: DynamoDBRecord,
  parsedRecord: ParsedRecord,
  deadline: number,
): Promise<void> {
  const { pendingChangeStarted, malformed } = parsedRecord;
  if (pendingChangeStarted !== undefined)
    await retryUntilDeadline(() => dependencies.scheduleCompletion(pendingChangeStarted), deadline);
  if (malformed !== undefined) {
    // It will never read better: it goes aside, and those behind it go on.
    await retryUntilDeadline(() => dependencies.sendToDeadLetterQueue(record, malformed), deadline);
    dependencies.log({
      level: 'error',
      message: 'record put aside',
      reason: malformed,
      ...countMetric('MalformedStreamRecords'),
    });
  }
}

async function retryUntilDeadline(act: () => Promise<void>, deadline: number): Promise<void> {
  const backoff = new Backoff(deadline);
  for (;;) {
    try {
      await act();
      return;
    } catch (error) {
      if (!(await backoff.wait())) throw error;
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
