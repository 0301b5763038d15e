import type { DynamoDBRecord } from 'aws-lambda';
import type { Image } from '../../../lambda/domain/image.ts';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { findImageNames } from '../../../lambda/dynamodb/find-image-names.ts';
import { readStreamRecord } from '../../../lambda/dynamodb/stream-record.ts';
import type { Notification } from '../../../lambda/events/notification.ts';
import { streamHandler } from '../../../lambda/events/stream-handler.ts';
import type { TestTable } from '../../support/engine.ts';
import { openTestStream } from '../../support/table-stream.ts';

/** What a test does to the bus at one of its calls: which entries it refuses, or the function's sudden end. */
type BusMood = (notifications: readonly Notification[]) => readonly boolean[] | 'killed before' | 'killed after';

/** Everything that came out of a consumer, and the means to drive it over a table's stream as Lambda does. */
export interface Consumer {
  /** What the bus took, in the order in which it took it, doubles included. */
  readonly published: Notification[];
  readonly lookedAgain: Pick<Image, 'id' | 'version'>[];
  readonly putAside: { readonly record: DynamoDBRecord; readonly reason: string }[];
  readonly logged: Readonly<Record<string, unknown>>[];
  /** How the bus takes what it is given; takes all unless told otherwise. */
  mood: BusMood;
  /** What becomes of a record that is put aside, or of a look at an image again; succeeds unless told otherwise. */
  queues: () => Promise<void>;
  /** What the function has left of its time when it begins, in milliseconds; five seconds of it are for its report. */
  remaining: number;
  /** Hands over one batch. */
  invoke(records: readonly DynamoDBRecord[]): Promise<readonly string[]>;
  /** Handles all there is in the stream, in batches of a size, again and again where one is not done with. */
  drain(batchSize?: () => number): Promise<void>;
  close(): void;
}

/** The consumer of a test's table with a bus that records. */
export async function startConsumer(table: TestTable): Promise<Consumer> {
  const connected = connectTable(table.tableName);
  const stream = await openTestStream(table);
  const waiting: DynamoDBRecord[] = [];
  const consumer: Consumer = {
    published: [],
    lookedAgain: [],
    putAside: [],
    logged: [],
    mood: (notifications) => notifications.map(() => true),
    queues: () => Promise.resolve(),
    remaining: 5800,
    invoke: async (records) => {
      const { batchItemFailures } = await handler(
        { Records: [...records] },
        { getRemainingTimeInMillis: () => consumer.remaining },
      );
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    },
    drain: async (batchSize = () => 100) => {
      let half = Infinity;
      for (;;) {
        waiting.push(...(await stream.next()));
        if (waiting.length === 0) return;
        const batch = waiting.slice(0, Math.min(batchSize(), half));
        half = Infinity;
        // A function that ends suddenly leaves the whole batch, one that reports leaves what it reports, and one that
        // fails gets halves.
        const failed = await consumer.invoke(batch).catch((error: unknown) => {
          if (error !== killed) {
            if (!/^Error: The first of \d+ records failed/.test(String(error))) throw error;
            half = Math.ceil(batch.length / 2);
          }
          return [batch[0]!.dynamodb!.SequenceNumber!];
        });
        const done = batch.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed[0]);
        waiting.splice(0, done === -1 ? batch.length : done);
      }
    },
    close: () => stream.close(),
  };
  const state: { isKilled: boolean } = { isKilled: false };
  const killed = new Error('The function ends here.');
  const run = streamHandler({
    read: readStreamRecord,
    imageNames: (memberships) => findImageNames(connected, memberships),
    bus: {
      publish: (notifications) => {
        const mood = consumer.mood(notifications);
        const taken = mood === 'killed before' ? [] : mood === 'killed after' ? notifications.map(() => true) : mood;
        consumer.published.push(...notifications.filter((_, n) => taken[n]));
        state.isKilled = typeof mood === 'string';
        return state.isKilled
          ? Promise.reject(killed)
          : Promise.resolve(taken.map((isTaken) => (isTaken ? 'published' : { errorCode: 'ThrottlingException' })));
      },
    },
    scheduleCompletion: (begun) => consumer.queues().then(() => void consumer.lookedAgain.push(begun)),
    sendToDeadLetterQueue: (record, reason) =>
      consumer.queues().then(() => void consumer.putAside.push({ record, reason })),
    log: (line) => void consumer.logged.push(line),
  });
  const handler: typeof run = async (event, context) => {
    Object.assign(state, { isKilled: false });
    const result = await run(event, context);
    if (state.isKilled) throw killed; // what a function would have reported that has ended is not heard
    return result;
  };
  return consumer;
}
