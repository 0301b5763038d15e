import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { withDeadline } from '../deadline.ts';
import type { Change } from '../domain/change.ts';
import type { ImageId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import type { log } from '../log.ts';
import { countOf } from './metric.ts';
import { notificationOf } from './notification.ts';
import { publishInOrder, type NotificationBus } from './publish.ts';

/** What the consumer of the table's stream works with. */
export interface StreamParts {
  /** What a record means; throws where it is malformed. */
  readonly read: (record: DynamoDBRecord) => {
    readonly change?: Change;
    readonly begun?: Pick<Image, 'id' | 'version'>;
    readonly unknown?: string;
  };
  /** The names of images, by id. */
  readonly imageNames: (imageIds: readonly ImageId[]) => Promise<ReadonlyMap<string, string | null>>;
  readonly bus: NotificationBus;
  /** Sees to it that a fan-out is looked at again once its request can no longer be at it. */
  readonly lookAgain: (begun: Pick<Image, 'id' | 'version'>) => Promise<void>;
  /** Puts a record aside that nothing can be made of, with the reason. */
  readonly putAside: (record: DynamoDBRecord, reason: string) => Promise<void>;
  readonly log: typeof log;
}

/** Kept of a function's time for reporting what was not done. */
const marginMilliseconds = 5000;

/**
 * Tells the bus of every change in a batch of the stream, in the order in which they were made. What was not done is
 * reported from its first record on, and comes again with all that follows it: at least once, and never out of order.
 */
export const streamHandler =
  (parts: StreamParts) =>
  (
    { Records: records }: DynamoDBStreamEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<DynamoDBBatchResponse> => {
    const until = Date.now() + context.getRemainingTimeInMillis() - marginMilliseconds;
    return withDeadline(until, async () => {
      const failed = await tell(parts, records, until);
      const record = failed === undefined ? undefined : records[failed];
      return {
        batchItemFailures: record === undefined ? [] : [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' }],
      };
    });
  };

/** @returns the position of the first record that has to come again */
async function tell(
  parts: StreamParts,
  records: readonly DynamoDBRecord[],
  until: number,
): Promise<number | undefined> {
  const changes: { readonly position: number; readonly change: Change }[] = [];
  let position = 0;
  let failed: number | undefined;
  let cause: unknown;
  try {
    for (const record of records) {
      const change = await look(parts, record);
      if (change !== undefined) changes.push({ position, change });
      position += 1;
    }
  } catch (error) {
    // What comes before this record is told all the same; what follows comes again with it.
    [failed, cause] = [position, error];
  }
  let unpublished: readonly number[] = [];
  try {
    const names = await parts.imageNames(
      changes.flatMap(({ change }) => (change.kind === 'membership' ? [change.imageId] : [])),
    );
    const notifications = changes.map(({ change }) => notificationOf(change, names.get(change.imageId) ?? null));
    unpublished = await publishInOrder(parts.bus, notifications, until);
  } catch (error) {
    unpublished = [...changes.keys()];
    cause = error;
  }
  const first = unpublished[0] === undefined ? failed : changes[unpublished[0]]?.position;
  parts.log({
    level: first === undefined ? 'info' : 'error',
    message: 'notifications',
    records: records.length,
    published: changes.length - unpublished.length,
    ...(first === undefined
      ? {}
      : { again: records.length - first, cause: cause instanceof Error ? cause.message : 'refused by the bus' }),
  });
  return first;
}

/** The change that a record tells of; hands over whatever else it asks for. */
async function look(parts: StreamParts, record: DynamoDBRecord): Promise<Change | undefined> {
  let reading: ReturnType<StreamParts['read']>;
  try {
    reading = parts.read(record);
  } catch (error) {
    // It will never read better: it goes aside as it is, and those behind it go on.
    const reason = error instanceof Error ? error.message : String(error);
    await parts.putAside(record, reason);
    parts.log({ level: 'error', message: 'record put aside', reason, ...countOf('MalformedStreamRecords') });
    return undefined;
  }
  if (reading.unknown !== undefined) {
    parts.log({ level: 'warn', message: 'unknown item', item: reading.unknown, ...countOf('UnknownStreamRecords') });
  }
  if (reading.begun !== undefined) await parts.lookAgain(reading.begun);
  return reading.change;
}
