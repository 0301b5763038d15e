import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { maxListedMembers } from '../../lambda/use-cases/members/list-members.ts';
import type { Image } from '../../lambda/domain/image.ts';
import type { MemberStatus } from '../../lambda/domain/membership.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineCall, type EngineProxy } from '../support/engine-proxy.ts';
import { seedImage, seedImages, seedMembers } from '../support/seed.ts';
import { startService, type TestResponse, type Service } from '../support/service.ts';

// No request fails because of the data of other projects. Counts the bytes between the service and the engine, and the
// bytes of the response as Lambda encodes it.

/** Maximum size of a response that Lambda returns, encoded ("Lambda quotas", 6 MB). */
const maxResponseBytes = 6 * 1024 * 1024;
const mebibyte = 1024 * 1024;

let table: TestTable;
let proxy: EngineProxy;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  service = await startService(proxy.endpoint, table.tableName, -1);
});
afterAll(async () => {
  await proxy.stop();
  await table.drop();
});
afterEach(() => {
  proxy.intercept(undefined);
});

const list = (project: string, query: string): Promise<TestResponse> =>
  service.request('GET', query.startsWith('/') ? query : `/v2/images?${query}`, { as: `${project}:reader` });

const idsOf = ({ body }: TestResponse): string[] =>
  (body.images ?? body.offers.map(({ image }: { image: object }) => image)).map(({ id }: { id: string }) => id);

/** Size of a response as Lambda returns it: the body is a string within another JSON document. */
const encodedBytes = ({ status, headers, body }: TestResponse): number =>
  Buffer.byteLength(JSON.stringify({ statusCode: status, headers, body: JSON.stringify(body) }));

/** Size of the responses, except those of a busy engine after the timeout of the client, which repeats the read. */
const bytesRead = (calls: readonly EngineCall[]): number =>
  calls
    .filter(({ isAbandoned }) => !isAbandoned)
    .reduce((sum, { response }) => sum + Buffer.byteLength(JSON.stringify(response)), 0);

/** Reads every page of a list. */
async function walk(project: string, query: string): Promise<readonly TestResponse[]> {
  const pages: TestResponse[] = [];
  for (let next: string | undefined = query; next !== undefined;) {
    const page: TestResponse = await list(project, next);
    expect([page.status, page.body.message]).toEqual([200, undefined]);
    pages.push(page);
    next = page.body.next;
  }
  return pages;
}

test('a project that is offered 1,000 images made of what JSON escapes reads all of them, in pages that fit', async () => {
  const images = await seedImages(table, {
    owner: '"'.repeat(255),
    count: 1000,
    name: '\u0001'.repeat(255),
    properties: { quotes: '"'.repeat(950) },
    members: [{ project: 'victim', status: 'pending' }],
  });

  for (const query of ['member_status=pending&limit=1000', '/sharing/v1/offers?limit=100']) {
    const pages = await walk('victim', query);

    expect(pages[0]!.body.next).toBeDefined();
    expect(Math.max(...pages.map(encodedBytes))).toBeLessThan(maxResponseBytes);
    expect(pages.flatMap(idsOf)).toEqual(images.map(({ id }) => id).toReversed());
  }
});

describe('a list of 200 images of 128 KiB', () => {
  const full = { properties: { blob: 'x'.repeat(128 * 1024 - 40) } };
  let ids: readonly string[];
  beforeAll(async () => {
    const members = [{ project: 'rich', status: 'accepted' as const }];
    const images = await seedImages(table, { owner: 'hoarder', count: 200, members, ...full });
    ids = images.map(({ id }) => id).toReversed();
  }, 120_000);

  test('a page of up to 1,000 reads what one batch holds, shows what fits, and goes on', async () => {
    const { result, calls } = await proxy.record(() => list('rich', 'limit=1000'));

    expect(result.status).toBe(200);
    expect(bytesRead(calls)).toBeLessThan(16 * mebibyte);
    expect(encodedBytes(result)).toBeLessThan(maxResponseBytes);
    expect(idsOf(result)).toEqual(ids.slice(0, idsOf(result).length));
    expect(idsOf(result).length).toBeGreaterThan(30);
    expect(result.body.next).toBeDefined();
  });

  test('a page of 100 offers of them reads what one batch holds, shows what fits, and goes on', async () => {
    const { result, calls } = await proxy.record(() => list('rich', '/sharing/v1/offers?status=accepted&limit=100'));

    expect(result.status).toBe(200);
    expect(bytesRead(calls)).toBeLessThan(16 * mebibyte);
    expect(encodedBytes(result)).toBeLessThan(maxResponseBytes);
    expect(idsOf(result)).toEqual(ids.slice(0, idsOf(result).length));
    expect(idsOf(result).length).toBeGreaterThan(30);
    expect(result.body.next).toBeDefined();
  });

  test('a page of own images of them reads the records of 25', async () => {
    const { result, calls } = await proxy.record(() => list('hoarder', '/sharing/v1/images'));

    expect(bytesRead(calls)).toBeLessThan(4 * mebibyte);
    expect(idsOf(result)).toEqual(ids.slice(0, 25));
    expect(result.body.next).toBeDefined();
  });

  test('images that follow small ones are read in bounded steps', async () => {
    await seedImages(table, {
      owner: 'ambush',
      count: 300,
      members: [{ project: 'other', status: 'pending' }],
      ...full,
    });
    await seedImages(table, { owner: 'ambush', count: 100, createdAt: '2026-02-01T00:00:00Z' });

    const { result, calls } = await proxy.record(() => list('ambush', 'limit=1000'));

    expect(idsOf(result).length).toBeGreaterThan(130);
    expect(bytesRead(calls)).toBeLessThan(30 * mebibyte);
  }, 120_000);

  test('a filter that matches nothing reads a bounded number of bytes for a page, and the pages end', async () => {
    const { result, calls } = await proxy.record(() => list('rich', 'tag=none'));
    const bytes = bytesRead(calls);
    const pages = await walk('rich', 'tag=none');

    expect(idsOf(result)).toEqual([]);
    expect(bytes).toBeLessThan(18 * mebibyte);
    expect(pages.flatMap(idsOf)).toEqual([]);
    expect(pages.length).toBeGreaterThan(1);
  });

  test('a name prefix that matches nothing reads a bounded number of bytes for a page, and the pages end', async () => {
    const { result, calls } = await proxy.record(() =>
      list('rich', '/sharing/v1/offers?status=accepted&name_prefix=none'),
    );
    const bytes = bytesRead(calls);
    const pages = await walk('rich', '/sharing/v1/offers?status=accepted&name_prefix=none');

    expect(idsOf(result)).toEqual([]);
    expect(bytes).toBeLessThan(18 * mebibyte);
    expect(pages.flatMap(idsOf)).toEqual([]);
    expect(pages.length).toBeGreaterThan(1);
  });

  test('four sorts at the same time are refused with a 400 after a bounded number of bytes', async () => {
    const { result, calls } = await proxy.record(() =>
      Promise.all(Array.from({ length: 4 }, () => list('rich', 'sort_key=name'))),
    );

    expect(result.map(({ status, body }) => [status, body.error])).toEqual(Array(4).fill([400, 'invalid-request']));
    expect(bytesRead(calls) / 4).toBeLessThan(18 * mebibyte);
  });
});

test('a sort reads the records of its page, not of the list, after the order is known', async () => {
  const images = await seedImages(table, { owner: 'sorter', count: 150, properties: { blob: 'x'.repeat(20_000) } });

  const { result, calls } = await proxy.record(() => list('sorter', 'sort=id:asc&limit=10'));

  expect(idsOf(result)).toEqual(
    images
      .map(({ id }) => id)
      .toSorted()
      .slice(0, 10),
  );
  expect(result.body.next).toBeDefined();
  expect(bytesRead(calls)).toBeLessThan((150 + 10 + 5) * 20_500);
});

test('an image that is hidden after the order is known and before its page is read is made up for', async () => {
  const images = await seedImages(table, { owner: 'hider', count: 5 });
  const [first, second, third] = images.map(({ id }) => id).toSorted();
  let reads = 0;
  proxy.intercept(async ({ action }) => {
    if (action !== 'BatchGetItem') return undefined;
    reads += 1;
    if (reads !== 2) return undefined;
    proxy.intercept(undefined);
    const { status } = await service.request('PATCH', `/v2/images/${second}`, {
      as: 'hider:member',
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
      body: [{ op: 'replace', path: '/os_hidden', value: true }],
    });
    expect(status).toBe(200);
    return undefined;
  });

  const page = await list('hider', 'sort=id:asc&limit=2');

  expect(idsOf(page)).toEqual([first, third]);
  expect(page.body.next).toContain(`marker=${third}`);
});

describe('a list narrowed to an owner', () => {
  // The engine examines two entries in each round, as if two were a megabyte.
  const inSmallRounds = (): void => {
    proxy.intercept(({ action, request }) =>
      action === 'Query' && 'FilterExpression' in request ? { request: { ...request, Limit: 2 } } : undefined,
    );
  };
  const rounds = (calls: readonly EngineCall[]): number => calls.filter(({ action }) => action === 'Query').length;
  let rare: string;
  beforeAll(async () => {
    const members = [{ project: 'narrow', status: 'accepted' as const }];
    rare = (await seedImage(table, { owner: 'rare', members })).id;
    await seedImages(table, { owner: 'common', count: 40, members, createdAt: '2026-02-01T00:00:00Z' });
  });

  test.each(['owner=rare', 'owner=rare&tag=none', 'owner=rare&limit=1'])(
    'a page for %s takes a bounded number of rounds, and a short one goes on behind an image that the caller sees',
    async (query) => {
      inSmallRounds();

      const first = await proxy.record(() => list('narrow', query));
      const queries = rounds(first.calls);
      const pages = await walk('narrow', query);

      expect(queries).toBeLessThanOrEqual(10);
      expect(first.result.body.next).toBeDefined();
      expect(pages.flatMap(idsOf)).toEqual(query.includes('tag') ? [] : [rare]);
      for (const { body } of pages.slice(0, -1)) {
        const marker = new URLSearchParams(body.next.split('?')[1]).get('marker')!;
        expect((await service.request('GET', `/v2/images/${marker}`, { as: 'narrow:reader' })).status).toBe(200);
      }
    },
  );

  test('offers are found in a bounded number of rounds, and a short page goes on', async () => {
    inSmallRounds();

    const first = await proxy.record(() => list('narrow', '/sharing/v1/offers?status=accepted&owner=rare'));
    const queries = rounds(first.calls);
    const pages = await walk('narrow', '/sharing/v1/offers?status=accepted&owner=rare');

    expect(queries).toBeLessThanOrEqual(10);
    expect(first.result.body.next).toBeDefined();
    expect(pages.flatMap(idsOf)).toEqual([rare]);
  });

  test('a sort of it that would take more rounds is refused with a 400', async () => {
    inSmallRounds();

    const { result, calls } = await proxy.record(() => list('narrow', 'owner=rare&sort=name:asc'));

    expect([result.status, result.body.error]).toEqual([400, 'invalid-request']);
    expect(rounds(calls)).toBeLessThanOrEqual(10);
  });

  test('sources that end before others do are merged into one order', async () => {
    await seedImages(table, { owner: 'narrow', count: 3, createdAt: '2026-01-15T00:00:00Z', visibility: 'public' });
    const whole = idsOf(await list('narrow', 'visibility=all&owner=narrow'));
    inSmallRounds();

    const pages = await walk('narrow', 'visibility=all&owner=narrow&limit=2');

    expect(whole).toHaveLength(3);
    expect(pages.flatMap(idsOf)).toEqual(whole);
  });
});

describe('member_status=all is one moment of a list', () => {
  const order: readonly MemberStatus[] = ['pending', 'accepted', 'rejected'];

  test.each(order.flatMap((from) => order.filter((to) => to !== from).map((to) => [from, to] as const)))(
    'an image whose status changes from %s to %s while the list is read is in it',
    async (from, to) => {
      const member = `mover-${from}-${to}`;
      const { id } = await seedImage(table, { owner: 'still', members: [{ project: member, status: from }] });
      const partition = `PROJECT#${member}`;
      const indexOf = { pending: 'pending', accepted: 'listed', rejected: 'rejected' };
      // The index that the image moves to is read before the change, every other one after it.
      const isEarly = (request: EngineCall['request']): boolean => request['IndexName'] === indexOf[to];
      const ofMember = (request: EngineCall['request']): boolean =>
        JSON.stringify(request['ExpressionAttributeValues']).includes(partition) &&
        JSON.stringify(request['ExpressionAttributeValues']).includes('shared#');
      let changed: Promise<TestResponse> | undefined;
      proxy.intercept(async ({ action, request }) => {
        if (action !== 'Query' || !ofMember(request) || isEarly(request)) return undefined;
        for (let turn = 0; turn < 20; turn += 1) await setTimeout(1);
        changed ??= service.request('PUT', `/v2/images/${id}/members/${member}`, {
          as: `${member}:member`,
          body: { status: to },
        });
        expect((await changed).status).toBe(200);
        return undefined;
      });

      const page = await list(member, 'visibility=shared&member_status=all');

      expect(changed).toBeDefined();
      expect(idsOf(page)).toEqual([id]);
    },
  );
});

describe('the list of more members than one response may hold', () => {
  let image: Image;
  beforeAll(async () => {
    image = await seedImage(table, { owner: 'open' });
    const projects = Array.from({ length: maxListedMembers + 1 }, (_, n) => `project-${n}`);
    await seedMembers(table, image, projects);
  }, 60_000);

  test.each(['/v2', '/sharing/v1'])(
    'is a 400 of %s that says so; each can still be shown, and sees itself',
    async (api) => {
      const get = (path: string, as: string) => service.request('GET', path, { as });
      const list = `${api}/images/${image.id}/members`;

      const { result, calls } = await proxy.record(() => get(list, 'open:reader'));
      const actions = new Set(calls.map(({ action }) => action));
      const one = await get(`/v2/images/${image.id}/members/project-0`, 'open:reader');
      const itself = await get(list, 'project-0:reader');

      expect([result.status, result.body.error]).toEqual([400, 'invalid-request']);
      expect([...actions]).toEqual(['Query']);
      expect([one.status, itself.body.members?.length]).toEqual([200, 1]);
    },
  );
});
