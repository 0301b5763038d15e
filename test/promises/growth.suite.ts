import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Image } from '../../lambda/domain/image.ts';
import { maxScannedImages } from '../../lambda/use-cases/list-page.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startEngineProxy, unitsOf, type EngineCall, type EngineProxy } from '../support/engine-proxy.ts';
import { seedImage, seedImages } from '../support/seed.ts';
import { startService, type Service } from '../support/service.ts';

// The cost of a page does not depend on the number of images. Counts the calls and units between the service and the
// engine, with 10, 1,000 and 20,000 images of one project that are offered to two others: accepted and pending.

const sizes = [10, 1_000, 20_000] as const;
type Size = (typeof sizes)[number];

// As long as the ids of Keystone.
const projectId = (name: string): string => name.padEnd(32, '-');
const owner = (size: Size) => projectId(`owner-${size}`);
const accepter = (size: Size) => projectId(`accepter-${size}`);
const undecided = (size: Size) => projectId(`undecided-${size}`);

let table: TestTable;
let proxy: EngineProxy;
let service: Service;
const seeded = new Map<Size, readonly Image[]>();

beforeAll(async () => {
  table = await createTestTable();
  for (const size of sizes) {
    const images = await seedImages(table, {
      owner: owner(size),
      count: size,
      members: [
        { project: accepter(size), status: 'accepted' },
        { project: undecided(size), status: 'pending' },
      ],
    });
    seeded.set(size, images);
  }
  proxy = await startEngineProxy(table.endpoint);
  service = await startService(proxy.endpoint, table.tableName);
}, 600_000);

afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

interface Page {
  readonly ids: readonly string[];
  readonly next: string | undefined;
  /** Number of calls of each action. */
  readonly calls: Readonly<Record<string, number>>;
  readonly units: number;
  /** Number of requested records. */
  readonly records: number;
}

/** Reads a page of a list and returns it with its cost. */
async function page(project: string, query: string): Promise<Page> {
  const path = query.startsWith('/') ? query : `/v2/images?${query}`;
  const { result, calls } = await proxy.record(() => service.request('GET', path, { as: `${project}:reader` }));
  if (result.status !== 200) throw new Error(`${path} got ${result.status}: ${result.body.message}`);
  return {
    ids: (result.body.images ?? result.body.offers.map(({ image }: { image: object }) => image)).map(
      ({ id }: { id: string }) => id,
    ),
    next: result.body.next,
    calls: Object.fromEntries(
      [...Map.groupBy(calls, ({ action }) => action)].map(([action, all]) => [action, all.length]),
    ),
    units: unitsOf(calls),
    records: recordsOf(calls),
  };
}

const recordsOf = (calls: readonly EngineCall[]): number =>
  calls
    .filter(({ action }) => action === 'BatchGetItem')
    .flatMap(({ request }) => Object.values<{ Keys: unknown[] }>(request['RequestItems']))
    .reduce((sum, { Keys: keys }) => sum + keys.length, 0);

const cost = ({ calls, units, records }: Page) => ({ calls, units, records });

/** Returns the ids of the seeded images, newest first. */
const newestFirst = (size: Size): readonly string[] =>
  seeded
    .get(size)!
    .map(({ id }) => id)
    .toReversed();

/** Returns the marker of the page that starts after this number of images. */
const behind = (size: Size, count: number): string => `&marker=${newestFirst(size)[count - 1]}`;

describe.each([
  ['accepted images', accepter, ''],
  ['pending images', undecided, 'member_status=pending&'],
  ['owned images', owner, ''],
])('the list of %s', (_which, project, filter) => {
  const first = (size: Size, more = '') => page(project(size), `${filter}limit=25${more}`);

  test('shows the newest 25, and all where there are fewer', async () => {
    const pages = [await first(10), await first(1_000), await first(20_000)];

    expect(pages.map(({ ids }) => ids)).toEqual(sizes.map((size) => newestFirst(size).slice(0, 25)));
    expect(pages.map(({ next }) => next !== undefined)).toEqual([false, true, true]);
  });

  test('costs the same for a full page, of 1,000 images and of 20,000', async () => {
    const few = await first(1_000);
    const many = await first(20_000);

    expect(few.records).toBe(25);
    expect(cost(many)).toEqual(cost(few));
  });

  // With 10 images a page of 25 is not full: it takes the same calls, and is compared in full with a page of 10.
  test('costs the same for a page of 10, of 10 images, of 1,000 and of 20,000', async () => {
    const pageOf10 = (size: Size) => page(project(size), `${filter}limit=10`);

    const [few, more, many] = [await pageOf10(10), await pageOf10(1_000), await pageOf10(20_000)];
    const notFull = await first(10);

    expect(few.records).toBe(10);
    expect([cost(more), cost(many)]).toEqual([cost(few), cost(few)]);
    expect(notFull.calls).toEqual((await first(20_000)).calls);
  });

  test('costs the same deep behind a marker as just behind the first page', async () => {
    const early = await first(1_000, behind(1_000, 25));

    const deep = [await first(1_000, behind(1_000, 900)), await first(20_000, behind(20_000, 19_900))];

    expect(deep.map(cost)).toEqual([cost(early), cost(early)]);
    expect(deep.map(({ ids }) => ids)).toEqual([
      newestFirst(1_000).slice(900, 925),
      newestFirst(20_000).slice(19_900, 19_925),
    ]);
  });

  test('oldest first costs what newest first does', async () => {
    const newest = await first(20_000);

    const oldest = await first(20_000, '&sort=created_at:asc');

    expect(oldest.ids).toEqual(newestFirst(20_000).toReversed().slice(0, 25));
    expect(cost(oldest)).toEqual(cost(newest));
  });
});

test('the list of every status costs what that of one does, with 1,000 memberships and with 20,000', async () => {
  const [one, few, many] = [
    await page(accepter(20_000), 'limit=25'),
    await page(accepter(1_000), 'member_status=all&limit=25'),
    await page(accepter(20_000), 'member_status=all&limit=25'),
  ];

  expect(many.ids).toEqual(newestFirst(20_000).slice(0, 25));
  expect([cost(few), cost(many)]).toEqual([cost(one), cost(one)]);
});

describe.each([
  ['pending', undecided, ''],
  ['accepted', accepter, 'status=accepted&'],
  ['any', accepter, 'status=all&'],
])('the offers of %s status', (_which, project, filter) => {
  const first = (size: Size, more = '') => page(project(size), `/sharing/v1/offers?${filter}limit=100${more}`);

  test('are the newest, all where there are fewer', async () => {
    const found = [await first(10), await first(1_000), await first(20_000)];

    expect(found.map(({ ids }) => ids)).toEqual(sizes.map((size) => newestFirst(size).slice(0, 100)));
    expect(found.map(({ next }) => next !== undefined)).toEqual([false, true, true]);
  });

  test('cost the same calls and units for a page, of 1,000 and of 20,000, at any place', async () => {
    const few = await first(1_000);
    const many = await first(20_000);
    const deep = [await first(1_000, behind(1_000, 500)), await first(20_000, behind(20_000, 19_000))];

    expect(few).toMatchObject({ calls: { Query: 1, BatchGetItem: 2 }, units: 206, records: 200 });
    expect(cost(many)).toEqual(cost(few));
    expect(cost(deep[1]!)).toEqual(cost(deep[0]!));
    expect(deep[1]!.calls).toEqual({ Query: 1, BatchGetItem: 3 });
    expect(deep[1]!.ids).toEqual(newestFirst(20_000).slice(19_000, 19_100));
  });

  test('cost the same calls and units for a page of 10, of 10, of 1,000 and of 20,000', async () => {
    const pageOf10 = (size: Size) => page(project(size), `/sharing/v1/offers?${filter}limit=10`);

    const [few, more, many] = [await pageOf10(10), await pageOf10(1_000), await pageOf10(20_000)];

    expect(few).toMatchObject({ calls: { Query: 1, BatchGetItem: 1 }, records: 20 });
    expect([cost(more), cost(many)]).toEqual([cost(few), cost(few)]);
  });
});

test('own images cost the same calls and units for a page, of 1,000 and of 20,000', async () => {
  const [few, many] = [await page(owner(1_000), '/sharing/v1/images'), await page(owner(20_000), '/sharing/v1/images')];

  expect(few).toMatchObject({ calls: { Query: 26, BatchGetItem: 2 }, records: 25 + 50 });
  expect(cost(many)).toEqual(cost(few));
});

test('the numbers of offers take the same calls with 1,000 and with 20,000 of them, and read at most 1,001 entries', async () => {
  const summary = async (size: Size) => {
    const { result, calls } = await proxy.record(() =>
      service.request('GET', '/sharing/v1/project', { as: `${undecided(size)}:reader` }),
    );
    return {
      pending: result.body.offers.pending,
      atLeast: result.body.at_least,
      actions: calls.map(({ action }) => action),
      units: unitsOf(calls),
    };
  };

  const [few, enough, many] = [await summary(10), await summary(1_000), await summary(20_000)];

  const actions = ['Query', 'Query', 'Query'];
  expect(few).toEqual({ pending: 10, atLeast: [], actions, units: 3 });
  expect(enough).toEqual({ pending: 1_000, atLeast: [], actions, units: 56 });
  expect(many).toEqual({ pending: 1_000, atLeast: ['pending'], actions, units: 57 });
});

describe('what a member is offered, narrowed to an owner who owns none of it', () => {
  test('is looked for in four megabytes of the index for a page, and in all of it by its pages', async () => {
    const found: Page[] = [];

    for await (const one of pages(accepter(20_000), 'owner=nobody')) found.push(one);

    expect(found.flatMap(({ ids }) => ids)).toEqual([]);
    expect(found.length).toBeGreaterThan(1);
    for (const { units, records } of found) {
      expect(units).toBeLessThanOrEqual((4 * 1024) / 4 + 5);
      expect(records).toBeLessThanOrEqual(2); // the marker
    }
  });
});

// What is narrowed by what the index projects is filtered in the Query, which may read the megabyte that it is given.
test('the list of what a project owns of one visibility takes the same calls, and reads a megabyte of the index at most', async () => {
  const query = 'visibility=shared&limit=25';
  const few = await page(owner(1_000), query);
  const many = await page(owner(20_000), query);

  const whole = await page(owner(20_000), 'limit=25');

  expect(many.ids).toEqual(newestFirst(20_000).slice(0, 25));
  expect([many.calls, many.records]).toEqual([few.calls, few.records]);
  expect(many.units - whole.units).toBeLessThanOrEqual(1024 / 4);
});

/** Yields all pages of a list by their `next`. */
async function* pages(project: string, query: string): AsyncGenerator<Page> {
  for (let next: string | undefined = query; next !== undefined;) {
    const one = await page(project, next);
    yield one;
    next = one.next;
  }
}

describe('a filter on the records', () => {
  let rare: Image;
  beforeAll(async () => {
    // As old as the oldest of the others, and so among the last that are looked at.
    rare = await seedImage(table, {
      owner: owner(20_000),
      tags: ['rare'],
      members: [{ project: accepter(20_000), status: 'accepted' }],
    });
  });

  test('looks through no more records for one page than is said, and every page but the last goes on', async () => {
    const found: Page[] = [];

    for await (const one of pages(accepter(20_000), `tag=rare${behind(20_000, 13_000)}`)) found.push(one);

    expect(found.flatMap(({ ids }) => ids)).toEqual([rare.id]);
    expect(found.length).toBeGreaterThanOrEqual(7_000 / maxScannedImages);
    // A marker is a record, too.
    expect(Math.max(...found.map(({ records }) => records))).toBeLessThanOrEqual(maxScannedImages + 2);
    expect(found.filter(({ next }) => next === undefined)).toEqual([found.at(-1)]);
  });

  test('costs the same for a page that finds nothing, of 20,000 images, wherever it begins', async () => {
    const first = await page(accepter(20_000), `tag=none${behind(20_000, 1)}`);

    const deep = await page(accepter(20_000), `tag=none${behind(20_000, 15_000)}`);

    expect([first.ids, deep.ids]).toEqual([[], []]);
    expect(cost(deep)).toEqual(cost(first));
  });

  test('that every image passes fills its page at once', async () => {
    const one = await page(accepter(20_000), 'status=queued&limit=25');

    expect(one.ids).toHaveLength(25);
    expect(one.records).toBeLessThanOrEqual(100);
  });
});

test('a sort of 20,000 offers by time is refused before any membership is read', async () => {
  const { result, calls } = await proxy.record(() =>
    service.request('GET', '/sharing/v1/offers?sort=offered_at', { as: `${undecided(20_000)}:reader` }),
  );

  expect([result.status, result.body.error]).toEqual([400, 'invalid-request']);
  expect(recordsOf(calls)).toBe(0);
});

describe('a sort by anything but creation', () => {
  test('reads the records of all images if there are not too many, then those of its page', async () => {
    const one = await page(accepter(1_000), 'sort=id:asc&limit=25');

    expect(one.ids).toEqual(newestFirst(1_000).toSorted().slice(0, 25));
    expect(one.records).toBe(1_000 + 25);
  });

  test('is refused before any record is read if there are too many', async () => {
    const { result, calls } = await proxy.record(() =>
      service.request('GET', '/v2/images?sort=id:asc', { as: `${accepter(20_000)}:reader` }),
    );

    expect([result.status, result.body.error]).toEqual([400, 'invalid-request']);
    expect(recordsOf(calls)).toBe(0);
  });
});

describe('following every next', () => {
  test('yields each of 20,000 images once, in order', async () => {
    const ids: string[] = [];

    for await (const one of pages(accepter(20_000), 'limit=1000')) ids.push(...one.ids);

    const expected = new Set(newestFirst(20_000));
    expect(ids.filter((id) => expected.has(id))).toEqual(newestFirst(20_000));
    expect(new Set(ids).size).toBe(ids.length);
  }, 180_000);

  test('yields each image once that is there all the while, also as others come and go', async () => {
    const as = `${owner(1_000)}:member`;
    const member = accepter(1_000);
    const original = newestFirst(1_000);
    const ids: string[] = [];
    const gone: string[] = [];
    const withdraw = async (id: string): Promise<void> => {
      const { status } = await service.request('DELETE', `/v2/images/${id}/members/${member}`, { as });
      expect(status).toBe(204);
      gone.push(id);
    };
    const share = async (): Promise<void> => {
      const { body } = await service.request('POST', '/v2/images', { as, body: {} });
      await service.request('POST', `/v2/images/${body.id}/members`, { as, body: { member } });
      const { status } = await service.request('PUT', `/v2/images/${body.id}/members/${member}`, {
        as: `${member}:member`,
        body: { status: 'accepted' },
      });
      expect(status).toBe(200);
    };

    for await (const one of pages(member, 'limit=40')) {
      ids.push(...one.ids);
      await share();
      // One that was shown, though not the one that the next page begins behind; and, while there are any, one that
      // would be shown next and one that would be much later.
      const wanted = [ids.at(-3), ...[ids.length + gone.length + 3, 970].map((place) => original[place])];
      for (const id of wanted) if (id !== undefined && !gone.includes(id) && id !== ids.at(-1)) await withdraw(id);
    }

    const there = original.filter((id) => !gone.includes(id));
    expect(gone.length).toBeGreaterThan(20);
    expect(ids.filter((id) => !gone.includes(id))).toEqual(there);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
