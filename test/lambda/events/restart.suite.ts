/**
 * The local server stopped and started again on the same data: every change is published once or more, in order, and a
 * fan-out whose request was cut off is completed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EventStore, type PublishedEvent } from '../../../infra/local/events/event-store.ts';
import { tableClient } from '../../../infra/local/dynamodb/table-client.ts';
import { startTableEngine } from '../../../infra/local/dynamodb/table-engine.ts';
import { tableFromTemplate } from '../../../infra/local/dynamodb/table-from-template.ts';
import { testStack } from '../../support/engine.ts';
import { startEngineProxy } from '../../support/engine-proxy.ts';
import { environmentWithoutSettings, startServerProcess, type ServerProcess } from '../../support/local-server.ts';
import { seedImage } from '../../support/seed.ts';
import { tokenOf } from '../../support/service.ts';

let folder: string;
const servers: ServerProcess[] = [];
/** Ends what else a test has started. */
const endings: (() => void | Promise<void>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-restart-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.end('SIGKILL');
  for (const stop of endings.splice(0).reverse()) await stop();
  rmSync(folder, { recursive: true });
});

async function startServer(environment: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
  const server = await startServerProcess({
    ...environmentWithoutSettings(),
    PORT: '0',
    DATA_DIR: folder,
    ...environment,
  });
  servers.push(server);
  return server;
}

async function send({ url }: ServerProcess, method: string, path: string, as: string, body?: unknown): Promise<any> {
  const contentType = method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
  const response = await fetch(`${url}/v2/images${path}`, {
    method,
    headers: { 'x-auth-token': tokenOf(as), 'content-type': contentType },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} got ${response.status}: ${await response.text()}`);
  return response.json();
}

/** The number of records in the stream of the embedded engine. */
function recordCount(): number {
  const database = new DatabaseSync(join(folder, 'table.sqlite'), { readOnly: true, timeout: 10_000 });
  try {
    return Number(database.prepare('SELECT count(*) AS count FROM _stream_records').get()!['count']);
  } finally {
    database.close();
  }
}

interface Notification {
  readonly id: string;
  readonly type: string;
  readonly image: { readonly id: string };
  readonly after: { readonly status?: string; readonly visibility?: string } | null;
}

/** The notifications in the order in which they were first published. */
function notifications(): readonly Notification[] {
  const store = new EventStore(join(folder, 'events.sqlite'));
  const events: PublishedEvent[] = [];
  for (let page = store.eventsAfter(0); page.length > 0; page = store.eventsAfter(page.at(-1)!.position)) {
    events.push(...page);
  }
  store.close();
  const byId = new Map<string, Notification>();
  for (const { detail } of events) {
    const notification = JSON.parse(detail) as Notification;
    if (!byId.has(notification.id)) byId.set(notification.id, notification);
  }
  return [...byId.values()];
}

/** Waits until a condition is true, for at most two minutes. */
async function until(hasHappened: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await hasHappened())) {
    if (Date.now() > deadline) throw new Error(`In two minutes it has not happened that ${what}.`);
    await setTimeout(50);
  }
}

/** An image with one member that changes its status again and again, and every status that was acknowledged. */
async function offeredImage(server: ServerProcess) {
  const { id } = (await send(server, 'POST', '', 'alpha:member', { name: 'golden' })) as { readonly id: string };
  await send(server, 'POST', `/${id}/members`, 'alpha:member', { member: 'beta' });
  const statuses = ['pending'];
  return {
    statuses,
    answer: async (running: ServerProcess) => {
      const status = statuses.at(-1) === 'accepted' ? 'rejected' : 'accepted';
      await send(running, 'PUT', `/${id}/members/beta`, 'beta:member', { status });
      statuses.push(status);
    },
    /** The statuses that are published, in the order of their first publication. */
    published: () =>
      notifications()
        .filter(({ type, image }) => image.id === id && type.startsWith('image.member.'))
        .map(({ after }) => after?.status),
  };
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'changes are published after restarts by %s beyond 10, 100 and 1,000 records',
  async (signal) => {
    let server = await startServer();
    const image = await offeredImage(server);
    for (const records of [10, 100, 1000]) {
      // The stream also has the records of the history, which the consumer writes meanwhile.
      while (recordCount() < records) await image.answer(server);
      await until(() => image.published().length === image.statuses.length, 'all is published before the restart');

      await server.end(signal);
      server = await startServer();
      for (let count = 0; count < 5; count += 1) await image.answer(server);
      await until(() => image.published().length >= image.statuses.length, `all is published after ${records} records`);

      expect(image.published()).toEqual(image.statuses);
    }
  },
  600_000,
);

test('every change is published although the server is killed again and again', async () => {
  let server = await startServer();
  const image = await offeredImage(server);
  for (let kills = 0; kills < 3; kills += 1) {
    for (let count = 0; count < 30; count += 1) await image.answer(server);
    await server.end('SIGKILL');
    server = await startServer();
  }
  await until(() => image.published().length >= image.statuses.length, 'all is published');

  expect(image.published()).toEqual(image.statuses);
}, 600_000);

test('a pending change that was recorded before a kill is completed after the restart', async () => {
  const engine = await startTableEngine(join(folder, 'table.sqlite'));
  endings.push(() => engine.stop());
  const proxy = await startEngineProxy(engine.endpoint);
  endings.push(() => proxy.stop());
  const client = tableClient(engine.endpoint);
  endings.push(() => client.destroy());
  const environment = { DYNAMODB_ENDPOINT: proxy.endpoint };
  const server = await startServer(environment);
  const tableName = tableFromTemplate(testStack()).create.TableName;
  const table = { client, tableName, endpoint: engine.endpoint, drop: () => Promise.resolve() };
  const members = Array.from({ length: 120 }, (_, n) => ({ project: `member-${n}`, status: 'accepted' as const }));
  const { id } = await seedImage(table, { owner: 'alpha', members });
  const record = async () => {
    const Key = { pk: { S: `IMAGE#${id}` }, sk: { S: 'IMAGE' } };
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }));
    return { visibility: Item!['visibility']?.S, isPending: Item!['pending_change'] !== undefined };
  };
  const publishedStates = () =>
    notifications()
      .filter(({ type, image }) => type.startsWith('image.') && !type.includes('member') && image.id === id)
      .map(({ after }) => after?.visibility);
  await until(() => notifications().length === members.length + 1, 'the image and its members are published');

  // The first write records the pending change. No later write reaches the engine, and no stream record is read.
  let writes = 0;
  let isHeld = false;
  const lost = new Promise<never>(() => undefined);
  proxy.intercept(({ action }) => {
    if (action.endsWith('.GetRecords')) return lost;
    if (!/^(Put|Update|Delete|TransactWrite|BatchWrite)/.test(action)) return undefined;
    writes += 1;
    if (writes === 1) return undefined;
    isHeld = true;
    return lost;
  });
  const patch = [{ op: 'replace', path: '/visibility', value: 'private' }];
  const request = send(server, 'PATCH', `/${id}`, 'alpha:member', patch).catch(() => 'cut off');
  await until(() => isHeld, 'the request makes its second write');
  await server.end('SIGKILL');
  proxy.intercept(undefined);
  expect(await request).toBe('cut off');
  expect(await record()).toEqual({ visibility: 'shared', isPending: true });

  await startServer(environment);
  await until(async () => !(await record()).isPending, 'the pending change is completed');
  await until(() => publishedStates().length > 1, 'the change is published');

  expect(await record()).toEqual({ visibility: 'private', isPending: false });
  expect(publishedStates()).toEqual(['shared', 'private']);
}, 600_000);
