import { describe, expect, test } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import type { StreamSource } from '../../../../infra/local/events/event-sources.ts';
import { deliverRecords } from '../../../../infra/local/events/deliver-records.ts';

const source: StreamSource = {
  functionId: 'Function',
  batchSize: 8,
  retryAttempts: 2,
  maxRecordAgeSeconds: 3600,
  bisectBatchOnError: true,
  deadLetterQueue: 'dead',
  filters: [{ eventName: ['INSERT'] }],
};
const record = (n: number, eventName: 'INSERT' | 'REMOVE' = 'INSERT'): DynamoDBRecord => ({
  eventName,
  dynamodb: { SequenceNumber: String(n), ApproximateCreationDateTime: Date.now() / 1000 },
});
const records = (count: number) => Array.from({ length: count }, (_, n) => record(n + 1));
const numbers = (batch: readonly DynamoDBRecord[]) => batch.map(({ dynamodb }) => Number(dynamodb!.SequenceNumber));

/**
 * Delivers records to a function.
 *
 * @param firstFailure - returns the first record of a batch that the function reports as failed; 'fails' for a failed
 *   invocation
 */
async function deliver(
  all: readonly DynamoDBRecord[],
  firstFailure: (batch: readonly number[], call: number) => number | 'fails' | undefined,
  settings: Partial<StreamSource> = {},
) {
  const batches: number[][] = [];
  const processed: string[] = [];
  const discarded: { readonly records: number[]; readonly reason: string }[] = [];
  await deliverRecords(all, {
    source: { ...source, ...settings },
    invoke: (event) => {
      const batch = numbers((JSON.parse(event) as { Records: DynamoDBRecord[] }).Records);
      batches.push(batch);
      const failed = firstFailure(batch, batches.length);
      if (failed === 'fails') return Promise.resolve(undefined);
      const batchItemFailures = failed === undefined ? [] : [{ itemIdentifier: String(failed) }];
      return Promise.resolve(JSON.stringify({ batchItemFailures }));
    },
    onProcessed: (sequenceNumber) => processed.push(sequenceNumber),
    onDiscard: (batch, reason) => discarded.push({ records: numbers(batch), reason }),
    signal: new AbortController().signal,
  });
  return { batches, processed, discarded };
}

describe('records reach the function', () => {
  test('in order, in batches, and only those that match', async () => {
    const all = [...records(3), record(4, 'REMOVE'), record(5)];

    const { batches, processed } = await deliver(all, () => undefined, { batchSize: 2 });

    expect(batches).toEqual([
      [1, 2],
      [3, 5],
    ]);
    expect(processed).toEqual(['2', '5', '5']);
  });

  test('not at all if no record matches, and count as processed', async () => {
    expect(await deliver([record(1, 'REMOVE')], () => undefined)).toEqual({
      batches: [],
      processed: ['1'],
      discarded: [],
    });
  });
});

describe('a function that fails', () => {
  test('at a record gets that record and the following records again', async () => {
    const { batches, discarded } = await deliver(records(4), (_, call) => (call === 1 ? 3 : undefined));

    expect(batches).toEqual([
      [1, 2, 3, 4],
      [3, 4],
    ]);
    expect(discarded).toEqual([]);
  });

  test('without a report gets halves until one record is discarded, and then the remaining records', async () => {
    const { batches, processed, discarded } = await deliver(records(8), (batch) =>
      batch.includes(2) ? 'fails' : undefined,
    );

    expect(discarded).toEqual([{ records: [2], reason: expect.stringMatching(/^failed \d+ times$/) }]);
    expect(batches.at(-1)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(processed.at(-1)).toBe('8');
  });

  test('at records that are too old gets them discarded immediately', async () => {
    const { batches, discarded } = await deliver(records(2), () => 'fails', { maxRecordAgeSeconds: -1 });

    expect(batches).toHaveLength(1);
    expect(discarded).toEqual([{ records: [1, 2], reason: 'too old' }]);
  });
});
