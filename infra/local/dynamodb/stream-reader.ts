import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';

/**
 * Reads the stream of a table on a local engine, in order and in the format of Lambda's events. A local engine writes
 * to one shard at a time, so the reader reads each shard to its end and continues with the next shard. Only a
 * GetRecords response without a next iterator ends a shard: an engine may report an ending number for a shard that is
 * still open.
 */
export class StreamReader {
  readonly #client: DynamoDBStreamsClient;
  readonly #streamArn: string;
  readonly #finished = new Set<string>();
  #after: string | undefined;
  #open: { readonly shardId: string; readonly iterator: string } | undefined;

  /**
   * @param after - the sequence number of the last record that was processed; undefined to read from the first record
   */
  constructor(client: DynamoDBStreamsClient, streamArn: string, after: string | undefined) {
    this.#client = client;
    this.#streamArn = streamArn;
    this.#after = after;
  }

  /** Returns the next records; an empty list if there are none yet. */
  async next(maxRecords: number): Promise<readonly DynamoDBRecord[]> {
    this.#open ??= await this.#openNext();
    if (this.#open === undefined) return [];
    const { shardId, iterator } = this.#open;
    const { Records: records = [], NextShardIterator: next } = await this.#client.send(
      new GetRecordsCommand({ ShardIterator: iterator, Limit: maxRecords }),
    );
    this.#after = records.at(-1)?.dynamodb?.SequenceNumber ?? this.#after;
    if (next === undefined) this.#finished.add(shardId);
    this.#open = next === undefined ? undefined : { shardId, iterator: next };
    return records.map(toLambdaRecord);
  }

  /** Opens the shard of the next record; undefined if there is no such shard yet. */
  async #openNext(): Promise<{ readonly shardId: string; readonly iterator: string } | undefined> {
    const after = this.#after;
    const shards = await listShards(this.#client, this.#streamArn);
    const isPast = ({ first }: Shard) => after !== undefined && first !== undefined && first <= BigInt(after);
    // The last shard that starts at or before `after` contains it.
    const current = Math.max(0, shards.findLastIndex(isPast));
    const shard = shards.slice(current).find(({ id }) => !this.#finished.has(id));
    if (shard === undefined) return undefined;
    const iterator = await openShard(this.#client, {
      streamArn: this.#streamArn,
      shardId: shard.id,
      after: isPast(shard) ? after : undefined,
    });
    return iterator === undefined ? undefined : { shardId: shard.id, iterator };
  }
}

/** A shard, with the sequence number of its first record if it has one. */
interface Shard {
  readonly id: string;
  readonly first: bigint | undefined;
}

/** Lists the shards of a stream in the order in which they were written. */
async function listShards(client: DynamoDBStreamsClient, streamArn: string): Promise<readonly Shard[]> {
  const shards: Shard[] = [];
  let ExclusiveStartShardId: string | undefined;
  do {
    const { StreamDescription: page } = await client.send(
      new DescribeStreamCommand({ StreamArn: streamArn, ExclusiveStartShardId }),
    );
    for (const { ShardId: id, SequenceNumberRange: range } of page?.Shards ?? []) {
      const first = range?.StartingSequenceNumber;
      shards.push({ id: id!, first: first === undefined ? undefined : BigInt(first) });
    }
    ExclusiveStartShardId = page?.LastEvaluatedShardId;
  } while (ExclusiveStartShardId !== undefined);
  return shards.sort((left, right) => {
    if (left.first === right.first) return left.id < right.id ? -1 : 1; // ids contain the time of creation
    if (left.first === undefined || right.first === undefined) return left.first === undefined ? 1 : -1;
    return left.first < right.first ? -1 : 1;
  });
}

/** Names of the errors for a sequence number that a shard does not contain or no longer contains. */
const notInShardErrors = ['TrimmedDataAccessException', 'ValidationException'];

/**
 * Returns an iterator for the records of a shard after a sequence number, or for all records of the shard if there is
 * no number or the shard does not contain it.
 */
async function openShard(
  client: DynamoDBStreamsClient,
  {
    streamArn,
    shardId,
    after,
  }: { readonly streamArn: string; readonly shardId: string; readonly after: string | undefined },
): Promise<string | undefined> {
  const iteratorAt = async (position: Pick<GetShardIteratorCommandInput, 'ShardIteratorType' | 'SequenceNumber'>) =>
    (await client.send(new GetShardIteratorCommand({ StreamArn: streamArn, ShardId: shardId, ...position })))
      .ShardIterator;
  if (after === undefined) return iteratorAt({ ShardIteratorType: 'TRIM_HORIZON' });
  try {
    return await iteratorAt({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after });
  } catch (error) {
    if (!notInShardErrors.includes((error as Error).name)) throw error;
    return iteratorAt({ ShardIteratorType: 'TRIM_HORIZON' });
  }
}

/** Local engines start a shard every few hours and keep it for a day. */
const maxProbedShards = 10;

/**
 * Returns the sequence number of a record after a position; undefined if the newest shards contain no such record.
 * Opens each shard anew and reads one record of it, so that it finds records that a reader has missed.
 *
 * @param after - sequence number; undefined for any record
 */
export async function findRecordAfter(
  client: DynamoDBStreamsClient,
  streamArn: string,
  after: string | undefined,
): Promise<string | undefined> {
  const shards = await listShards(client, streamArn);
  for (const { id } of shards.slice(-maxProbedShards)) {
    const iterator = await openShard(client, { streamArn, shardId: id, after });
    if (iterator === undefined) continue;
    const { Records: [record] = [] } = await client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 1 }));
    const number = record?.dynamodb?.SequenceNumber;
    if (number !== undefined && (after === undefined || BigInt(number) > BigInt(after))) return number;
  }
  return undefined;
}

/** GetRecords may return empty pages before the next record, and does so forever if the record does not exist. */
const maxCalls = 500;

/**
 * Returns the records of a shard from the first to the last sequence number, inclusive.
 *
 * @throws Error if the shard does not contain the last record
 */
export async function readRecords(
  client: DynamoDBStreamsClient,
  { streamArn, shardId, first, last }: Readonly<Record<'streamArn' | 'shardId' | 'first' | 'last', string>>,
): Promise<readonly DynamoDBRecord[]> {
  const found: _Record[] = [];
  const begin = { ShardIteratorType: 'AT_SEQUENCE_NUMBER', SequenceNumber: first } as const;
  let { ShardIterator: iterator } = await client.send(
    new GetShardIteratorCommand({ StreamArn: streamArn, ShardId: shardId, ...begin }),
  );
  for (let calls = 0; iterator !== undefined && calls < maxCalls; calls += 1) {
    const { Records: records = [], NextShardIterator: next } = await client.send(
      new GetRecordsCommand({ ShardIterator: iterator }),
    );
    const within = records.filter(({ dynamodb }) => BigInt(dynamodb!.SequenceNumber!) <= BigInt(last));
    found.push(...within);
    if (found.at(-1)?.dynamodb?.SequenceNumber === last) return found.map(toLambdaRecord);
    iterator = within.length < records.length ? undefined : next;
  }
  throw new Error(`The shard ${shardId} does not contain record ${last}.`);
}

/**
 * Returns a record in the format of Lambda's events: as in the Streams API, but with times in seconds since the epoch.
 */
const toLambdaRecord = ({ dynamodb, ...record }: _Record): DynamoDBRecord =>
  ({
    ...record,
    dynamodb: {
      ...dynamodb,
      ApproximateCreationDateTime: Math.floor((dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0) / 1000),
    },
  }) as DynamoDBRecord;
