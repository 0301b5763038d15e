import { BatchWriteItemCommand, DescribeTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findRecordAfter, readRecords, StreamReader } from '../../../../infra/local/dynamodb/stream-reader.ts';
import { localCredentials, localRegion } from '../../../../infra/local/template/template-values.ts';
import { createTestTable, type TestTable } from '../../../support/engine.ts';

/** Record numbers by shard name. All shards but the last are closed. */
type Shards = Readonly<Record<string, readonly number[]>>;

/**
 * Creates a client of a stream with several shards, which no engine of the tests provides. Behaves as the API of
 * DynamoDB Streams documents. An iterator is the text `<shard> <number of records before it>`.
 *
 * @param trimmedBefore - the number of the first record that is still stored
 */
function streamOf(shards: Shards, trimmedBefore = 0): DynamoDBStreamsClient {
  const names = Object.keys(shards);
  const isClosed = (name: string) => name !== names.at(-1);
  const responses: Readonly<Record<string, (input: Record<string, any>) => object>> = {
    // Pages of two shards, newest first.
    DescribeStreamCommand: ({ ExclusiveStartShardId: after }) => {
      const remaining = names.toReversed().slice(after === undefined ? 0 : names.toReversed().indexOf(after) + 1);
      return {
        StreamDescription: {
          Shards: remaining.slice(0, 2).map((ShardId) => ({
            ShardId,
            SequenceNumberRange: {
              StartingSequenceNumber: String(shards[ShardId]![0]),
              ...(isClosed(ShardId) && { EndingSequenceNumber: String(shards[ShardId]!.at(-1)) }),
            },
          })),
          ...(remaining.length > 2 && { LastEvaluatedShardId: remaining[1] }),
        },
      };
    },
    GetShardIteratorCommand: ({ ShardId: name, ShardIteratorType: type, SequenceNumber: number }) => {
      const stored = shards[name]!.filter((record) => record >= trimmedBefore);
      if (type === 'TRIM_HORIZON') return { ShardIterator: `${name} ${shards[name]!.length - stored.length}` };
      if (Number(number) < trimmedBefore) {
        throw Object.assign(new Error('The record is trimmed.'), { name: 'TrimmedDataAccessException' });
      }
      // As DynamoDB Local; the embedded engine opens any shard at any number.
      if (Number(number) < shards[name]![0]! || (isClosed(name) && Number(number) > shards[name]!.at(-1)!)) {
        throw Object.assign(new Error('Invalid SequenceNumber for the shard'), { name: 'ValidationException' });
      }
      const index = shards[name]!.indexOf(Number(number));
      return { ShardIterator: `${name} ${type === 'AT_SEQUENCE_NUMBER' ? index : index + 1}` };
    },
    GetRecordsCommand: ({ ShardIterator: iterator, Limit: limit = 2 }) => {
      const [name, index] = iterator.split(' ');
      const records = shards[name]!.slice(Number(index), Number(index) + limit);
      const end = Number(index) + records.length;
      return {
        Records: records.map((number) => ({ dynamodb: { SequenceNumber: String(number) } })),
        ...(!(isClosed(name) && end === shards[name]!.length) && { NextShardIterator: `${name} ${end}` }),
      };
    },
  };
  return {
    send: (command: { readonly input: object }) =>
      new Promise((resolve) => {
        resolve(responses[command.constructor.name]!(command.input));
      }),
  } as unknown as DynamoDBStreamsClient;
}

const shards: Shards = { first: [1, 2, 3], second: [10, 11], third: [100, 101, 102] };

/** Reads all records after a position, in pages of two. */
async function allAfter(after: string | undefined, stream = streamOf(shards)): Promise<readonly number[]> {
  const reader = new StreamReader(stream, 'arn', after);
  const numbers: number[] = [];
  for (let empty = 0; empty < 3;) {
    const records = await reader.next(2);
    empty = records.length === 0 ? empty + 1 : 0;
    numbers.push(...records.map(({ dynamodb }) => Number(dynamodb!.SequenceNumber)));
  }
  return numbers;
}

describe('a reader of several shards', () => {
  test.each([
    [undefined, [1, 2, 3, 10, 11, 100, 101, 102]],
    ['2', [3, 10, 11, 100, 101, 102]],
    ['3', [10, 11, 100, 101, 102]],
    ['11', [100, 101, 102]],
    ['101', [102]],
    ['102', []],
  ])('continues after %s', async (after, numbers) => {
    expect(await allAfter(after)).toEqual(numbers);
  });

  test('continues with the first stored record if its position is trimmed', async () => {
    expect(await allAfter('1', streamOf(shards, 3))).toEqual([3, 10, 11, 100, 101, 102]);
  });

  test('waits if there is no shard yet', async () => {
    expect(await allAfter(undefined, streamOf({}))).toEqual([]);
  });

  test.each([
    [undefined, '1'],
    ['2', '3'],
    ['3', '10'],
    ['11', '100'],
    ['102', undefined],
  ])('after %s misses the record %s', async (after, number) => {
    expect(await findRecordAfter(streamOf(shards), 'arn', after)).toBe(number);
  });
});

describe('a reader on the engine', () => {
  let table: TestTable;
  let streams: DynamoDBStreamsClient;
  let streamArn: string;
  let written = 0;

  beforeAll(async () => {
    table = await createTestTable();
    const { client, tableName, endpoint } = table;
    streams = new DynamoDBStreamsClient({ endpoint, region: localRegion, credentials: localCredentials });
    const { Table: description } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    streamArn = description!.LatestStreamArn!;
  });

  afterAll(async () => {
    streams.destroy();
    await table.drop();
  });

  const item = (n: number) => ({ pk: { S: `item ${n}` }, sk: { S: 'record' } });
  const writeUpTo = async (count: number): Promise<void> => {
    while (written < count) {
      const batch = Array.from({ length: Math.min(25, count - written) }, (_, n) => item(written + n));
      const requests = batch.map((Item) => ({ PutRequest: { Item } }));
      await table.client.send(new BatchWriteItemCommand({ RequestItems: { [table.tableName]: requests } }));
      written += batch.length;
    }
  };
  /** Reads all records after a position with a new reader. */
  const itemsAfter = async (after: string | undefined) => {
    const reader = new StreamReader(streams, streamArn, after);
    const all = [];
    for (let records = await reader.next(1000); records.length > 0; records = await reader.next(1000)) {
      all.push(...records);
    }
    return all.map(({ dynamodb }) => ({ number: dynamodb!.SequenceNumber!, pk: dynamodb!.Keys!['pk']!.S }));
  };

  test('reads from the first record of a stream that was empty at first', async () => {
    const reader = new StreamReader(streams, streamArn, undefined);
    expect(await reader.next(10)).toEqual([]);

    await writeUpTo(2);

    const records = await reader.next(10);
    expect(records.map(({ dynamodb }) => dynamodb!.Keys!['pk']!.S)).toEqual(['item 0', 'item 1']);
  });

  test.each([9, 10, 11, 40, 99, 100, 101, 1000])(
    'continues after record %i, whatever ending number the engine gives its open shard',
    async (count) => {
      await writeUpTo(count);
      const { number } = (await itemsAfter(undefined))[count - 1]!;
      expect(await itemsAfter(number)).toEqual([]);
      expect(await findRecordAfter(streams, streamArn, number)).toBeUndefined();

      await table.client.send(new PutItemCommand({ TableName: table.tableName, Item: item(count) }));
      written += 1;

      const following = await itemsAfter(number);
      expect(following.map(({ pk }) => pk)).toEqual([`item ${count}`]);
      expect(await findRecordAfter(streams, streamArn, number)).toBe(following[0]!.number);
    },
  );
});

describe('the records of a range', () => {
  const between = (first: string, last: string) =>
    readRecords(streamOf({ only: [1, 2, 3, 4, 5] }), { streamArn: 'arn', shardId: 'only', first, last });

  test.each([
    ['1', '5', ['1', '2', '3', '4', '5']],
    ['2', '4', ['2', '3', '4']],
    ['3', '3', ['3']],
  ])('from %s to %s include both ends', async (first, last, numbers) => {
    expect((await between(first, last)).map(({ dynamodb }) => dynamodb!.SequenceNumber)).toEqual(numbers);
  });

  test('are an error if the shard does not contain the last record', async () => {
    await expect(between('1', '9')).rejects.toThrow('The shard only does not contain record 9.');
  });
});
