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
 * Reads the stream of a table on an engine for one machine, in order and as a function is handed it. Such an engine writes to
 * one shard at a time: they are read one after the other, each to its end.
 */
export class StreamReader {
  readonly #client: DynamoDBStreamsClient;
  readonly #streamArn: string;
  readonly #finished = new Set<string>();
  #after: string | undefined;
  #open: { readonly shardId: string; readonly iterator: string } | undefined;

  /** @param after - the sequence number of the last record that is done with; from the first record on if undefined */
  constructor(client: DynamoDBStreamsClient, streamArn: string, after: string | undefined) {
    this.#client = client;
    this.#streamArn = streamArn;
    this.#after = after;
  }

  /** The next records, none where there are no more yet. */
  async next(atMost: number): Promise<readonly DynamoDBRecord[]> {
    this.#open ??= await this.#openNext();
    if (this.#open === undefined) return [];
    const { shardId, iterator } = this.#open;
    const { Records: records = [], NextShardIterator: next } = await this.#client.send(
      new GetRecordsCommand({ ShardIterator: iterator, Limit: atMost }),
    );
    this.#after = records.at(-1)?.dynamodb?.SequenceNumber ?? this.#after;
    if (next === undefined) this.#finished.add(shardId);
    this.#open = next === undefined ? undefined : { shardId, iterator: next };
    return records.map(asFunctionsGetIt);
  }

  /** Opens the first shard that has what comes next; undefined while there is none. */
  async #openNext(): Promise<{ readonly shardId: string; readonly iterator: string } | undefined> {
    const after = this.#after === undefined ? undefined : BigInt(this.#after);
    const shard = (await this.#shards()).find(
      ({ id, last }) => !this.#finished.has(id) && (after === undefined || last === undefined || last > after),
    );
    if (shard === undefined) return undefined;
    const iterator =
      after === undefined || shard.first > after
        ? await this.#iterator(shard.id, { ShardIteratorType: 'TRIM_HORIZON' })
        : await this.#iterator(shard.id, {
            ShardIteratorType: 'AFTER_SEQUENCE_NUMBER',
            SequenceNumber: this.#after,
          }).catch((error: unknown) => {
            // What comes after it is no longer kept either: it goes on with what is.
            if ((error as Error).name !== 'TrimmedDataAccessException') throw error;
            return this.#iterator(shard.id, { ShardIteratorType: 'TRIM_HORIZON' });
          });
    return iterator === undefined ? undefined : { shardId: shard.id, iterator };
  }

  async #iterator(
    ShardId: string,
    place: Pick<GetShardIteratorCommandInput, 'ShardIteratorType' | 'SequenceNumber'>,
  ): Promise<string | undefined> {
    const command = new GetShardIteratorCommand({ StreamArn: this.#streamArn, ShardId, ...place });
    return (await this.#client.send(command)).ShardIterator;
  }

  /** The shards in the order in which they were written, each with the numbers of its first and, if closed, last record. */
  async #shards(): Promise<readonly Shard[]> {
    const shards: Shard[] = [];
    let ExclusiveStartShardId: string | undefined;
    do {
      const { StreamDescription: page } = await this.#client.send(
        new DescribeStreamCommand({ StreamArn: this.#streamArn, ExclusiveStartShardId }),
      );
      for (const { ShardId: id, SequenceNumberRange: range } of page?.Shards ?? []) {
        const last = range?.EndingSequenceNumber;
        shards.push({
          id: id!,
          first: BigInt(range?.StartingSequenceNumber ?? 0),
          last: last === undefined ? undefined : BigInt(last),
        });
      }
      ExclusiveStartShardId = page?.LastEvaluatedShardId;
    } while (ExclusiveStartShardId !== undefined);
    return shards.sort((one, other) => (one.first < other.first ? -1 : 1));
  }
}

interface Shard {
  readonly id: string;
  readonly first: bigint;
  readonly last: bigint | undefined;
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
