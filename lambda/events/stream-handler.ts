import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { deadlineOf } from '../runtime/deadline.ts';
import { withRequestContext } from '../runtime/request-context.ts';
import type { Change, MembershipChange } from '../domain/change.ts';
import { historyEntryOf } from '../domain/history/history-entry.ts';
import type { ImageId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import type { HistoryRecorder } from '../domain/repositories/history-repository.ts';
import { logMessages } from '../runtime/log-messages.ts';
import type { Log } from '../runtime/log.ts';
import { Backoff } from '../runtime/backoff.ts';
import { metricFields, publishOperation } from '../runtime/metric.ts';
import { toNotification } from './notification.ts';
import { publishInOrder, type NotificationBus } from './publish-in-order.ts';

/** An import that a stream record starts. */
interface StartedImport {
  readonly imageId: ImageId;
  readonly jobId: string;
}

/** Dependencies of the stream consumer. */
export interface StreamHandlerDependencies {
  /** Returns the content of a stream record. Throws if the record is malformed. */
  readonly read: (record: DynamoDBRecord) => {
    readonly change?: Change;
    readonly pendingChangeStarted?: Pick<Image, 'id' | 'version'>;
    readonly importStarted?: StartedImport;
    readonly dataDeleted?: string;
    readonly unknown?: string;
  };
  readonly history: HistoryRecorder;
  /** Returns the image names that the members of these memberships may know, by membership id. */
  readonly imageNames: (memberships: readonly MembershipChange[]) => Promise<ReadonlyMap<string, string | null>>;
  readonly bus: NotificationBus;
  /** Schedules the completion of a pending change for after its request's timeout. */
  readonly scheduleCompletion: (pendingChangeStarted: Pick<Image, 'id' | 'version'>) => Promise<void>;
  /** Starts an import. */
  readonly startImport: (importStarted: StartedImport) => Promise<void>;
  /** Deletes the data of a deleted image. */
  readonly deleteData: (objectKey: string) => Promise<void>;
  /** Sends a malformed record to the dead-letter queue. */
  readonly sendToDeadLetterQueue: (record: DynamoDBRecord, reason: string) => Promise<void>;
  readonly log: Log;
}

/** Maximum body size in bytes: the SQS limit minus space for attributes. */
const maxMessageBytes = 250_000;

/**
 * Returns the dead letter of a record: an event with this record alone, so that a redrive invokes the function with it.
 * The old and new images are omitted if the message would be too large.
 */
export function deadLetterBody(record: DynamoDBRecord): string {
  const body = serializeForSqs(record);
  if (Buffer.byteLength(body) <= maxMessageBytes) return body;
  const { NewImage: _newImage, OldImage: _oldImage, ...withoutImages } = record.dynamodb ?? {};
  return serializeForSqs({ ...record, dynamodb: withoutImages });
}

/** Escapes the two characters that JSON permits and SQS refuses ("SendMessage" in the SQS API reference). */
const serializeForSqs = (record: DynamoDBRecord): string =>
  JSON.stringify({ Records: [record] }).replaceAll(
    /[\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );

/**
 * Records every change in a batch of stream records in the history of its image, then publishes the changes in order.
 * Each change is recorded and published at least once; to record it again changes nothing. The response reports the first
 * failed record; Lambda retries this record and all that follow it.
 *
 * @throws Error if the first record fails and others succeed: Lambda then retries the batch in halves until the failed
 *   record is alone ("Bisect on function error" in the Lambda developer guide)
 */
export const streamHandler =
  (dependencies: StreamHandlerDependencies) =>
  (
    { Records: records }: DynamoDBStreamEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<DynamoDBBatchResponse> => {
    const deadline = deadlineOf(context);
    return withRequestContext(deadline, async () => {
      const failure = await publishBatch(dependencies, records, deadline);
      if (failure === undefined) return { batchItemFailures: [] };
      if (failure.firstFailedIndex === 0 && failure.othersSucceeded && records.length > 1) {
        throw new Error(`The first of ${records.length} records failed and blocks the others: ${failure.cause}.`);
      }
      return {
        batchItemFailures: [{ itemIdentifier: records[failure.firstFailedIndex]?.dynamodb?.SequenceNumber ?? '' }],
      };
    });
  };

interface Failure {
  /** Position of the first record to retry. */
  readonly firstFailedIndex: number;
  /** `true` if other records of the batch were published. */
  readonly othersSucceeded: boolean;
  readonly cause: string;
}

async function publishBatch(
  dependencies: StreamHandlerDependencies,
  records: readonly DynamoDBRecord[],
  deadline: number,
): Promise<Failure | undefined> {
  const parsedRecords = records.map((record) => readRecord(dependencies, record));
  const changes = parsedRecords.flatMap(({ change }, position) => (change === undefined ? [] : [{ position, change }]));
  let failure: Failure | undefined;
  let published = 0;
  try {
    await recordHistory(
      dependencies,
      changes.map(({ change }) => change),
    );
    // No name with the end of a membership: a former member learns nothing newer than the end.
    const names = await dependencies.imageNames(
      changes.flatMap(({ change }) => (change.kind === 'membership' && change.after !== undefined ? [change] : [])),
    );
    const notifications = changes.map(({ change }) =>
      toNotification(change, change.kind === 'membership' ? (names.get(change.membershipId) ?? null) : null),
    );
    const { unpublished, errorCode = 'deadline passed' } = await publishInOrder(
      dependencies.bus,
      notifications,
      deadline,
    );
    published = changes.length - unpublished.length;
    const [firstUnpublished] = unpublished;
    const firstFailedIndex = firstUnpublished === undefined ? undefined : changes[firstUnpublished]?.position;
    if (firstFailedIndex !== undefined) {
      failure = {
        firstFailedIndex,
        othersSucceeded: published > 0,
        cause: `the event bus did not publish it: ${errorCode}`,
      };
    }
  } catch (error) {
    if (changes[0] !== undefined)
      failure = { firstFailedIndex: changes[0].position, othersSucceeded: false, cause: messageOf(error) };
  }
  // The records from the first failed one on are retried and dispatched then.
  for (const [position, parsedRecord] of parsedRecords.slice(0, failure?.firstFailedIndex).entries()) {
    try {
      await dispatch(dependencies, parsedRecord, deadline);
    } catch (error) {
      failure = { firstFailedIndex: position, othersSucceeded: published > 0, cause: messageOf(error) };
      break;
    }
  }
  dependencies.log({
    level: failure === undefined ? 'info' : 'error',
    message: logMessages.notifications,
    records: records.length,
    published,
    ...(failure === undefined
      ? {}
      : {
          cause: failure.cause,
          ...metricFields(publishOperation, { UnpublishedRecords: records.length - failure.firstFailedIndex }),
        }),
  });
  return failure;
}

/** Records changes. The full history of one image does not prevent the other changes. */
async function recordHistory({ history, log }: StreamHandlerDependencies, changes: readonly Change[]): Promise<void> {
  const entries = changes.flatMap((change) => historyEntryOf(change) ?? []);
  const unrecorded = await history.record(entries);
  if (unrecorded.length === 0) return;
  log({
    level: 'error',
    message: logMessages.historyFull,
    images: [...new Set(unrecorded.map(({ imageId }) => imageId))],
    ...metricFields(publishOperation, { UnrecordedChanges: unrecorded.length }),
  });
}

/** A stream record with its content or, if it is malformed, the reason. */
type ParsedRecord = ReturnType<StreamHandlerDependencies['read']> & {
  readonly record: DynamoDBRecord;
  readonly malformed?: string;
};

function readRecord(dependencies: StreamHandlerDependencies, record: DynamoDBRecord): ParsedRecord {
  try {
    const parsedRecord = dependencies.read(record);
    if (parsedRecord.unknown !== undefined) {
      dependencies.log({
        level: 'warn',
        message: logMessages.unknownItem,
        item: parsedRecord.unknown,
        ...metricFields(publishOperation, { UnknownStreamRecords: 1 }),
      });
    }
    return { record, ...parsedRecord };
  } catch (error) {
    return { record, malformed: messageOf(error) };
  }
}

/** Schedules what a record starts or deletes and sends a malformed record to the dead-letter queue, with retries. */
async function dispatch(
  dependencies: StreamHandlerDependencies,
  { record, pendingChangeStarted, importStarted, dataDeleted, malformed }: ParsedRecord,
  deadline: number,
): Promise<void> {
  if (pendingChangeStarted !== undefined)
    await retryUntilDeadline(() => dependencies.scheduleCompletion(pendingChangeStarted), deadline);
  if (importStarted !== undefined) await retryUntilDeadline(() => dependencies.startImport(importStarted), deadline);
  if (dataDeleted !== undefined) await retryUntilDeadline(() => dependencies.deleteData(dataDeleted), deadline);
  if (malformed !== undefined) {
    // A retry cannot help: without the record the following ones continue.
    await retryUntilDeadline(() => dependencies.sendToDeadLetterQueue(record, malformed), deadline);
    dependencies.log({
      level: 'error',
      message: logMessages.recordSentToDeadLetterQueue,
      reason: malformed,
      ...metricFields(publishOperation, { MalformedStreamRecords: 1 }),
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
