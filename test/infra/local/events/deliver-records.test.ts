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
const numbers = (given: readonly DynamoDBRecord[]) => given.map(({ dynamodb }) => Number(dynamodb!.SequenceNumber));

/** Delivers records to a function that answers a batch with the record it fails at, or fails altogether. */
async function deliver(
  all: readonly DynamoDBRecord[],
  answer: (batch: readonly number[], call: number) => number | 'fails' | undefined,
  settings: Partial<StreamSource> = {},
) {
  const batches: number[][] = [];
  const done: string[] = [];
  const givenUp: { readonly records: number[]; readonly reason: string }[] = [];
  await deliverRecords(all, {
    source: { ...source, ...settings },
    invoke: (event) => {
      const batch = numbers((JSON.parse(event) as { Records: DynamoDBRecord[] }).Records);
      batches.push(batch);
      const failed = answer(batch, batches.length);
      if (failed === 'fails') return Promise.resolve(undefined);
      const batchItemFailures = failed === undefined ? [] : [{ itemIdentifier: String(failed) }];
      return Promise.resolve(JSON.stringify({ batchItemFailures }));
    },
    onProcessed: (sequenceNumber) => done.push(sequenceNumber),
    onDiscard: (given, reason) => givenUp.push({ records: numbers(given), reason }),
    signal: new AbortController().signal,
  });
  return { batches, done, givenUp };
}

describe('records reach the function', () => {
  test('in order, in batches, and only those that match', async () => {
    const all = [...records(3), record(4, 'REMOVE'), record(5)];

    const { batches, done } = await deliver(all, () => undefined, { batchSize: 2 });

    expect(batches).toEqual([
      [1, 2],
      [3, 5],
    ]);
    expect(done).toEqual(['2', '5', '5']);
  });

  test('where none matches, not at all, and are done with', async () => {
    expect(await deliver([record(1, 'REMOVE')], () => undefined)).toEqual({ batches: [], done: ['1'], givenUp: [] });
  });
});

describe('a function that fails', () => {
  test('at a record gets that one and those behind it again', async () => {
    const { batches, givenUp } = await deliver(records(4), (_, call) => (call === 1 ? 3 : undefined));

    expect(batches).toEqual([
      [1, 2, 3, 4],
      [3, 4],
    ]);
    expect(givenUp).toEqual([]);
  });

  test('altogether gets halves, until one record is left that is given up, and then the rest', async () => {
    const { batches, done, givenUp } = await deliver(records(8), (batch) => (batch.includes(2) ? 'fails' : undefined));

    expect(givenUp).toEqual([{ records: [2], reason: expect.stringMatching(/^failed \d+ times$/) }]);
    expect(batches.at(-1)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(done.at(-1)).toBe('8');
  });

  test('with records that are too old loses them to the dead-letter queue at once', async () => {
    const { batches, givenUp } = await deliver(records(2), () => 'fails', { maxRecordAgeSeconds: -1 });

    expect(batches).toHaveLength(1);
    expect(givenUp).toEqual([{ records: [1, 2], reason: 'too old' }]);
  });
});
