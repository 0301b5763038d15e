import { setTimeout } from 'node:timers/promises';
import type { DynamoDBRecord } from 'aws-lambda';
import { matches, type StreamSource } from './event-sources.ts';

/** What became of a batch, in a function's own words: the JSON of its result, or undefined if it failed. */
type Invoke = (event: string) => Promise<string | undefined>;

export interface StreamDelivery {
  readonly source: StreamSource;
  readonly invoke: Invoke;
  /** Told the sequence number up to which all is done with, given up or passed over. */
  readonly onProcessed: (sequenceNumber: string) => void;
  /** Told what was given up, and why. */
  readonly onDiscard: (records: readonly DynamoDBRecord[], reason: string) => void;
  /** Aborted when nothing more is to be handed over. */
  readonly signal: AbortSignal;
}

const initialWaitMilliseconds = 100;
const maxWaitMilliseconds = 10_000;

/**
 * Hands records to a function as the service does: those that match, in order; from the first one on that it reports as
 * failed again, in halves where it reports nothing but fails, until they are too old or were tried too often.
 */
export async function deliverRecords(all: readonly DynamoDBRecord[], delivery: StreamDelivery): Promise<void> {
  const { source, invoke, onProcessed, onDiscard, signal } = delivery;
  let waiting = all.filter((record) => source.filters.some((filter) => matches(filter, record)));
  let size = source.batchSize;
  let failures = 0;
  while (waiting.length > 0 && !signal.aborted) {
    const batch = waiting.slice(0, size);
    const result = await invoke(JSON.stringify({ Records: batch }));
    const failed = firstFailed(batch, result);
    if (failed > 0) {
      waiting = waiting.slice(failed);
      onProcessed(sequenceOf(batch[failed - 1]!));
      [size, failures] = [source.batchSize, 0];
      continue;
    }
    failures += 1;
    const isExpired =
      Date.now() / 1000 - (batch[0]?.dynamodb?.ApproximateCreationDateTime ?? 0) > source.maxRecordAgeSeconds;
    const shouldBisect = source.bisectBatchOnError && result === undefined && batch.length > 1;
    if (isExpired || (failures > source.retryAttempts && !shouldBisect)) {
      onDiscard(batch, isExpired ? 'too old' : `failed ${failures} times`);
      waiting = waiting.slice(batch.length);
      onProcessed(sequenceOf(batch.at(-1)!));
      [size, failures] = [source.batchSize, 0];
    } else {
      if (shouldBisect) size = Math.ceil(batch.length / 2);
      const wait = Math.min(initialWaitMilliseconds * 2 ** failures, maxWaitMilliseconds);
      await setTimeout(wait, undefined, { signal }).catch(() => undefined);
    }
  }
  const last = all.at(-1);
  if (last !== undefined && waiting.length === 0) onProcessed(sequenceOf(last));
}

/** How many records of a batch are done with before the first that has to come again. */
function firstFailed(batch: readonly DynamoDBRecord[], result: string | undefined): number {
  if (result === undefined) return 0;
  const { batchItemFailures: failures } = JSON.parse(result) as {
    readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
  };
  if (failures.length === 0) return batch.length;
  const positions = failures.map(({ itemIdentifier }) =>
    batch.findIndex((each) => sequenceOf(each) === itemIdentifier),
  );
  return Math.max(0, Math.min(...positions));
}

const sequenceOf = ({ dynamodb }: DynamoDBRecord): string => dynamodb?.SequenceNumber ?? '';
