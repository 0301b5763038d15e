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

/** A call of the service on its way to the engine. */
export type Call = Parameters<Interceptor>[0];

/** A request that stands still before one of its calls, until it is let go. */
interface HeldRequest {
  /** Lets it go on, and resolves to its answer. */
  release(): Promise<TestResponse>;
}

/** The service on a table of its own, behind a wire that can hold its calls. */
export interface World {
  readonly service: Service;
  readonly proxy: EngineProxy;
  readonly table: TestTable;
  request(method: string, path: string, options?: RequestOptions): Promise<TestResponse>;
  /** Starts a request and resolves when it is about to make the first call that fits. Other requests pass meanwhile. */
  hold(fits: (call: Call) => boolean, request: () => Promise<TestResponse>): Promise<HeldRequest>;
  /** Starts a request, loses the response to its first write after that was applied, and holds it before its next call. */
  holdAfterLostResponse(request: () => Promise<TestResponse>): Promise<HeldRequest>;
  /** Lets the next call that fits be made, and loses its answer. */
  loseNextResponse(fits: (call: Call) => boolean): void;
  /** Lets go whatever still is held and makes the table hold these items, none unless they are given. */
  reset(items?: readonly StoredItem[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a world. A test file has one, for it has one service.
 *
 * @param memberQuota - the most members of an image, or -1 for no limit
 * @param beyond - an address between the wire and the engine, from the engine's own
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
    fits: (call: Call) => boolean,
    start: () => Promise<TestResponse>,
    timesBefore = 0,
  ): Promise<HeldRequest> => {
    let passed = 0;
    const caught = Promise.withResolvers<'caught'>();
    const released = Promise.withResolvers<undefined>();
    proxy.intercept((call) => {
      if (passed === 0 && !fits(call)) return undefined;
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
      throw new Error(`The request ended with ${first.status} before the call that it was to be held at.`);
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
    hold: (fits, start) => hold(fits, start),
    holdAfterLostResponse: (start) => hold(isWrite, start, 1),
    loseNextResponse: (fits) => {
      proxy.intercept((call) => {
        if (!fits(call)) return undefined;
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
      await proxy.record(() => Promise.resolve()); // forgets the calls
    },
    close: async () => {
      await proxy.stop();
      await table.drop();
    },
  };
}

/** Most items in one BatchWriteItem. */
const batchSize = 25;

/** Makes a table hold exactly these items, by as few writes as that takes. */
async function restoreItems(table: TestTable, items: readonly StoredItem[]): Promise<void> {
  const place = ({ pk, sk }: StoredItem): string => `${pk}\n${sk}`;
  const present = new Map((await storedItems(table)).map((item) => [place(item), item]));
  const writes: WriteRequest[] = [];
  for (const item of items) {
    if (!isDeepStrictEqual(present.get(place(item)), item)) writes.push({ PutRequest: { Item: marshall(item) } });
    present.delete(place(item));
  }
  for (const { pk, sk } of present.values()) writes.push({ DeleteRequest: { Key: marshall({ pk, sk }) } });
  for (let start = 0; start < writes.length; start += batchSize) {
    const batch = { [table.tableName]: writes.slice(start, start + batchSize) };
    const { UnprocessedItems: left } = await table.client.send(new BatchWriteItemCommand({ RequestItems: batch }));
    assert.deepEqual(left ?? {}, {});
  }
}

/** Puts items into the table past the service, as they are. */
export async function plantItems({ client, tableName }: TestTable, items: readonly StoredItem[]): Promise<void> {
  for (const item of items) await client.send(new PutItemCommand({ TableName: tableName, Item: marshall(item) }));
}

/** Changes attributes of an item past the service; `undefined` removes one. */
export async function plantAttributes(
  table: TestTable,
  key: ItemKey,
  attributes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const changed = { ...(await itemAt(table, key)), ...attributes };
  await plantItems(table, [Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined))]);
}

/** Takes an item away past the service. */
export async function plantDeletion({ client, tableName }: TestTable, { pk, sk }: ItemKey): Promise<void> {
  await client.send(new DeleteItemCommand({ TableName: tableName, Key: marshall({ pk, sk }) }));
}

/** One item as it is stored. */
export async function itemAt({ client, tableName }: TestTable, { pk, sk }: ItemKey): Promise<StoredItem | undefined> {
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName: tableName, Key: marshall({ pk, sk }), ConsistentRead: true }),
  );
  return item && unmarshall(item);
}

/** Whether a call writes: what a request is held at, unless a scenario says more. */
export const isWrite = ({ action }: Call): boolean => action === 'UpdateItem' || action === 'TransactWriteItems';

/** Whether a call is a transaction with an action on an item whose sort key begins so. */
export const isTransactionOn =
  (sortKeyPrefix: string) =>
  ({ action, request }: Call): boolean =>
    action === 'TransactWriteItems' &&
    (request['TransactItems'] as Record<string, Record<string, any>>[]).some((item) =>
      Object.values(item).some(({ Key: key, Item: whole }) => String((key ?? whole)['sk'].S).startsWith(sortKeyPrefix)),
    );

/** Fails unless a request was answered with this status; the message says what was answered instead. */
export function assertAnswered(answer: TestResponse, status: number): TestResponse {
  assert.equal(answer.status, status, `${answer.status} and not ${status}: ${JSON.stringify(answer.body)}`);
  return answer;
}
