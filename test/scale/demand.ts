import type { SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { tableFromTemplate } from '../../infra/local/dynamodb/table-from-template.ts';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { defaultHistoryRetentionDays } from '../../lambda/functions/config.ts';
import type { Change } from '../../lambda/domain/change.ts';
import { historyEntryOf } from '../../lambda/domain/history/history-entry.ts';
import { historyItems } from '../../lambda/dynamodb/items/history-item.ts';
import { partitionKey, sortKey } from '../../lambda/dynamodb/keys.ts';
import { readStreamRecord } from '../../lambda/dynamodb/stream-record.ts';
import { eventOf } from '../bench/functions.ts';
import type { ApiCall, Send } from '../bench/requests.ts';
import type { TestTable } from '../support/engine.ts';
import { depthOf, releaseTogether, unitsOf, type EngineCall, type EngineProxy } from '../support/engine-proxy.ts';
import { storedItems } from '../support/stored-items.ts';
import {
  entryOf,
  entryWriteUnits,
  indexesOf,
  itemBytes,
  itemWriteUnits,
  readUnits,
  type Index,
  type StoredItem,
} from './capacity.ts';

/** The service on a table whose calls can be recorded. */
export interface RecordedService {
  readonly stack: SynthesizedStack;
  readonly table: TestTable;
  readonly proxy: EngineProxy;
  /** Sends a request whose calls go through the proxy. */
  readonly send: Send;
}

/** What one request uses of one partition: of the table, or of a global index. */
export interface PartitionUse {
  /** Name of the global index; undefined is the table with its local indexes. */
  readonly index: string | undefined;
  /** Value of the partition key. */
  readonly key: string;
  readonly reads: number;
  readonly writes: number;
}

/** What one request uses. */
export interface Demand {
  readonly route: string;
  readonly roundTrips: number;
  readonly partitions: readonly PartitionUse[];
  /** Notifications that its changes cause. */
  readonly notifications: number;
  /** Number of items of histories that the stream consumer writes for its changes, each of one write unit. */
  readonly historyItems: number;
  /** Bytes of the response's body. */
  readonly responseBytes: number;
  /** Units by the engine's own count, for comparison. */
  readonly engineUnits: number;
}

/** Runs a request and returns what it uses, from the calls that the repositories make and the items that they change. */
export async function captureDemand(service: RecordedService, call: ApiCall): Promise<Demand> {
  const { stack, table, proxy, send } = service;
  const indexes = indexesOf(tableFromTemplate(stack));
  const before = await itemsByKey(table);
  proxy.intercept(releaseTogether());
  const { result, calls } = await proxy.record(() => send(call));
  proxy.intercept(undefined);
  const after = await itemsByKey(table);

  const written = calls.flatMap(writtenKeys);
  if (new Set(written.map(({ key }) => key)).size !== written.length)
    throw new Error(`${call.path} writes an item twice.`);
  const changes = written.flatMap(({ key }) => changeOf(before.get(key), after.get(key)) ?? []);
  const uses = [
    ...calls.flatMap((each) => readUses(each, before, indexes)),
    ...written.flatMap(({ key, isTransaction }) => writeUses(before.get(key), after.get(key), isTransaction, indexes)),
  ];
  return {
    route: eventOf(stack, call).route.key,
    roundTrips: depthOf(calls),
    partitions: [...Map.groupBy(uses, ({ index, key }) => `${index} ${key}`).values()].map((own) => ({
      ...own[0]!,
      reads: own.reduce((sum, { reads }) => sum + reads, 0),
      writes: own.reduce((sum, { writes }) => sum + writes, 0),
    })),
    notifications: changes.length,
    historyItems: changes
      .flatMap((change) => historyEntryOf(change) ?? [])
      .flatMap((entry) => historyItems(entry, defaultHistoryRetentionDays)).length,
    responseBytes: result ? Buffer.byteLength(JSON.stringify(result)) : 0,
    engineUnits: unitsOf(calls),
  };
}

/** Returns the units of a demand by the model. */
export const unitsOfDemand = ({ partitions }: Demand): number =>
  partitions.reduce((sum, { reads, writes }) => sum + reads + writes, 0);

const keyOf = (item: StoredItem): string => `${String(item[partitionKey])} / ${String(item[sortKey])}`;

const itemsByKey = async (table: TestTable): Promise<ReadonlyMap<string, StoredItem>> =>
  new Map((await storedItems(table)).map((item) => [keyOf(item), item]));

const changeOf = (before: StoredItem | undefined, after: StoredItem | undefined): Change | undefined => {
  if (after === undefined) return undefined;
  const { [partitionKey]: pk, [sortKey]: sk } = after;
  const image = (item: StoredItem | undefined) => item && marshall(item);
  return readStreamRecord({
    eventName: before === undefined ? 'INSERT' : 'MODIFY',
    dynamodb: { Keys: marshall({ pk, sk }), OldImage: image(before), NewImage: image(after) },
  }).change;
};

function writtenKeys({
  action,
  request,
}: EngineCall): readonly { readonly key: string; readonly isTransaction: boolean }[] {
  if (action === 'UpdateItem') return [{ key: keyOf(unmarshall(request['Key'])), isTransaction: false }];
  if (action !== 'TransactWriteItems') return [];
  return (request['TransactItems'] as Record<string, any>[])
    .flatMap((each) => Object.entries(each))
    .filter(([kind]) => kind !== 'ConditionCheck')
    .map(([, { Key: key, Item: item }]) => ({ key: keyOf(unmarshall(key ?? item)), isTransaction: true }));
}

function writeUses(
  before: StoredItem | undefined,
  after: StoredItem | undefined,
  isTransaction: boolean,
  indexes: readonly Index[],
): readonly PartitionUse[] {
  const key = String((before ?? after)?.[partitionKey]);
  const local = indexes.filter(({ isLocal }) => isLocal);
  const own = local.reduce(
    (sum, index) => sum + entryWriteUnits(before, after, index),
    itemWriteUnits(before, after, isTransaction),
  );
  const elsewhere = indexes
    .filter(({ isLocal }) => !isLocal)
    .flatMap((index): PartitionUse[] => {
      const writes = entryWriteUnits(before, after, index);
      const entry = entryOf(after, index) ?? entryOf(before, index);
      return writes === 0 || entry === undefined
        ? []
        : [{ index: index.name, key: String(entry[index.partitionKey]), reads: 0, writes }];
    });
  return [{ index: undefined, key, reads: 0, writes: own }, ...elsewhere];
}

function readUses(
  { action, request, response }: EngineCall,
  items: ReadonlyMap<string, StoredItem>,
  indexes: readonly Index[],
): readonly PartitionUse[] {
  if (action === 'BatchGetItem') {
    return Object.values(request['RequestItems'] as Record<string, { readonly Keys: Record<string, any>[] }>)
      .flatMap(({ Keys: keys }) => keys.map((key) => unmarshall(key)))
      .map((key) => ({
        index: undefined,
        key: String(key[partitionKey]),
        reads: readUnits(itemBytes(items.get(keyOf(key)) ?? {}), true),
        writes: 0,
      }));
  }
  if (action !== 'Query') return [];
  const index = indexes.find(({ name }) => name === request['IndexName']);
  const found = (response['Items'] as Record<string, any>[]).map((item) => unmarshall(item));
  const [, placeholder = ''] = /^#\w+ = (:\w+)/.exec(String(request['KeyConditionExpression'])) ?? [];
  return [
    {
      index: index?.isLocal === false ? index.name : undefined,
      key: String(unmarshall(request['ExpressionAttributeValues'])[placeholder]),
      reads: readUnits(
        found.reduce((sum, item) => sum + itemBytes(item), 0),
        request['ConsistentRead'] === true,
      ),
      writes: 0,
    },
  ];
}
