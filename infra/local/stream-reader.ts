import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';

/** Reads the stream of a table on an embedded engine, which has one shard, in order and as a function is handed it. */
export class StreamReader {
  readonly #client: DynamoDBStreamsClient;
  readonly #streamArn: string;
  #after: string | undefined;
  #iterator: string | undefined;

  /** @param after - the sequence number of the last record that is done with; from the first record on if undefined */
  constructor(client: DynamoDBStreamsClient, streamArn: string, after: string | undefined) {
    this.#client = client;
    this.#streamArn = streamArn;
    this.#after = after;
  }

  /** The next records, none where there are no more yet. */
  async next(atMost: number): Promise<readonly DynamoDBRecord[]> {
    const iterator = this.#iterator ?? (await this.#open());
    if (iterator === undefined) return [];
    const { Records: records = [], NextShardIterator: next } = await this.#client.send(
      new GetRecordsCommand({ ShardIterator: iterator, Limit: atMost }),
    );
    this.#after = records.at(-1)?.dynamodb?.SequenceNumber ?? this.#after;
    this.#iterator = next;
    return records.map(asFunctionsGetIt);
  }

  /** The iterator to go on from, or undefined while there is no shard yet. */
  async #open(): Promise<string | undefined> {
    const { StreamDescription: stream } = await this.#client.send(
      new DescribeStreamCommand({ StreamArn: this.#streamArn }),
    );
    const shard = stream?.Shards?.[0]?.ShardId;
    if (shard === undefined) return undefined;
    const { ShardIterator: iterator } = await this.#client.send(
      new GetShardIteratorCommand({
        StreamArn: this.#streamArn,
        ShardId: shard,
        ...(this.#after === undefined
          ? { ShardIteratorType: 'TRIM_HORIZON' }
          : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: this.#after }),
      }),
    );
    return iterator;
  }
}

/** A shard may answer with nothing a few times before the next record comes; one that is not there never does. */
const mostCalls = 500;

/**
 * The records of one shard between two of them, both included.
 *
 * @param first - its sequence number
 * @param last - its sequence number
 * @throws Error if the last is not there
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
  for (let calls = 0; iterator !== undefined && calls < mostCalls; calls += 1) {
    const { Records: records = [], NextShardIterator: next } = await client.send(
      new GetRecordsCommand({ ShardIterator: iterator }),
    );
    const within = records.filter(({ dynamodb }) => BigInt(dynamodb!.SequenceNumber!) <= BigInt(last));
    found.push(...within);
    if (found.at(-1)?.dynamodb?.SequenceNumber === last) return found.map(asFunctionsGetIt);
    iterator = within.length < records.length ? undefined : next;
  }
  throw new Error(`There is no record ${last} in the shard ${shardId}.`);
}

/** A record as Lambda hands it over: times in seconds since the epoch, everything else as in the stream's own API. */
const asFunctionsGetIt = ({ dynamodb, ...record }: _Record): DynamoDBRecord =>
  ({
    ...record,
    dynamodb: {
      ...dynamodb,
      ApproximateCreationDateTime: Math.floor((dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0) / 1000),
    },
  }) as DynamoDBRecord;
