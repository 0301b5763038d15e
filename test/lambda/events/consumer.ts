import type { DynamoDBRecord } from 'aws-lambda';
import type { Image } from '../../../lambda/domain/image.ts';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbHistoryRecorder } from '../../../lambda/dynamodb/history/dynamodb-history-recorder.ts';
import { findImageNames } from '../../../lambda/dynamodb/find-image-names.ts';
import { readStreamRecord } from '../../../lambda/dynamodb/stream-record.ts';
import type { Notification } from '../../../lambda/events/notification.ts';
import { streamHandler } from '../../../lambda/events/stream-handler.ts';
import type { TestTable } from '../../support/engine.ts';
import { openTestStream } from '../../support/table-stream.ts';

/** Behavior of the test bus in one call: which entries it publishes, or the sudden end of the function. */
type BusMood = (notifications: readonly Notification[]) => readonly boolean[] | 'killed before' | 'killed after';

/** Behavior of the history in one call: it records, refuses, or the function ends before or after it has recorded. */
type HistoryMood = () => 'records' | 'refuses' | 'killed before' | 'killed after';

/** The stream consumer of a test, its output, and functions that invoke it like Lambda does. */
export interface Consumer {
  /** Published notifications in order, with duplicates. */
  readonly published: Notification[];
  readonly startedImports: { readonly imageId: string; readonly jobId: string }[];
  readonly deletedObjects: string[];
  readonly scheduledCompletions: Pick<Image, 'id' | 'version'>[];
  readonly deadLetters: { readonly record: DynamoDBRecord; readonly reason: string }[];
  readonly logged: Readonly<Record<string, unknown>>[];
  /** Behavior of the bus; by default it publishes everything. */
  mood: BusMood;
  /** Behavior of the history; by default it records everything. */
  historyMood: HistoryMood;
  /** Behavior of the two queues; by default they accept every message. */
  queues: () => Promise<void>;
  /** Remaining time of the function at its start, in milliseconds. It reserves five seconds for its report. */
  remaining: number;
  /** Invokes the function with one batch. Returns the failed sequence numbers. */
  invoke(records: readonly DynamoDBRecord[]): Promise<readonly string[]>;
  /** Processes all records in the stream, in batches of a size, and retries failed batches. */
  drain(batchSize?: () => number): Promise<void>;
  close(): void;
}

/**
 * Starts the stream consumer of a test's table with a recording bus.
 *
 * @param connected - the connection of the consumer
 */
export async function startConsumer(table: TestTable, connected = connectTable(table.tableName)): Promise<Consumer> {
  const stream = await openTestStream(table);
  const history = new DynamoDbHistoryRecorder(connected, 400);
  const waiting: DynamoDBRecord[] = [];
  const consumer: Consumer = {
    published: [],
    scheduledCompletions: [],
    startedImports: [],
    deletedObjects: [],
    deadLetters: [],
    logged: [],
    mood: (notifications) => notifications.map(() => true),
    historyMood: () => 'records',
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
        // Lambda retries the whole batch of a killed function, the reported records of a response, and the halves of the
        // batch of a function that throws.
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
    history: {
      record: async (entries) => {
        const mood = consumer.historyMood();
        if (mood === 'refuses') throw new Error('The history is away.');
        const unrecorded = mood === 'killed before' ? [] : await history.record(entries);
        if (mood === 'records') return unrecorded;
        state.isKilled = true;
        throw killed;
      },
    },
    imageNames: (memberships) => findImageNames(connected, () => new Date(), memberships),
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
    scheduleCompletion: (begun) => consumer.queues().then(() => void consumer.scheduledCompletions.push(begun)),
    startImport: (importStarted) => consumer.queues().then(() => void consumer.startedImports.push(importStarted)),
    deleteData: (objectKey) => consumer.queues().then(() => void consumer.deletedObjects.push(objectKey)),
    sendToDeadLetterQueue: (record, reason) =>
      consumer.queues().then(() => void consumer.deadLetters.push({ record, reason })),
    log: (line) => void consumer.logged.push(line),
  });
  const handler: typeof run = async (event, context) => {
    Object.assign(state, { isKilled: false });
    const result = await run(event, context);
    if (state.isKilled) throw killed; // Lambda receives no response of a killed function
    return result;
  };
  return consumer;
}
