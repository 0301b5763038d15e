import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ensureTable } from '../../../../infra/local/dynamodb/ensure-table.ts';
import { EventStore } from '../../../../infra/local/events/event-store.ts';
import { type Events, startEvents } from '../../../../infra/local/events/events.ts';
import { tableClient } from '../../../../infra/local/dynamodb/table-client.ts';
import { startTableEngine, type TableEngine } from '../../../../infra/local/dynamodb/table-engine.ts';
import { tableFromTemplate } from '../../../../infra/local/dynamodb/table-from-template.ts';
import { testStack, type TestTable } from '../../../support/engine.ts';
import { type EngineProxy, startEngineProxy } from '../../../support/engine-proxy.ts';
import { seedImages } from '../../../support/seed.ts';

// The event sources of the template run on an engine behind a proxy.
let folder: string;
let engine: TableEngine;
let proxy: EngineProxy;
let table: TestTable;
let store: EventStore;
let events: Events;
let logged: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-poller-'));
  engine = await startTableEngine(join(folder, 'table.sqlite'));
  proxy = await startEngineProxy(engine.endpoint);
  store = new EventStore(join(folder, 'events.sqlite'));
  logged = '';
  const log = new Writable({
    write: (chunk, _encoding, done) => {
      logged += String(chunk);
      done();
    },
  });
  const stack = testStack();
  const template = tableFromTemplate(stack);
  const client = tableClient(engine.endpoint);
  await ensureTable(client, template);
  table = {
    client,
    tableName: template.create.TableName,
    endpoint: engine.endpoint,
    drop: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
  events = await startEvents({ stack, tableEndpoint: proxy.endpoint, store, log });
});

afterEach(async () => {
  await events.stop();
  store.close();
  await table.drop();
  await proxy.stop();
  await engine.stop();
  rmSync(folder, { recursive: true });
});

const getRecords = 'DynamoDBStreams_20120810.GetRecords';

/** Waits at most half a minute for a condition. */
async function until(hasHappened: () => boolean): Promise<void> {
  for (let polls = 0; !hasHappened(); polls += 1) {
    if (polls > 1500) throw new Error(`The condition did not become true; logged: ${logged}`);
    await setTimeout(20);
  }
}

/** Waits until all images are published at least once, in the order of their creation. */
async function waitForPublished(ids: readonly string[]): Promise<void> {
  const seen = () => {
    const details = store.eventsAfter(0).map(({ detail }) => JSON.parse(detail) as { readonly image: { id: string } });
    return [...new Set(details.map(({ image }) => image.id))];
  };
  await until(() => seen().length >= ids.length);
  expect(seen()).toEqual(ids);
}

const createImages = async (count: number) =>
  (await seedImages(table, { owner: 'alpha', count })).map(({ id }) => String(id));

test('a poller continues after a read error', async () => {
  const before = await createImages(20);
  await waitForPublished(before);

  let errors = 0;
  proxy.intercept(({ action }) => {
    if (action !== getRecords || errors > 0) return undefined;
    errors += 1;
    return { status: 400, response: { __type: 'com.amazonaws.dynamodb#ExpiredIteratorException', message: 'expired' } };
  });
  await until(() => errors > 0);
  const after = await createImages(20);

  await waitForPublished([...before, ...after]);
  expect(logged).toContain('ExpiredIteratorException');
});

test('a poller that makes no progress although there are records logs it, and continues', async () => {
  const before = await createImages(20);
  await waitForPublished(before);

  // This iterator and its successors return no records.
  let isDead = false;
  proxy.intercept(({ action, request }) => {
    if (action !== getRecords || (isDead && request['ShardIterator'] !== 'dead')) return undefined;
    isDead = true;
    return { status: 200, response: { Records: [], NextShardIterator: 'dead' } };
  });
  await until(() => isDead);
  const after = await createImages(20);

  await waitForPublished([...before, ...after]);
  const [, found, position] =
    /^The stream poller of Notifications\w+ makes no progress: .* finds record (\d+) after position (\d+); it opens the stream again\.$/m.exec(
      logged,
    ) ?? [];
  // The records of the images and their entries, and those of their history as far as it was read.
  expect(Number(position)).toBeGreaterThanOrEqual(40);
  expect(Number(found)).toBe(Number(position) + 1);
});
