import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Image } from '../../../../lambda/domain/image.ts';
import { createTestTable, type TestTable } from '../../../support/engine.ts';
import { seedImage, type Seed } from '../../../support/seed.ts';
import { startService, type Service } from '../../../support/service.ts';
import { permissions } from '../../permission-table.ts';
import { aFault } from '../a-fault.ts';
import { responseHeaders } from '../response-headers.ts';

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
});
afterAll(() => table.drop());

/** An image of alpha's that was offered to beta, pending, and to gamma, rejected. */
const offered = (seed: Partial<Seed> = {}): Promise<Image> =>
  seedImage(table, {
    owner: 'alpha',
    members: [
      { project: 'beta', status: 'pending' },
      { project: 'gamma', status: 'rejected' },
    ],
    ...seed,
  });

const headers = { 'content-type': 'application/json', ...responseHeaders };
const tagged = { ...headers, etag: expect.stringMatching(/^"[\w-]{43}"$/) };
const noContent = { status: 204, headers: responseHeaders, body: undefined };
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

const view = (id: string, facts: object) => ({
  name: null,
  disk_format: null,
  container_format: null,
  visibility: 'shared',
  size: null,
  virtual_size: null,
  status: 'queued',
  checksum: null,
  protected: false,
  min_ram: 0,
  min_disk: 0,
  owner: 'alpha',
  os_hidden: false,
  os_hash_algo: null,
  os_hash_value: null,
  id,
  created_at: time,
  updated_at: time,
  tags: [],
  self: `/v2/images/${id}`,
  file: `/v2/images/${id}/file`,
  schema: '/v2/schemas/image',
  ...facts,
});

const mediaType = 'application/openstack-images-v2.1-json-patch';
const patch = ({ id }: { id: string }, as: string, body: unknown, type = mediaType) =>
  service.request('PATCH', `/v2/images/${id}`, { as, body, headers: { 'content-type': type } });
const replace = (name: string, value: unknown) => [{ op: 'replace', path: `/${name}`, value }];
const show = async ({ id }: { id: string }, as = 'ops:admin') => service.request('GET', `/v2/images/${id}`, { as });
const create = (as: string, body: unknown) => service.request('POST', '/v2/images', { as, body });

const faults: Readonly<Record<string, ReturnType<typeof aFault>>> = {
  '404': aFault(404, 'image-not-found'),
  '403': aFault(403, 'not-permitted'),
};

/* Who gets which answer. alpha owns the image, beta and gamma are members of it, delta is a stranger, ops an administrator. */
const specification = `
GET                       | private | shared | community | public
alpha:reader              | 200     | 200    | 200       | 200
beta:reader               | 404     | 200    | 200       | 200
gamma:reader              | 404     | 200    | 200       | 200
delta:reader              | 404     | 404    | 200       | 200
ops:admin                 | 200     | 200    | 200       | 200
alpha:no_role             | 404     | 404    | 404       | 404

PATCH                     | private | shared | community | public
alpha:member              | 200     | 200    | 200       | 200
ops:admin                 | 200     | 200    | 200       | 200
alpha:reader              | 403     | 403    | 403       | 403
beta:member               | 404     | 403    | 403       | 403
delta:member              | 404     | 404    | 403       | 403

DELETE                    | private | shared | community | public
alpha:member              | 204     | 204    | 204       | 204
ops:admin                 | 204     | 204    | 204       | 204
alpha:reader              | 403     | 403    | 403       | 403
beta:member               | 404     | 403    | 403       | 403
delta:member              | 404     | 404    | 403       | 403

POST                      | private | shared | community | public
alpha:member              | 201     | 201    | 201       | 403
alpha:admin               | 201     | 201    | 201       | 201
alpha:reader              | 403     | 403    | 403       | 403
alpha:no_role             | 403     | 403    | 403       | 403
`;

test.each(permissions(specification))('$operation of a $visibility image, by $as: $answer', async (permission) => {
  const { operation, as, visibility, answer } = permission;
  const image = await offered({ visibility });
  const before = await show(image);

  const given = await {
    GET: () => show(image, as),
    PATCH: () => patch(image, as, replace('name', 'new')),
    DELETE: () => service.request('DELETE', `/v2/images/${image.id}`, { as }),
    POST: () => create(as, { visibility }),
  }[operation]!();

  const expected = {
    '200': {
      status: 200,
      headers: tagged,
      body: view(image.id, { visibility, name: operation === 'PATCH' ? 'new' : null }),
    },
    '201': { status: 201, headers: expect.objectContaining(tagged), body: view(given.body?.id, { visibility }) },
    '204': noContent,
  };
  expect(given).toEqual(faults[answer] ?? expected[answer as '200']);
  if (operation === 'DELETE' && answer === '204') expect(await show(image)).toEqual(faults['404']);
  if (answer.startsWith('4')) expect((await show(image)).body).toEqual(before.body);
});

describe('POST', () => {
  test('an empty body creates a shared image at the URL in Location', async () => {
    const given = await create('alpha:member', {});

    const { id } = given.body;
    const location = `https://api.test/v2/images/${id}`;
    const imported = { 'openstack-image-import-methods': 'web-download' };
    expect(given).toEqual({ status: 201, headers: { ...tagged, ...imported, location }, body: view(id, {}) });
    expect((await show({ id }, 'alpha:reader')).body).toEqual(given.body);
  });

  test('an image is shown with the given attributes, custom properties first', async () => {
    const id = randomUUID();
    const said = {
      id,
      name: 'ubuntu',
      visibility: 'private',
      protected: true,
      os_hidden: true,
      owner: 'alpha',
      disk_format: 'qcow2',
      container_format: 'bare',
      min_ram: 1,
      min_disk: 2,
      tags: ['b', 'a'],
    };

    const given = await create('alpha:member', { ...said, z_last: '', a_first: 'x' });

    expect(given.body).toEqual({ ...view(id, said), z_last: '', a_first: 'x' });
    expect(Object.keys(given.body).slice(0, 3)).toEqual(['z_last', 'a_first', 'name']);
  });

  test('an image for another project is created by an admin only', async () => {
    const byAdmin = await create('ops:admin', { owner: 'beta' });

    expect(byAdmin.body).toEqual(view(byAdmin.body.id, { owner: 'beta' }));
    expect(await create('alpha:manager', { owner: 'beta' })).toEqual(faults['403']);
  });

  test('an id is given once, even where its image was deleted or may not be seen', async () => {
    const [hidden, deleted] = [await offered({ visibility: 'private' }), await offered()];
    await service.request('DELETE', `/v2/images/${deleted.id}`, { as: 'alpha:member' });

    for (const { id } of [hidden, deleted]) {
      expect(await create('delta:member', { id })).toEqual(aFault(409, 'image-exists'));
    }
  });

  const many = (count: number) => Array.from({ length: count }, (_, n) => `x${n}`);
  test.each<[string, unknown, number, string]>([
    ['an array', [], 400, 'invalid-request'],
    ['null', 'null', 400, 'invalid-request'],
    ['nothing', undefined, 400, 'invalid-request'],
    ['a bad visibility', { visibility: 'secret' }, 400, 'invalid-request'],
    ['an id that is no UUID', { id: 'x' }, 400, 'invalid-request'],
    ['a long name', { name: 'x'.repeat(256) }, 400, 'invalid-request'],
    ['a status', { status: 'active' }, 403, 'attribute-read-only'],
    ['129 tags', { tags: many(129) }, 413, 'image-too-large'],
    ['129 properties', Object.fromEntries(many(129).map((name) => [name, ''])), 413, 'image-too-large'],
  ])('%s is refused', async (_, body, status, error) => {
    expect(await create('alpha:member', body)).toEqual(aFault(status, error));
  });
});

describe('PATCH', () => {
  test.each(['private', 'shared', 'community', 'public'])('only an admin makes an image public: %s', async (to) => {
    const byOwner = await patch(await offered(), 'alpha:member', replace('visibility', to));
    const byAdmin = await patch(await offered(), 'ops:admin', replace('visibility', to));

    expect(byOwner.status).toBe(to === 'public' ? 403 : 200);
    expect(byAdmin).toEqual({ status: 200, headers: tagged, body: view(byAdmin.body.id, { visibility: to }) });
  });

  test('only an admin gives an image to another project', async () => {
    const image = await offered();

    expect(await patch(image, 'alpha:manager', replace('owner', 'delta'))).toEqual(faults['403']);
    expect((await patch(image, 'ops:admin', replace('owner', 'delta'))).body).toEqual(
      view(image.id, { owner: 'delta' }),
    );
    expect(await show(image, 'alpha:member')).toEqual(faults['404']);
    expect((await show(image, 'delta:reader')).status).toBe(200);
  });

  test('members stay members while their image is private, and cannot see it', async () => {
    const image = await offered();
    const list = () => service.request('GET', `/v2/images/${image.id}/members`, { as: 'alpha:reader' });
    const before = await list();

    await patch(image, 'alpha:member', replace('visibility', 'private'));
    const asPrivate = [(await show(image, 'beta:member')).status, (await list()).status];
    await patch(image, 'alpha:member', replace('visibility', 'shared'));

    expect(asPrivate).toEqual([404, 403]);
    expect((await list()).body).toEqual(before.body);
    expect((await show(image, 'beta:member')).status).toBe(200);
  });

  test('the older media type says the same', async () => {
    const image = await offered();
    const body = [
      { replace: '/name', value: 'new' },
      { add: '/os', value: 'x' },
    ];

    const given = await patch(image, 'alpha:member', body, mediaType.replace('2.1', '2.0'));

    expect(given.body).toEqual({ ...view(image.id, { name: 'new' }), os: 'x' });
  });

  test('no operations change nothing', async () => {
    const image = await offered();

    const given = await patch(image, 'alpha:member', []);

    expect([given.status, given.body.updated_at]).toEqual([200, image.updatedAt]);
  });

  test.each<[string, string, unknown, number, string]>([
    ['JSON', 'application/json', [], 415, 'unsupported-media-type'],
    ['an object', mediaType, {}, 400, 'invalid-request'],
    ['no body', mediaType, undefined, 400, 'invalid-request'],
    ['another id', mediaType, replace('id', randomUUID()), 403, 'attribute-read-only'],
    ['a property that is not there', mediaType, replace('none', 'x'), 409, 'property-not-found'],
    [
      'too large a property',
      mediaType,
      replace('x', 'y').map((each) => ({ ...each, op: 'add', value: 'y'.repeat(200_000) })),
      413,
      'image-too-large',
    ],
  ])('%s is refused', async (_, type, body, status, error) => {
    const image = await offered();
    const before = await show(image);

    const given = await patch(image, 'alpha:member', body, type);

    const expected = aFault(status, error);
    const accepted = { 'accept-patch': expect.stringContaining(mediaType) };
    expect(given).toEqual({ ...expected, headers: { ...expected.headers, ...(status === 415 && accepted) } });
    expect((await show(image)).body).toEqual(before.body);
  });
});

test('a protected image is not deleted, not even by an admin', async () => {
  const image = await offered({ protected: true });

  const given = await service.request('DELETE', `/v2/images/${image.id}`, { as: 'ops:admin' });

  expect(given).toEqual(aFault(403, 'image-protected'));
  expect((await show(image, 'beta:reader')).status).toBe(200);
});

test('an image ends with its memberships', async () => {
  const image = await offered();

  const given = await service.request('DELETE', `/v2/images/${image.id}`, { as: 'alpha:member' });

  expect(given).toEqual(noContent);
  for (const as of ['alpha:member', 'beta:member', 'ops:admin']) expect(await show(image, as)).toEqual(faults['404']);
  expect(
    await service.request('PUT', `/v2/images/${image.id}/members/beta`, {
      as: 'beta:member',
      body: { status: 'accepted' },
    }),
  ).toEqual(faults['404']);
});

describe('tags', () => {
  const tag = (method: string, { id }: Image, name: string, as = 'alpha:member') =>
    service.request(method, `/v2/images/${id}/tags/${encodeURIComponent(name)}`, { as });

  test('an image has a tag once, until it is removed', async () => {
    const image = await offered({ tags: ['old'] });

    const given = [await tag('PUT', image, 'é b%'), await tag('PUT', image, 'é b%'), await tag('DELETE', image, 'old')];

    expect(given).toEqual([noContent, noContent, noContent]);
    expect((await show(image)).body.tags).toEqual(['é b%']);
    expect(await tag('DELETE', image, 'old')).toEqual(aFault(404, 'tag-not-found'));
  });

  test.each([
    ['beta:member', 403],
    ['alpha:reader', 403],
    ['delta:member', 404],
  ])('%s gets %i', async (as, status) => {
    const image = await offered({ tags: ['old'] });

    expect([(await tag('PUT', image, 'new', as)).status, (await tag('DELETE', image, 'old', as)).status]).toEqual([
      status,
      status,
    ]);
    expect((await show(image)).body.tags).toEqual(['old']);
  });

  test('a tag that is too long, and one too many, are refused', async () => {
    const image = await offered({ tags: Array.from({ length: 128 }, (_, n) => `x${n}`) });

    expect(await tag('PUT', image, 'x'.repeat(256))).toEqual(aFault(400, 'invalid-request'));
    expect(await tag('PUT', image, 'new')).toEqual(aFault(413, 'image-too-large'));
  });
});

describe('GET /v2/images', () => {
  /*
   * projects of their own: `owner` has private, shared (pending, accepted, rejected by `member`), community and a hidden
   * shared image, which `member` accepted.
   */
  const ids = new Map<string, string>();
  beforeAll(async () => {
    const seed = async (name: string, more: Partial<Seed>) => {
      ids.set((await seedImage(table, { owner: 'owner', ...more })).id, name);
    };
    await seed('private', { visibility: 'private' });
    for (const status of ['pending', 'accepted', 'rejected'] as const) {
      await seed(status, { members: [{ project: 'member', status }] });
    }
    await seed('community', { visibility: 'community' });
    await seed('hidden', { hidden: true, members: [{ project: 'member', status: 'accepted' }] });
  });

  const own = ['private', 'pending', 'accepted', 'rejected', 'community'];
  test.each<[as: string, query: string, shown: string[]]>([
    ['member:reader', '', ['accepted']],
    ['member:member', 'member_status=accepted', ['accepted']],
    ['member:member', 'visibility=shared', ['accepted']],
    ['member:member', 'member_status=pending', ['pending']],
    ['member:member', 'member_status=rejected', ['rejected']],
    ['member:member', 'member_status=all', ['pending', 'accepted', 'rejected']],
    ['member:member', 'visibility=private', []],
    ['member:member', 'visibility=community', ['community']],
    ['member:member', 'visibility=all', ['accepted', 'community']],
    ['member:member', 'visibility=all&member_status=all', ['pending', 'accepted', 'rejected', 'community']],
    ['member:member', 'os_hidden=true', ['hidden']],
    ['member:member', 'owner=owner', ['accepted']],
    ['member:member', 'owner=other&member_status=all', []],
    ['owner:reader', '', own],
    ['owner:member', 'member_status=rejected', own],
    ['owner:member', 'visibility=shared', ['pending', 'accepted', 'rejected']],
    ['owner:member', 'visibility=private', ['private']],
    ['owner:member', 'visibility=community', ['community']],
    ['owner:member', 'os_hidden=true', ['hidden']],
    ['stranger:member', 'member_status=all', []],
    ['stranger:member', 'visibility=community', ['community']],
    ['stranger:member', 'visibility=all&member_status=all', ['community']],
    ['ops:admin', '', own.slice(0, -1)],
    ['ops:admin', 'member_status=rejected', own.slice(0, -1)],
    ['ops:admin', 'visibility=community', ['community']],
    ['ops:admin', 'visibility=all', own],
    ['ops:admin', 'owner=owner', own.slice(0, -1)],
    ['ops:admin', 'owner=owner&visibility=all', own],
  ])('%s, %j: %j', async (as, query, shown) => {
    const { status, body } = await service.request('GET', `/v2/images?limit=1000&${query}`, { as });

    const names = body.images.flatMap(({ id }: { id: string }) => ids.get(id) ?? []);
    expect(status).toBe(200);
    expect(names.toSorted()).toEqual(shown.toSorted());
  });

  test('pages lead from one to the next, newest first, until there are no more', async () => {
    const created: string[] = [];
    for (let n = 0; n < 5; n += 1) created.push((await create('pages:member', { name: `${n}` })).body.id);

    const pages: string[][] = [];
    const urls = ['/v2/images?limit=2&name=in:0,1,2,3,4'];
    while (urls.length > pages.length) {
      const { body } = await service.request('GET', urls.at(-1)!, { as: 'pages:reader' });
      pages.push(body.images.map(({ id }: { id: string }) => id));
      expect(body.first).toBe('/v2/images?limit=2&name=in%3A0%2C1%2C2%2C3%2C4');
      if ('next' in body) urls.push(body.next);
    }

    const [e, d, c, b, a] = created.toReversed();
    expect(pages).toEqual([[e, d], [c, b], [a]]);
    expect(urls[1]).toBe(`/v2/images?limit=2&name=in%3A0%2C1%2C2%2C3%2C4&marker=${d}`);
  });

  test('an empty list is one page', async () => {
    const given = await service.request('GET', '/v2/images?visibility=private', { as: 'delta:reader' });

    const body = { images: [], first: '/v2/images?visibility=private', schema: '/v2/schemas/images' };
    expect(given).toEqual({ status: 200, headers, body });
  });

  test.each(['limit=-1', 'visibility=', 'member_status=x', `marker=${randomUUID()}`, 'sort_key=x'])(
    '%s is a bad request',
    async (query) => {
      expect(await service.request('GET', `/v2/images?${query}`, { as: 'owner:reader' })).toEqual(
        aFault(400, 'invalid-request'),
      );
    },
  );

  test('the marker of an image that the caller may not see is a bad request', async () => {
    const { id } = await offered({ visibility: 'private' });

    const given = await service.request('GET', `/v2/images?marker=${id}`, { as: 'owner:reader' });

    expect(given).toEqual(aFault(400, 'invalid-request'));
  });

  test('listing requires a role and a token', async () => {
    expect(await service.request('GET', '/v2/images', { as: 'owner:no_role' })).toEqual(faults['403']);
    expect(await service.request('GET', '/v2/images')).toEqual(
      aFault(401, 'not-authenticated', { 'www-authenticate': 'Bearer' }),
    );
  });
});

test('an image has no data', async () => {
  const image = await offered();

  expect(await service.request('GET', `/v2/images/${image.id}/file`, { as: 'beta:member' })).toEqual(noContent);
  expect(await service.request('GET', `/v2/images/${image.id}/file`, { as: 'beta:reader' })).toEqual(faults['403']);
  expect(await service.request('GET', `/v2/images/${image.id}/file`, { as: 'delta:reader' })).toEqual(faults['404']);
});
