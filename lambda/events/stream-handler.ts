import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { reportMilliseconds, withDeadline } from '../runtime/deadline.ts';
import type { Change, MembershipChange } from '../domain/change.ts';
import type { Image } from '../domain/image.ts';
import type { log } from '../runtime/log.ts';
import { Backoff } from '../runtime/backoff.ts';
import { countOf } from '../runtime/metric.ts';
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
  /** The names of images as the members of these memberships may know them, by membership id. */
  readonly imageNames: (memberships: readonly MembershipChange[]) => Promise<ReadonlyMap<string, string | null>>;
  readonly bus: NotificationBus;
  /** Sees to it that a fan-out is looked at again once its request can no longer be at it. */
  readonly lookAgain: (begun: Pick<Image, 'id' | 'version'>) => Promise<void>;
  /** Puts a record aside that nothing can be made of, with the reason. */
  readonly putAside: (record: DynamoDBRecord, reason: string) => Promise<void>;
  readonly log: typeof log;
}

/** What a queue holds, less what the attributes of a message take of it. */
const mostBytes = 250_000;

/**
 * The message that a record is put aside as: an event with this one record, for the function to be handed once more. What a
 * queue could not hold is left out: the item before and after the change.
 */
export function recordMessage(record: DynamoDBRecord): string {
  const whole = asText(record);
  if (Buffer.byteLength(whole) <= mostBytes) return whole;
  const { NewImage: _after, OldImage: _before, ...place } = record.dynamodb ?? {};
  return asText({ ...record, dynamodb: place });
}

/** With the two characters escaped that SQS refuses and JSON does not ("SendMessage" in the SQS API reference). */
const asText = (record: DynamoDBRecord): string =>
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
  (parts: StreamParts) =>
  (
    { Records: records }: DynamoDBStreamEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<DynamoDBBatchResponse> => {
    const until = Date.now() + context.getRemainingTimeInMillis() - reportMilliseconds;
    return withDeadline(until, async () => {
      const failure = await tell(parts, records, until);
      if (failure === undefined) return { batchItemFailures: [] };
      if (failure.first === 0 && failure.isAlone && records.length > 1) {
        throw new Error(`The first of ${records.length} records is in the way of the others: ${failure.cause}.`);
      }
      return { batchItemFailures: [{ itemIdentifier: records[failure.first]?.dynamodb?.SequenceNumber ?? '' }] };
    });
  };

interface Failure {
  /** The position of the first record that has to come again. */
  readonly first: number;
  /** Whether others of the batch could be done. */
  readonly isAlone: boolean;
  readonly cause: string;
}

async function tell(
  parts: StreamParts,
  records: readonly DynamoDBRecord[],
  until: number,
): Promise<Failure | undefined> {
  const readings = records.map((record) => ({ record, reading: look(parts, record) }));
  const changes = readings.flatMap(({ reading: { change } }, position) =>
    change === undefined ? [] : [{ position, change }],
  );
  let failure: Failure | undefined;
  let published = 0;
  try {
    // None for an end: whoever is no member any more learns nothing that is newer.
    const names = await parts.imageNames(
      changes.flatMap(({ change }) => (change.kind === 'membership' && change.after !== undefined ? [change] : [])),
    );
    const notifications = changes.map(({ change }) =>
      notificationOf(change, change.kind === 'membership' ? (names.get(change.membershipId) ?? null) : null),
    );
    const { left, refused } = await publishInOrder(parts.bus, notifications, until);
    published = changes.length - left.length;
    const first = changes[left[0] ?? changes.length]?.position;
    if (first !== undefined) {
      failure = { first, isAlone: published > 0, cause: `the bus says ${refused ?? 'nothing in time'}` };
    }
  } catch (error) {
    if (changes[0] !== undefined) failure = { first: changes[0].position, isAlone: false, cause: messageOf(error) };
  }
  // What is not told yet comes again, and is handed over then.
  for (const [position, { record, reading }] of readings.slice(0, failure?.first).entries()) {
    try {
      await handOver(parts, record, reading, until);
    } catch (error) {
      failure = { first: position, isAlone: published > 0, cause: messageOf(error) };
      break;
    }
  }
  parts.log({
    level: failure === undefined ? 'info' : 'error',
    message: 'notifications',
    records: records.length,
    published,
    ...(failure === undefined ? {} : { again: records.length - failure.first, cause: failure.cause }),
  });
  return failure;
}

/** What there is to be done about a record; a record that is malformed has the reason instead. */
type Reading = ReturnType<StreamParts['read']> & { readonly malformed?: string };

function look(parts: StreamParts, record: DynamoDBRecord): Reading {
  try {
    const reading = parts.read(record);
    if (reading.unknown !== undefined) {
      parts.log({ level: 'warn', message: 'unknown item', item: reading.unknown, ...countOf('UnknownStreamRecords') });
    }
    return reading;
  } catch (error) {
    return { malformed: messageOf(error) };
  }
}

/** Hands over what a record asks for besides its notification, again and again as long as there is time. */
async function handOver(parts: StreamParts, record: DynamoDBRecord, reading: Reading, until: number): Promise<void> {
  const { begun, malformed } = reading;
  if (begun !== undefined) await insist(() => parts.lookAgain(begun), until);
  if (malformed !== undefined) {
    // It will never read better: it goes aside, and those behind it go on.
    await insist(() => parts.putAside(record, malformed), until);
    parts.log({
      level: 'error',
      message: 'record put aside',
      reason: malformed,
      ...countOf('MalformedStreamRecords'),
    });
  }
}

async function insist(act: () => Promise<void>, until: number): Promise<void> {
  const backoff = new Backoff(until);
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
