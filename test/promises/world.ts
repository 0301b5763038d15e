import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import {
  BatchWriteItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { ItemKey } from '../../lambda/dynamodb/keys.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy, type Interceptor } from '../support/engine-proxy.ts';
import { startService, type TestResponse, type RequestOptions, type Service } from '../support/service.ts';
import { storedItems, type StoredItem } from '../support/stored-items.ts';

/** A call of the service to the engine. */
export type Call = Parameters<Interceptor>[0];

/** A request that the proxy holds before one of its calls. */
interface HeldRequest {
  /** Forwards the held call. Returns the response of the request. */
  release(): Promise<TestResponse>;
}

/** The service on a table of its own, behind a proxy that can hold its calls. */
export interface World {
  readonly service: Service;
  readonly proxy: EngineProxy;
  readonly table: TestTable;
  request(method: string, path: string, options?: RequestOptions): Promise<TestResponse>;
  /** Starts a request and holds its first call that matches. Returns when the call is held. Other requests continue. */
  hold(matches: (call: Call) => boolean, request: () => Promise<TestResponse>): Promise<HeldRequest>;
  /** Starts a request, loses the response to its first write, which is applied, and holds its next call. */
  holdAfterLostResponse(request: () => Promise<TestResponse>): Promise<HeldRequest>;
  /** Loses the response to the next call that matches. The engine executes the call. */
  loseNextResponse(matches: (call: Call) => boolean): void;
  /** Releases all held requests and replaces the items of the table. Default: no items. */
  reset(items?: readonly StoredItem[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a world. A test file can have one world only, because it can have one service only.
 *
 * @param memberQuota - maximum number of members of an image, or -1 for no limit
 * @param beyond - returns the URL of another proxy in front of the engine's URL
 */
export async function startWorld(
  memberQuota: number,
  beyond: (engine: string) => Promise<string> = (engine) => Promise.resolve(engine),
): Promise<World> {
  const table = await createTestTable();
  const proxy = await startEngineProxy(await beyond(table.endpoint));
  const service = await startService(proxy.endpoint, table.tableName, memberQuota);
  const held = new Set<{ readonly release: () => void; readonly answered: Promise<unknown> }>();
  const request: World['request'] = (method, path, options) => service.request(method, path, options);

  const hold = async (
    matches: (call: Call) => boolean,
    start: () => Promise<TestResponse>,
    timesBefore = 0,
  ): Promise<HeldRequest> => {
    let passed = 0;
    const caught = Promise.withResolvers<'caught'>();
    const released = Promise.withResolvers<undefined>();
    proxy.intercept((call) => {
      if (passed === 0 && !matches(call)) return undefined;
      passed += 1;
      if (passed <= timesBefore) return 'lose the response';
      proxy.intercept(undefined);
      caught.resolve('caught');
      return released.promise;
    });
    const answered = start();
    const holding = {
      release: () => {
        released.resolve(undefined);
      },
      answered,
    };
    held.add(holding);
    const first = await Promise.race([caught.promise, answered]);
    proxy.intercept(undefined);
    if (first !== 'caught') {
      held.delete(holding);
      throw new Error(`The request got ${first.status} before the call that should be held.`);
    }
    return {
      release: () => {
        held.delete(holding);
        holding.release();
        return answered;
      },
    };
  };

  return {
    service,
    proxy,
    table,
    request,
    hold: (matches, start) => hold(matches, start),
    holdAfterLostResponse: (start) => hold(isWrite, start, 1),
    loseNextResponse: (matches) => {
      proxy.intercept((call) => {
        if (!matches(call)) return undefined;
        proxy.intercept(undefined);
        return 'lose the response';
      });
    },
    reset: async (items = []) => {
      proxy.intercept(undefined);
      for (const { release } of held) release();
      await Promise.all([...held].map(({ answered }) => answered));
      held.clear();
      await restoreItems(table, items);
      await proxy.record(() => Promise.resolve()); // clears the recorded calls
    },
    close: async () => {
      await proxy.stop();
      await table.drop();
    },
  };
}

/** Maximum number of items in a BatchWriteItem. */
const maxBatchItems = 25;

/** Replaces the items of a table. Writes only the differences. */
async function restoreItems(table: TestTable, items: readonly StoredItem[]): Promise<void> {
  const keyOf = ({ pk, sk }: StoredItem): string => `${pk}\n${sk}`;
  const present = new Map((await storedItems(table)).map((item) => [keyOf(item), item]));
  const writes: WriteRequest[] = [];
  for (const item of items) {
    if (!isDeepStrictEqual(present.get(keyOf(item)), item)) writes.push({ PutRequest: { Item: marshall(item) } });
    present.delete(keyOf(item));
  }
  for (const { pk, sk } of present.values()) writes.push({ DeleteRequest: { Key: marshall({ pk, sk }) } });
  for (let start = 0; start < writes.length; start += maxBatchItems) {
    const batch = { [table.tableName]: writes.slice(start, start + maxBatchItems) };
    const { UnprocessedItems: remaining } = await table.client.send(new BatchWriteItemCommand({ RequestItems: batch }));
    assert.deepEqual(remaining ?? {}, {});
  }
}

/** Puts items into the table without the service. */
export async function plantItems({ client, tableName }: TestTable, items: readonly StoredItem[]): Promise<void> {
  for (const item of items) await client.send(new PutItemCommand({ TableName: tableName, Item: marshall(item) }));
}

/** Changes attributes of an item without the service; `undefined` removes an attribute. */
export async function plantAttributes(
  table: TestTable,
  key: ItemKey,
  attributes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const changed = { ...(await itemAt(table, key)), ...attributes };
  await plantItems(table, [Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined))]);
}

/** Deletes an item without the service. */
export async function plantDeletion({ client, tableName }: TestTable, { pk, sk }: ItemKey): Promise<void> {
  await client.send(new DeleteItemCommand({ TableName: tableName, Key: marshall({ pk, sk }) }));
}

/** Reads a stored item. */
export async function itemAt({ client, tableName }: TestTable, { pk, sk }: ItemKey): Promise<StoredItem | undefined> {
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName: tableName, Key: marshall({ pk, sk }), ConsistentRead: true }),
  );
  return item && unmarshall(item);
}

/** Tests if a call writes. */
export const isWrite = ({ action }: Call): boolean => action === 'UpdateItem' || action === 'TransactWriteItems';

/** Returns a test if a call is a transaction with an action on an item whose sort key has this prefix. */
export const isTransactionOn =
  (sortKeyPrefix: string) =>
  ({ action, request }: Call): boolean =>
    action === 'TransactWriteItems' &&
    (request['TransactItems'] as Record<string, Record<string, any>>[]).some((item) =>
      Object.values(item).some(({ Key: key, Item: whole }) => String((key ?? whole)['sk'].S).startsWith(sortKeyPrefix)),
    );

/** Returns the response. @throws Error with the response if it has another status */
export function assertAnswered(answer: TestResponse, status: number): TestResponse {
  assert.equal(answer.status, status, `${answer.status} and not ${status}: ${JSON.stringify(answer.body)}`);
  return answer;
}
