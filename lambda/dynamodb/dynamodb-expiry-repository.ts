import type { ExpiryRepository, OverdueMembership, OverduePage } from '../domain/repositories/expiry-repository.ts';
import { names, values } from './expression.ts';
import { itemReader } from './items/item-reader.ts';
import {
  endAttribute,
  expiryIndex,
  expiryShardAttribute,
  expiryShards,
  membershipFromKey,
  partitionKey,
  sortKey,
} from './keys.ts';
import type { Item, Table } from './table.ts';

/** Number of memberships in a page: 16 pages at a time are some hundred kilobytes. */
const pageSize = 100;

/** The memberships with an end in the table, read from their sparse global index: one query for a page of a shard. */
export class DynamoDbExpiryRepository implements ExpiryRepository {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  findOverdue(until: Date): ReturnType<ExpiryRepository['findOverdue']> {
    const now = Math.floor(until.getTime() / 1000);
    return expiryShards.map((shard) => () => this.#readPage(shard, now, undefined));
  }

  async #readPage(shard: string, now: number, after: Item | undefined): Promise<OverduePage> {
    const { items, lastKey } = await this.#table.query(
      {
        IndexName: expiryIndex,
        KeyConditionExpression: `#${expiryShardAttribute} = :shard AND #${endAttribute} <= :now`,
        Limit: pageSize,
        ExclusiveStartKey: after,
        ExpressionAttributeNames: names(expiryShardAttribute, endAttribute),
        ExpressionAttributeValues: values({ shard, now }),
      },
      { enough: pageSize, consistent: false },
    );
    return {
      memberships: items.map(overdueMembership),
      next: lastKey && (() => this.#readPage(shard, now, lastKey)),
    };
  }
}

function overdueMembership(item: Item): OverdueMembership {
  const read = itemReader(item);
  const key = { pk: read.string(partitionKey), sk: read.string(sortKey) };
  const endedAtSeconds = read.number(endAttribute);
  return { endedAtSeconds, ...(membershipFromKey(key) ?? { malformedKey: `${key.pk} / ${key.sk}` }) };
}
