import {
  ItemCollectionSizeLimitExceededException,
  ProvisionedThroughputExceededException,
} from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { mapInParallel } from '../../runtime/map-in-parallel.ts';
import type { ItemKey } from '../keys.ts';
import { retryOnContention } from '../retry-on-contention.ts';
import { reportUnits, type Item, type Table } from '../table.ts';

/** Maximum number of items in one BatchWriteItem. */
const batchLimit = 25;
/** Maximum number of calls that run in parallel. */
const maxParallelCalls = 4;

const throttled = { message: 'Items of a batch were not processed.', $metadata: {} };

/**
 * Puts items without a condition, each at least once. Of two items with the same key the last is put.
 *
 * @returns the items that were not put because their item collection is full
 * @throws SharingError at the deadline; some items are then put
 */
export async function putAll<Put extends Item & ItemKey>(table: Table, items: readonly Put[]): Promise<readonly Put[]> {
  // A call refuses two items with the same key.
  const distinct = [...new Map(items.map((item) => [JSON.stringify([item.pk, item.sk]), item])).values()];
  const batches: Put[][] = [];
  for (let start = 0; start < distinct.length; start += batchLimit)
    batches.push(distinct.slice(start, start + batchLimit));
  return (await mapInParallel(batches, maxParallelCalls, (batch) => putBatch(table, batch))).flat();
}

async function putBatch<Put extends Item>(table: Table, items: readonly Put[]): Promise<readonly Put[]> {
  let remaining: Writes = items.map((item) => ({ PutRequest: { Item: { ...item } } }));
  try {
    await retryOnContention('idempotent-write', async () => {
      const { UnprocessedItems: unprocessed = {} } = await table.sendBatch(
        (name) => new BatchWriteCommand({ ...reportUnits, RequestItems: { [name]: remaining } }),
      );
      remaining = Object.values(unprocessed).flat();
      // BatchWriteItem reports throttling as a response with unprocessed items.
      if (remaining.length > 0) throw new ProvisionedThroughputExceededException(throttled);
    });
    return [];
  } catch (error) {
    if (!(error instanceof ItemCollectionSizeLimitExceededException)) throw error;
    if (items.length === 1) return items;
    // The error does not tell which item collection is full. A put item can be put again.
    return (await mapInParallel(items, maxParallelCalls, (item) => putBatch(table, [item]))).flat();
  }
}

type Writes = NonNullable<BatchWriteCommand['input']['RequestItems']>[string];
