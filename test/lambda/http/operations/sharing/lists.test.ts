import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Image } from '../../../../../lambda/domain/image.ts';
import { memberStatuses } from '../../../../../lambda/domain/membership.ts';
import { createTestTable, type TestTable } from '../../../../support/engine.ts';
import { seedImage, seedImages, type Seed, type SeededMember } from '../../../../support/seed.ts';
import { startService, type Service, type TestResponse } from '../../../../support/service.ts';
import { aFault } from '../../a-fault.ts';
import { responseHeaders } from '../../response-headers.ts';

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName, -1);
});
afterAll(() => table.drop());

/** Returns a project that no other test uses. */
const aProject = (): string => `project-${randomUUID()}`;
const past = '2026-01-02T00:00:00Z';
const future = '2999-12-31T23:59:59Z';

const headers = { 'content-type': 'application/json', ...responseHeaders };
const ok = (body: unknown) => ({ status: 200, headers, body });

const get = (path: string, as: string): Promise<TestResponse> => service.request('GET', path, { as });
const offersOf = (project: string, query = '') => get(`/sharing/v1/offers${query}`, `${project}:reader`);
const ownImagesOf = (project: string, query = '') => get(`/sharing/v1/images${query}`, `${project}:reader`);
const projectOf = (project: string, role = 'reader') => get('/sharing/v1/project', `${project}:${role}`);
/** Shares an image of a new owner. */
const offer = (member: SeededMember, seed: Partial<Seed> = {}): Promise<Image> =>
  seedImage(table, { owner: aProject(), members: [member], ...seed });

const namesOf = ({ body }: TestResponse): (string | null)[] =>
  body.offers.map(({ image }: { image: { name: string | null } }) => image.name);
describe('the offers of a project', () => {
  test('have the image, the times and the project of the offer', async () => {
    const member = aProject();
    const offeredAt = '2026-02-01T00:00:00Z';
    const [first, second] = [
      await offer({ project: member, status: 'pending', offeredAt, expiresAt: future }, { name: 'first' }),
      await offer({ project: member, status: 'pending' }, { name: 'second', createdAt: '2026-01-01T00:00:01Z' }),
    ];

    const response = await offersOf(member);

    const imageOf = async ({ id }: Image) => (await get(`/v2/images/${id}`, `${member}:reader`)).body;
    const tagOf = async ({ id }: Image) =>
      (await get(`/v2/images/${id}/members/${member}`, `${member}:reader`)).headers['etag'];
    const schema = '/sharing/v1/schemas/offer';
    expect(response).toEqual(
      ok({
        offers: [
          {
            status: 'pending',
            offered_at: second.createdAt,
            offered_by: second.owner,
            answered_at: null,
            expires_at: null,
            etag: await tagOf(second),
            image: await imageOf(second),
            schema,
          },
          {
            status: 'pending',
            offered_at: offeredAt,
            offered_by: first.owner,
            answered_at: null,
            expires_at: future,
            etag: await tagOf(first),
            image: await imageOf(first),
            schema,
          },
        ],
        first: '/sharing/v1/offers',
        schema: '/sharing/v1/schemas/offers',
      }),
    );
  });

  test('have the time of the answer, and no project of an offer that was stored without it', async () => {
    const member = aProject();
    const { id } = await service
      .request('POST', '/v2/images', { as: 'alpha:member', body: { visibility: 'shared' } })
      .then(({ body }) => body);
    await service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member_id: member } });
    const answered = await service.request('PUT', `/v2/images/${id}/members/${member}`, {
      as: `${member}:member`,
      body: { status: 'rejected' },
    });

    const { body } = await offersOf(member, '?status=rejected');

    expect(body.offers).toMatchObject([
      { status: 'rejected', offered_by: 'alpha', answered_at: answered.body.updated_at },
    ]);
  });

  test.each([
    ['', ['pending']],
    ['?status=pending', ['pending']],
    ['?status=accepted', ['accepted']],
    ['?status=rejected', ['rejected']],
    ['?status=all', ['rejected', 'accepted', 'pending']],
    ['?status=pending&status=accepted', ['accepted']],
  ])('of the query %j are %j', async (query, expected) => {
    const member = aProject();
    for (const [n, status] of memberStatuses.entries()) {
      await offer({ project: member, status }, { name: status, createdAt: `2026-01-01T00:00:0${n}Z` });
    }

    const names = namesOf(await offersOf(member, query));

    expect(names).toEqual(expected);
  });

  describe('of several owners', () => {
    const member = aProject();
    const [one, other] = [aProject(), aProject()];
    beforeAll(async () => {
      const shared = (name: string, owner: string, second: number, offeredAt: string, hidden = false) =>
        offer(
          { project: member, status: 'pending', offeredAt },
          { name, owner, hidden, createdAt: `2026-01-01T00:00:0${second}Z` },
        );
      await shared('debian-12', one, 1, '2026-02-03T00:00:00Z');
      await shared('debian-13', other, 2, '2026-02-01T00:00:00Z');
      await shared('ubuntu', one, 3, '2026-02-02T00:00:00Z');
      await shared('old', one, 4, '2026-02-04T00:00:00Z', true);
    });

    test.each([
      ['', ['ubuntu', 'debian-13', 'debian-12']],
      ['?sort=created_at', ['ubuntu', 'debian-13', 'debian-12']],
      ['?sort=created_at:asc', ['debian-12', 'debian-13', 'ubuntu']],
      ['?sort=offered_at', ['debian-12', 'ubuntu', 'debian-13']],
      ['?sort=offered_at:asc', ['debian-13', 'ubuntu', 'debian-12']],
      [`?owner=${one}`, ['ubuntu', 'debian-12']],
      [`?owner=${one}&sort=offered_at:desc`, ['debian-12', 'ubuntu']],
      [`?owner=${member}`, []],
      ['?name_prefix=debian', ['debian-13', 'debian-12']],
      ['?name_prefix=debian-12', ['debian-12']],
      ['?name_prefix=Debian', []],
      ['?name_prefix=debian&sort=offered_at', ['debian-12', 'debian-13']],
      [`?name_prefix=debian&owner=${other}`, ['debian-13']],
      ['?os_hidden=true', ['old']],
      ['?os_hidden=False', ['ubuntu', 'debian-13', 'debian-12']],
      ['?limit=0', []],
    ])('of the query %j are %j', async (query, expected) => {
      expect(namesOf(await offersOf(member, query))).toEqual(expected);
    });

    test.each(['created_at:desc', 'created_at:asc', 'offered_at:desc', 'offered_at:asc'])(
      'follow each other in pages by %s',
      async (sort) => {
        const whole = namesOf(await offersOf(member, `?sort=${sort}`));
        const names: (string | null)[] = [];
        const firsts: string[] = [];

        for (let path: string | undefined = `/sharing/v1/offers?limit=1&sort=${sort}`; path !== undefined;) {
          const page: TestResponse = await get(path, `${member}:reader`);
          names.push(...namesOf(page));
          firsts.push(page.body.first);
          path = page.body.next;
        }

        expect(names).toEqual(whole);
        expect(new Set(firsts)).toEqual(new Set([`/sharing/v1/offers?limit=1&sort=${sort.replace(':', '%3A')}`]));
      },
    );

    test('have a `next` with the last values of the query', async () => {
      const { body } = await offersOf(member, '?limit=5&sort=created_at&limit=1');

      const [{ image }] = body.offers;
      expect([body.first, body.next]).toEqual([
        '/sharing/v1/offers?limit=1&sort=created_at',
        `/sharing/v1/offers?limit=1&sort=created_at&marker=${image.id}`,
      ]);
    });
  });

  test('are at most 100 of a page', async () => {
    const member = aProject();
    await seedImages(table, { owner: aProject(), count: 101, members: [{ project: member, status: 'pending' }] });

    const { body } = await offersOf(member, '?limit=1000');
    const { body: byDefault } = await offersOf(member);

    expect([body.offers.length, byDefault.offers.length]).toEqual([100, 25]);
    expect(body.next).toBe(`/sharing/v1/offers?limit=1000&marker=${body.offers.at(-1).image.id}`);
  });

  test('have custom properties of the image in the image only', async () => {
    const member = aProject();
    await offer({ project: member, status: 'pending' }, { properties: { status: 'x', offered_at: 'y' } });

    const { body } = await offersOf(member);

    expect(body.offers).toMatchObject([{ status: 'pending', image: { offered_at: 'y' } }]);
  });
});

describe('nobody learns more from offers and counts than from an empty project', () => {
  const nothing = { pending: 0, accepted: 0, rejected: 0 };

  test.each<[string, (project: string) => Promise<unknown>]>([
    ['no offer', () => Promise.resolve()],
    [
      'an offer of an image that is private',
      (project) => offer({ project, status: 'pending' }, { visibility: 'private' }),
    ],
    [
      'an offer of an image that is public',
      (project) => offer({ project, status: 'pending' }, { visibility: 'public' }),
    ],
    ['an offer to another project', () => offer({ project: aProject(), status: 'pending' })],
    ['an offer that has ended', (project) => offer({ project, status: 'pending', expiresAt: past })],
    ['an accepted offer that has ended', (project) => offer({ project, status: 'accepted', expiresAt: past })],
    ['an offer of its own image', (project) => offer({ project, status: 'pending' }, { owner: project })],
    ['an offer of a hidden image', (project) => offer({ project, status: 'pending' }, { hidden: true })],
    [
      'an offer that was withdrawn',
      async (project) => {
        const { id, owner } = await offer({ project, status: 'pending' });
        await service.request('DELETE', `/v2/images/${id}/members/${project}`, { as: `${owner}:member` });
      },
    ],
    [
      'an offer of an image that was deleted',
      async (project) => {
        const { id, owner } = await offer({ project, status: 'pending' });
        await service.request('DELETE', `/v2/images/${id}`, { as: `${owner}:member` });
      },
    ],
  ])('with %s', async (_title, arrange) => {
    const project = aProject();
    await arrange(project);

    const responses = [
      await offersOf(project, '?status=all'),
      await offersOf(project),
      await offersOf(project, '?status=all&sort=offered_at'),
      await projectOf(project),
    ];

    const list = (query: string) =>
      ok({ offers: [], first: `/sharing/v1/offers${query}`, schema: '/sharing/v1/schemas/offers' });
    expect(responses).toEqual([
      list('?status=all'),
      list(''),
      list('?status=all&sort=offered_at'),
      ok({
        project_id: project,
        user_id: `user-of-${project}`,
        role: 'reader',
        offers: nothing,
        at_least: [],
        schema: '/sharing/v1/schemas/project',
      }),
    ]);
  });

  test.each<[string, (project: string) => Promise<Image>]>([
    ['hidden', () => offer({ project: aProject(), status: 'pending' })],
    ['withdrawn by its end', (project) => offer({ project, status: 'pending', expiresAt: past })],
    ['private', (project) => offer({ project, status: 'pending' }, { visibility: 'private' })],
  ])('with a marker that is %s', async (_title, arrange) => {
    const project = aProject();
    const { id } = await arrange(project);
    const missing = await offersOf(project, `?marker=${randomUUID()}`);

    const responses = [
      await offersOf(project, `?marker=${id}`),
      await offersOf(project, `?marker=${id}&sort=offered_at`),
      await ownImagesOf(project, `?marker=${id}`),
    ];

    expect(missing).toEqual(aFault(400, 'invalid-request'));
    const { request_id: _, ...body } = missing.body;
    expect(responses).toEqual(
      Array(3).fill({ ...missing, headers: aFault(400, '').headers, body: expect.objectContaining(body) }),
    );
  });
});

test('offers behind memberships that have ended are found by following `next`', async () => {
  const member = aProject();
  const found = await offer({ project: member, status: 'pending' });
  await seedImages(table, {
    owner: aProject(),
    count: 600,
    createdAt: '2026-02-01T00:00:00Z',
    members: [{ project: member, status: 'pending', expiresAt: past }],
  });
  const ids: string[] = [];
  let pages = 0;

  for (let path: string | undefined = '/sharing/v1/offers?limit=1'; path !== undefined; pages += 1) {
    const page: TestResponse = await get(path, `${member}:reader`);
    expect(page.status).toBe(200);
    ids.push(...page.body.offers.map(({ image }: { image: { id: string } }) => image.id));
    path = page.body.next;
  }

  expect(ids).toEqual([found.id]);
  expect(pages).toBeGreaterThan(1);
});

test('a list of images behind memberships that have ended is found by following `next`', async () => {
  const member = aProject();
  const found = await offer({ project: member, status: 'pending' });
  await seedImages(table, {
    owner: aProject(),
    count: 600,
    createdAt: '2026-02-01T00:00:00Z',
    members: [{ project: member, status: 'pending', expiresAt: past }],
  });
  const ids: string[] = [];

  for (
    let path: string | undefined = '/v2/images?visibility=shared&member_status=pending&limit=1';
    path !== undefined;
  ) {
    const page: TestResponse = await get(path, `${member}:reader`);
    expect(page.status).toBe(200);
    ids.push(...page.body.images.map(({ id }: { id: string }) => id));
    path = page.body.next;
  }

  expect(ids).toEqual([found.id]);
});

describe('the project', () => {
  test('is that of the token, with the numbers of its offers', async () => {
    const project = aProject();
    for (const [status, count] of [
      ['pending', 3],
      ['accepted', 2],
      ['rejected', 1],
    ] as const) {
      await seedImages(table, { owner: aProject(), count, members: [{ project, status }] });
      await seedImages(table, { owner: aProject(), members: [{ project, status, expiresAt: past }] });
      await seedImages(table, { owner: project, members: [{ project, status }] });
    }
    await offer({ project, status: 'pending', expiresAt: future });

    const response = await projectOf(project);

    expect(response).toEqual(
      ok({
        project_id: project,
        user_id: `user-of-${project}`,
        role: 'reader',
        offers: { pending: 4, accepted: 2, rejected: 1 },
        at_least: [],
        schema: '/sharing/v1/schemas/project',
      }),
    );
  });

  test.each(['admin', 'manager', 'member', 'reader'])('has the role %s, the strongest of the token', async (role) => {
    const { body } = await projectOf(aProject(), `other,${role},reader`);

    expect(body.role).toBe(role);
  });

  test('has exact numbers up to 1,000, and the statuses with more', async () => {
    const project = aProject();
    await seedImages(table, { owner: aProject(), count: 1000, members: [{ project, status: 'pending' }] });
    await seedImages(table, { owner: aProject(), count: 1001, members: [{ project, status: 'rejected' }] });

    const { body } = await projectOf(project);

    expect([body.offers, body.at_least]).toEqual([{ pending: 1000, accepted: 0, rejected: 1000 }, ['rejected']]);
  }, 60_000);
});

describe('own images', () => {
  const imageOf = async ({ id, owner }: Image) => (await get(`/v2/images/${id}`, `${owner}:reader`)).body;

  test('have the numbers of their members', async () => {
    const owner = aProject();
    const members: SeededMember[] = [
      { project: 'one', status: 'pending' },
      { project: 'two', status: 'pending', expiresAt: future },
      { project: 'three', status: 'accepted' },
      { project: 'four', status: 'rejected' },
      { project: 'five', status: 'accepted', expiresAt: past },
      { project: owner, status: 'accepted' },
    ];
    const [shared, alone, notShared] = [
      await seedImage(table, { owner, members }),
      await seedImage(table, { owner, createdAt: '2026-01-02T00:00:00Z', properties: { member_counts: 'none' } }),
      await seedImage(table, { owner, createdAt: '2026-01-03T00:00:00Z', members, visibility: 'private' }),
    ];
    await seedImage(table, { owner: aProject(), members: [{ project: owner, status: 'accepted' }] });
    await seedImage(table, { owner, hidden: true });

    const response = await ownImagesOf(owner);

    const schema = '/sharing/v1/schemas/image';
    const none = { total: 0, pending: 0, accepted: 0, rejected: 0 };
    expect(response).toEqual(
      ok({
        images: [
          { ...(await imageOf(notShared)), member_counts: none, schema },
          { ...(await imageOf(alone)), member_counts: none, schema },
          { ...(await imageOf(shared)), member_counts: { total: 5, pending: 2, accepted: 2, rejected: 1 }, schema },
        ],
        first: '/sharing/v1/images',
        schema: '/sharing/v1/schemas/images',
      }),
    );
  });

  test('of any visibility are listed, hidden ones on request', async () => {
    const owner = aProject();
    for (const hidden of [false, true]) {
      for (const visibility of ['private', 'shared', 'community', 'public'] as const) {
        await seedImage(table, { owner, visibility, hidden, name: `${visibility} ${String(hidden)}` });
      }
    }
    const names = async (query: string) =>
      (await ownImagesOf(owner, query)).body.images.map(({ name }: { name: string }) => name).toSorted();

    expect(await names('')).toEqual(['community false', 'private false', 'public false', 'shared false']);
    expect(await names('?os_hidden=true')).toEqual(['community true', 'private true', 'public true', 'shared true']);
  });

  test('follow each other in pages of at most 25', async () => {
    const owner = aProject();
    const images = await seedImages(table, { owner, count: 30 });
    const newestFirst = images.map(({ id }) => id).toReversed();
    const idsOf = ({ body }: TestResponse) => body.images.map(({ id }: { id: string }) => id);

    const first = await ownImagesOf(owner, '?limit=1000');
    const second = await get(first.body.next, `${owner}:reader`);

    expect(idsOf(first)).toEqual(newestFirst.slice(0, 25));
    expect(first.body.next).toBe(`/sharing/v1/images?limit=1000&marker=${newestFirst[24]}`);
    expect(idsOf(second)).toEqual(newestFirst.slice(25));
    expect(second.body.next).toBeUndefined();
  });

  test('with more than 1,000 members have a count that says so', async () => {
    const owner = aProject();
    const members = Array.from({ length: 1001 }, (_, n): SeededMember => ({
      project: `member-${n}`,
      status: 'accepted',
    }));
    await seedImage(table, { owner, members });
    await seedImage(table, { owner, members: members.slice(0, 1000), createdAt: '2026-01-02T00:00:00Z' });

    const first = await ownImagesOf(owner);
    const second = await get(first.body.next, `${owner}:reader`);

    const countsOf = ({ body }: TestResponse) =>
      body.images.map(({ member_counts: counts }: { member_counts: object }) => counts);
    const counts = { total: 1000, pending: 0, accepted: 1000, rejected: 0 };
    expect([countsOf(first), countsOf(second)]).toEqual([[counts], [{ ...counts, at_least: true }]]);
    expect(second.body.next).toBeUndefined();
  }, 60_000);
});

describe('bad input', () => {
  const offers = '/sharing/v1/offers';
  const images = '/sharing/v1/images';
  const project = '/sharing/v1/project';

  test.each([
    [`${offers}?state=pending`, '"state"'],
    [`${offers}?member_status=all`, '"member_status"'],
    [`${offers}?`.concat(`${'x'.repeat(100)}=1`), `"${'x'.repeat(80)}…"`],
    [`${offers}?__proto__=1`, '"__proto__"'],
    [`${offers}?Limit=1`, '"Limit"'],
    [`${images}?owner=alpha`, '"owner"'],
    [`${images}?sort=created_at`, '"sort"'],
    [`${project}?limit=1`, '"limit"'],
  ])('the unknown parameter of %s is named', async (path, name) => {
    const response = await get(path, 'alpha:reader');

    expect(response).toEqual(aFault(400, 'invalid-request'));
    expect(response.body.message).toContain(`The parameter ${name} is unknown`);
  });

  test('a refusal of an unknown parameter names the known parameters', async () => {
    const { body } = await get(`${offers}?a=1`, 'alpha:reader');

    expect(body.message).toBe(
      'The parameter "a" is unknown; the parameters are "status", "owner", "name_prefix", "os_hidden", "sort", "limit", "marker".',
    );
  });

  test.each([
    [`${project}?a=1`, 'The parameter "a" is unknown; the operation has no parameters.'],
    [`${offers}?sort=name`, '"sort" must be created_at or offered_at, alone or with ":asc" or ":desc".'],
    [`${offers}?sort=created_at:up`, '"sort" must be created_at or offered_at, alone or with ":asc" or ":desc".'],
    [`${offers}?sort=a:b:c`, '"sort" must be created_at or offered_at, alone or with ":asc" or ":desc".'],
  ])('the refusal of %s says what is valid', async (path, sentence) => {
    const { body } = await get(path, 'alpha:reader');

    expect(body.message).toBe(sentence);
  });

  test.each([
    ...['', 'PENDING', 'pending,accepted', ' all'].map((value) => ['status', value]),
    ...['', 'a/b', '.', 'x'.repeat(256), '\u0000'].map((value) => ['owner', value]),
    ...['', 'x'.repeat(256)].map((value) => ['name_prefix', value]),
    ...['', '1', 'yes'].map((value) => ['os_hidden', value]),
    ...['', 'name', 'created_at:', 'created_at:up', 'offered_at:asc:desc', 'created_at,offered_at', ':asc'].map(
      (value) => ['sort', value],
    ),
    ...['', '-1', '1.5', 'all', '1e2', '9'.repeat(16)].map((value) => ['limit', value]),
    ...['', 'x', randomUUID().toUpperCase(), '2026-01-01T00:00:00Z', `,${randomUUID()}`].map((value) => [
      'marker',
      value,
    ]),
  ])('%s=%j is refused', async (name, value) => {
    const query = new URLSearchParams([[name, value]]);

    const response = await get(`${offers}?${query.toString()}`, 'alpha:reader');

    expect(response).toEqual(aFault(400, 'invalid-request'));
    expect(response.body.message).toContain(`"${name}"`);
  });

  test.each([offers, images, project])('a body of GET %s is refused', async (path) => {
    const response = await service.request('GET', path, { as: 'alpha:reader', body: {} });

    expect(response).toEqual(aFault(400, 'invalid-request'));
  });

  test.each([offers, images, project])('GET %s requires a token and the role reader', async (path) => {
    const responses = [
      await service.request('GET', path),
      await get(path, 'alpha:other'),
      await get(path, 'alpha:admin'),
    ];

    expect(responses.map(({ status, body }) => [status, body.error])).toEqual([
      [401, 'not-authenticated'],
      [403, 'not-permitted'],
      [200, undefined],
    ]);
  });

  test('an admin sees the offers and the images of its own project only', async () => {
    const owner = aProject();
    await offer({ project: aProject(), status: 'pending' }, { owner });

    const responses = [await get(`${offers}?status=all`, 'ops:admin'), await get(images, 'ops:admin')];

    expect(responses.map(({ body }) => body.offers ?? body.images)).toEqual([[], []]);
  });
});
