import { setTimeout } from 'node:timers/promises';
import type { DynamoDBRecord } from 'aws-lambda';
import { matches, type StreamSource } from './event-sources.ts';
import { failedItemIds, type InvokeFunction } from './invoke-function.ts';

export interface StreamDelivery {
  readonly source: StreamSource;
  readonly invoke: InvokeFunction;
  /** Receives the sequence number up to which every record is processed, discarded or filtered out. */
  readonly onProcessed: (sequenceNumber: string) => void;
  /** Receives discarded records and the reason. */
  readonly onDiscard: (records: readonly DynamoDBRecord[], reason: string) => void;
  /** Stops the delivery when aborted. */
  readonly signal: AbortSignal;
}

const initialWaitMilliseconds = 100;
const maxWaitMilliseconds = 10_000;

/**
 * Delivers stream records to a function as Lambda does: only records that match a filter, in order. Retries from the
 * first failed record that the function reports, and halves the batch if the function fails without a report. Discards
 * a batch when its first record is too old or its retries are used up.
 */
export async function deliverRecords(records: readonly DynamoDBRecord[], delivery: StreamDelivery): Promise<void> {
  const { source, invoke, onProcessed, onDiscard, signal } = delivery;
  let remaining = records.filter((record) => source.filters.some((filter) => matches(filter, record)));
  let batchSize = source.batchSize;
  let failures = 0;
  const continueAfter = (batch: readonly DynamoDBRecord[]): void => {
    remaining = remaining.slice(batch.length);
    onProcessed(sequenceNumberOf(batch.at(-1)!));
    batchSize = source.batchSize;
    failures = 0;
  };
  while (remaining.length > 0 && !signal.aborted) {
    const batch = remaining.slice(0, batchSize);
    const result = await invoke(JSON.stringify({ Records: batch }));
    const failedIndex = firstFailedIndex(batch, result);
    if (failedIndex > 0) {
      continueAfter(batch.slice(0, failedIndex));
      continue;
    }
    failures += 1;
    const isExpired = ageSeconds(batch[0]!) > source.maxRecordAgeSeconds;
    const shouldBisect = source.bisectBatchOnError && result === undefined && batch.length > 1;
    if (isExpired || (failures > source.retryAttempts && !shouldBisect)) {
      onDiscard(batch, isExpired ? 'too old' : `failed ${failures} times`);
      continueAfter(batch);
    } else {
      if (shouldBisect) batchSize = Math.ceil(batch.length / 2);
      const wait = Math.min(initialWaitMilliseconds * 2 ** failures, maxWaitMilliseconds);
      await setTimeout(wait, undefined, { signal }).catch(() => undefined);
    }
  }
  const last = records.at(-1);
  if (last !== undefined && remaining.length === 0) onProcessed(sequenceNumberOf(last));
}

/**
 * Returns the index of the first record to retry: the batch's length if no record failed, 0 if the invocation failed.
 */
function firstFailedIndex(batch: readonly DynamoDBRecord[], result: string | undefined): number {
  if (result === undefined) return 0;
  const failedIds = failedItemIds(result);
  if (failedIds.length === 0) return batch.length;
  const indexes = failedIds.map((id) => batch.findIndex((record) => sequenceNumberOf(record) === id));
  return Math.max(0, Math.min(...indexes));
}

const ageSeconds = ({ dynamodb }: DynamoDBRecord): number =>
  Date.now() / 1000 - (dynamodb?.ApproximateCreationDateTime ?? 0);

const sequenceNumberOf = ({ dynamodb }: DynamoDBRecord): string => dynamodb?.SequenceNumber ?? '';
