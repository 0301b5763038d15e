import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Image } from '../../../../../lambda/domain/image.ts';
import { memberStatuses } from '../../../../../lambda/domain/membership.ts';
import { createTestTable, type TestTable } from '../../../../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../../../../support/engine-proxy.ts';
import { seedImage, type Seed, type SeededMember } from '../../../../support/seed.ts';
import { startService, type RequestOptions, type Service, type TestResponse } from '../../../../support/service.ts';
import { itemsOfImage } from '../../../../support/stored-items.ts';
import { permissions } from '../../../permission-table.ts';
import { aFault } from '../../a-fault.ts';
import { responseHeaders } from '../../response-headers.ts';

let table: TestTable;
let proxy: EngineProxy;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  service = await startService(proxy.endpoint, table.tableName);
});
afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

/** The end of beta's membership, and another end. */
const end = '2998-01-01T00:00:00Z';
const laterEnd = '2999-12-31T23:59:59Z';

/** An image of alpha that is offered to beta until the end, to gamma, which has accepted it, and to alpha itself. */
const offered = (seed: Partial<Seed> = {}): Promise<Image> =>
  seedImage(table, {
    owner: 'alpha',
    members: [
      { project: 'beta', status: 'pending', expiresAt: end },
      { project: 'gamma', status: 'accepted' },
      { project: 'alpha', status: 'pending' },
    ],
    ...seed,
  });

const expiryPath = (id: string, project = 'beta'): string =>
  `/sharing/v1/images/${id}/members/${encodeURIComponent(project)}/expiry`;
const membersPath = (id: string): string => `/sharing/v1/images/${id}/members`;
const membershipPath = (id: string): string => `/sharing/v1/memberships/${id}`;
const changeExpiry = ({ id }: Pick<Image, 'id'>, body: unknown, as = 'alpha:member', project = 'beta') =>
  service.request('PUT', expiryPath(id, project), { as, body });
const listMembers = ({ id }: Pick<Image, 'id'>, as = 'alpha:reader', query = '') =>
  service.request('GET', membersPath(id) + query, { as });
const leave = ({ id }: Pick<Image, 'id'>, as = 'beta:member') => service.request('DELETE', membershipPath(id), { as });

/** Everything that is stored of an image and its members. */
const stored = ({ id }: Pick<Image, 'id'>) => itemsOfImage(table, id, ['alpha', 'beta', 'gamma', 'delta']);

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const view = (image: Image, project: string, expiresAt: string | null) => ({
  member_id: project,
  image_id: image.id,
  status: 'pending',
  created_at: image.createdAt,
  updated_at: time,
  expires_at: expiresAt,
  schema: '/sharing/v1/schemas/member',
});
const ok = (body: unknown) => ({
  status: 200,
  headers: { 'content-type': 'application/json', etag: expect.stringMatching(/^"[^"]+"$/), ...responseHeaders },
  body,
});
const okMembers = (members: readonly object[]) => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...responseHeaders },
  body: { members, schema: '/sharing/v1/schemas/members' },
});
const noContent = { status: 204, headers: responseHeaders, body: undefined };

/*
 * Responses by caller and the image's visibility. alpha owns the image, beta and gamma and alpha itself are members,
 * delta is a stranger, ops is an admin of another project. A membership exists whatever the visibility is.
 */
const specification = `
GET                     | private          | shared           | community        | public
alpha:reader            | 403 not shared   | 200 all          | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 200 all          | 403 not shared   | 403 not shared
beta:reader             | 404 no image     | 200 its own      | 403 not shared   | 403 not shared
beta:admin              | 403 not shared   | 200 all          | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared
alpha:no_role           | 404 no image     | 404 no image     | 404 no image     | 404 no image
beta:no_role            | 404 no image     | 404 no image     | 404 no image     | 404 no image

PUT beta                | private          | shared           | community        | public
alpha:member            | 403 not shared   | 200              | 403 not shared   | 403 not shared
alpha:manager           | 403 not shared   | 200              | 403 not shared   | 403 not shared
alpha:admin             | 403 not shared   | 200              | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 200              | 403 not shared   | 403 not shared
alpha:reader            | 403 not shared   | 403 forbidden    | 403 not shared   | 403 not shared
alpha:no_role           | 404 no image     | 404 no image     | 404 no image     | 404 no image
beta:member             | 404 no image     | 403 forbidden    | 403 not shared   | 403 not shared
beta:reader             | 404 no image     | 403 forbidden    | 403 not shared   | 403 not shared
beta:admin              | 403 not shared   | 200              | 403 not shared   | 403 not shared
gamma:member            | 404 no image     | 404 no member    | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared

PUT delta               | private          | shared           | community        | public
alpha:member            | 403 not shared   | 404 no member    | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 404 no member    | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared

DELETE                  | private          | shared           | community        | public
beta:member             | 204              | 204              | 204              | 204
beta:manager            | 204              | 204              | 204              | 204
beta:admin              | 204              | 204              | 204              | 204
beta:reader             | 404 no image     | 403 forbidden    | 403 forbidden    | 403 forbidden
beta:no_role            | 404 no image     | 404 no image     | 404 no image     | 404 no image
gamma:member            | 204              | 204              | 204              | 204
alpha:member            | 204              | 204              | 204              | 204
alpha:reader            | 403 forbidden    | 403 forbidden    | 403 forbidden    | 403 forbidden
delta:member            | 404 no image     | 404 no image     | 404 no member    | 404 no member
delta:reader            | 404 no image     | 404 no image     | 404 no member    | 404 no member
ops:admin               | 404 no member    | 404 no member    | 404 no member    | 404 no member
`;

const faults: Readonly<Record<string, ReturnType<typeof aFault>>> = {
  '404 no image': aFault(404, 'image-not-found'),
  '404 no member': aFault(404, 'member-not-found'),
  '403 not shared': aFault(403, 'image-not-shared'),
  '403 forbidden': aFault(403, 'not-permitted'),
};

test.each(permissions(specification))('$operation of a $visibility image, by $as: $answer', async (permission) => {
  const [method = '', project = ''] = permission.operation.split(' ');
  const image = await offered({ visibility: permission.visibility });
  const before = await stored(image);

  const responses: Readonly<Record<string, () => Promise<TestResponse>>> = {
    GET: () => listMembers(image, permission.as),
    PUT: () => changeExpiry(image, { expires_at: laterEnd }, permission.as, project),
    DELETE: () => leave(image, permission.as),
  };
  const response = await responses[method]!();

  const own = view(image, 'beta', end);
  const successes: Readonly<Record<string, unknown>> = {
    'GET 200 all': okMembers([view(image, 'alpha', null), own, { ...view(image, 'gamma', null), status: 'accepted' }]),
    'GET 200 its own': okMembers([own]),
    'PUT 200': ok(view(image, project, laterEnd)),
    'DELETE 204': noContent,
  };
  expect(response).toEqual(faults[permission.answer] ?? successes[`${method} ${permission.answer}`]);
  const isWrite = permission.answer.startsWith('20') && method !== 'GET';
  if (isWrite) expect(await stored(image)).not.toEqual(before);
  else expect(await stored(image)).toEqual(before);
});

test.each([
  ['GET', membersPath],
  ['PUT', expiryPath],
  ['DELETE', membershipPath],
])('%s without a token is refused', async (method, path) => {
  const image = await offered();

  const response = await service.request(method, path(image.id), { body: method === 'PUT' ? {} : undefined });

  const { headers, ...fault } = aFault(401, 'not-authenticated');
  expect(response).toEqual({ ...fault, headers: { ...headers, 'www-authenticate': 'Bearer' } });
});

describe('an image that is hidden from the caller', () => {
  type Request = readonly [method: string, path: (id: string) => string, body?: unknown];
  const requests: readonly Request[] = [
    ['GET', membersPath],
    ['PUT', expiryPath, { expires_at: laterEnd }],
    ['PUT', expiryPath, { expires_at: null }],
    ['PUT', expiryPath, { expires_at: 'never' }],
    ['PUT', (id) => expiryPath(id, 'delta'), { expires_at: laterEnd }],
    ['PUT', (id) => expiryPath(id, 'nobody'), { expires_at: laterEnd }],
    ['DELETE', membershipPath],
  ];
  const everyCase = requests.flatMap((request) => ['delta:member', 'delta:reader'].map((as) => ({ as, request })));

  test.each(everyCase)('gives $as the response and the calls of a missing image: $request', async ({ as, request }) => {
    const [method, path, body] = request;
    const [shared, unshared, deleted, left] = [
      await offered(),
      await offered({ visibility: 'private' }),
      await offered(),
      await offered({ members: [{ project: 'delta', status: 'accepted' }] }),
    ];
    const ended = await offered({
      members: [{ project: 'delta', status: 'accepted', expiresAt: '2026-06-01T00:00:00Z' }],
    });
    await service.request('DELETE', `/v2/images/${deleted.id}`, { as: 'alpha:member' });
    await leave(left, 'delta:member');
    const observe = async (id: string) => {
      const options: RequestOptions = { as, body, headers: { 'x-openstack-request-id': 'same' } };
      const { result, calls } = await proxy.record(() => service.request(method, path(id), options));
      return [JSON.stringify(result).replaceAll(id, '<id>'), calls.map(({ action }) => action)];
    };

    const missing = await observe(randomUUID());
    const hidden = [];
    for (const { id } of [shared, unshared, deleted, left, ended]) hidden.push(await observe(id));

    expect(missing[0]).toContain('image-not-found');
    for (const each of hidden) expect(each).toEqual(missing);
  });

  test.each(requests.map((request) => ({ request })))(
    'costs no call if its id cannot exist: $request',
    async (given) => {
      const [method, path, body] = given.request;
      const { result, calls } = await proxy.record(() =>
        service.request(method, path('no-uuid'), { as: 'delta:member', body }),
      );

      expect(result).toEqual(aFault(404, 'image-not-found'));
      expect(calls).toEqual([]);
    },
  );
});

describe('the list of members', () => {
  test('has the keys of a member of the Image API, in their order, and the end', async () => {
    const { body } = await listMembers(await offered());

    for (const member of body.members) {
      expect(Object.keys(member)).toEqual([
        'member_id',
        'image_id',
        'status',
        'created_at',
        'updated_at',
        'expires_at',
        'schema',
      ]);
    }
    expect(body.members).toHaveLength(3);
  });

  test('has the same members in the same order as the list of the Image API', async () => {
    const image = await offered();
    await changeExpiry(image, { expires_at: laterEnd }, 'alpha:member', 'gamma');

    const { body } = await listMembers(image);

    const inImageApi = await service.request('GET', `/v2/images/${image.id}/members`, { as: 'alpha:reader' });
    const withoutEnds = body.members.map(({ expires_at: _end, ...member }: Record<string, unknown>) => ({
      ...member,
      schema: '/v2/schemas/member',
    }));
    expect(withoutEnds).toEqual(inImageApi.body.members);
    expect(body.members.map((member: Record<string, unknown>) => member['expires_at'])).toEqual([null, end, laterEnd]);
  });

  test('has no membership whose end has passed, and none of an image without members', async () => {
    const ended: SeededMember = { project: 'beta', status: 'accepted', expiresAt: '2026-06-01T00:00:00Z' };

    expect(await listMembers(await offered({ members: [ended] }))).toEqual(okMembers([]));
    expect(await listMembers(await offered({ members: [] }))).toEqual(okMembers([]));
  });

  test('refuses a query without a call', async () => {
    const { id } = await offered();

    const { result, calls } = await proxy.record(() => listMembers({ id }, 'alpha:reader', '?limit=1'));

    expect(result).toEqual(aFault(400, 'invalid-request'));
    expect(result.body.message).toBe('The parameter "limit" is unknown; the operation has no parameters.');
    expect(calls).toEqual([]);
  });
});

describe('PUT of an end', () => {
  test('has the keys of a member of the Image API, in their order, and the end', async () => {
    const { body } = await changeExpiry(await offered(), { expires_at: laterEnd });

    expect(Object.keys(body)).toEqual([
      'member_id',
      'image_id',
      'status',
      'created_at',
      'updated_at',
      'expires_at',
      'schema',
    ]);
  });

  test.each(memberStatuses)('keeps the status %s and the other members', async (status) => {
    const image = await offered({
      members: [
        { project: 'beta', status },
        { project: 'gamma', status: 'accepted' },
      ],
    });

    const response = await changeExpiry(image, { expires_at: laterEnd });

    expect(response).toEqual(ok({ ...view(image, 'beta', laterEnd), status }));
    const members = await service.request('GET', `/v2/images/${image.id}/members`, { as: 'alpha:reader' });
    expect(members.body.members).toEqual([
      expect.objectContaining({ member_id: 'beta', status }),
      expect.objectContaining({ member_id: 'gamma', status: 'accepted', updated_at: image.createdAt }),
    ]);
  });

  test('is not shown by the Image API, whose members have no other keys', async () => {
    const image = await offered();
    await changeExpiry(image, { expires_at: laterEnd });

    const { body } = await service.request('GET', `/v2/images/${image.id}/members/beta`, { as: 'beta:reader' });

    expect(body).toEqual({
      member_id: 'beta',
      image_id: image.id,
      status: 'pending',
      created_at: image.createdAt,
      updated_at: time,
      schema: '/v2/schemas/member',
    });
  });

  test('of null removes the end', async () => {
    const image = await offered();

    const response = await changeExpiry(image, { expires_at: null });

    expect(response).toEqual(ok(view(image, 'beta', null)));
  });

  test.each([end, null])('of the same end %s again changes nothing, and updated_at stays', async (expiresAt) => {
    const image = await offered({
      members: [{ project: 'beta', status: 'pending', ...(expiresAt !== null && { expiresAt }) }],
    });
    const before = await stored(image);

    const response = await changeExpiry(image, { expires_at: expiresAt });

    expect(response).toEqual(ok({ ...view(image, 'beta', expiresAt), updated_at: image.createdAt }));
    expect(await stored(image)).toEqual(before);
  });

  test('soon is possible', async () => {
    const image = await offered();
    const soon = `${new Date(Date.now() + 60_000).toISOString().slice(0, 19)}Z`;

    const response = await changeExpiry(image, { expires_at: soon });

    expect(response).toEqual(ok(view(image, 'beta', soon)));
  });

  const now = (): string => `${new Date().toISOString().slice(0, 19)}Z`;
  test.each<readonly [string, () => unknown]>([
    ['a time that has passed', () => ({ expires_at: '2026-01-01T00:00:00Z' })],
    ['the current second', () => ({ expires_at: now() })],
    ['the year 10000', () => ({ expires_at: '10000-01-01T00:00:00Z' })],
    ['an extended year', () => ({ expires_at: '+010000-01-01T00:00:00Z' })],
    ['an offset', () => ({ expires_at: '2999-01-01T00:00:00+01:00' })],
    ['an offset of zero', () => ({ expires_at: '2999-01-01T00:00:00+00:00' })],
    ['no zone', () => ({ expires_at: '2999-01-01T00:00:00' })],
    ['a lower-case zone', () => ({ expires_at: '2999-01-01T00:00:00z' })],
    ['fractions of a second', () => ({ expires_at: '2999-01-01T00:00:00.000Z' })],
    ['a blank', () => ({ expires_at: '2999-01-01 00:00:00Z' })],
    ['only a date', () => ({ expires_at: '2999-01-01' })],
    ['30 February', () => ({ expires_at: '2999-02-30T00:00:00Z' })],
    ['29 February of a common year', () => ({ expires_at: '2999-02-29T00:00:00Z' })],
    ['31 April', () => ({ expires_at: '2999-04-31T00:00:00Z' })],
    ['month 13', () => ({ expires_at: '2999-13-01T00:00:00Z' })],
    ['month 0', () => ({ expires_at: '2999-00-01T00:00:00Z' })],
    ['24 o’clock', () => ({ expires_at: '2999-01-01T24:00:00Z' })],
    ['minute 60', () => ({ expires_at: '2999-01-01T00:60:00Z' })],
    ['a leap second', () => ({ expires_at: '2999-06-30T23:59:60Z' })],
    ['digits of another script', () => ({ expires_at: '２999-01-01T00:00:00Z' })],
    ['a line break after the time', () => ({ expires_at: '2999-01-01T00:00:00Z\n' })],
    ['an empty text', () => ({ expires_at: '' })],
    ['a long text', () => ({ expires_at: '2'.repeat(100_000) })],
    ['a number', () => ({ expires_at: 32_503_680_000 })],
    ['a boolean', () => ({ expires_at: false })],
    ['a list', () => ({ expires_at: [laterEnd] })],
    ['an object', () => ({ expires_at: { time: laterEnd } })],
    ['no field', () => ({})],
    ['an unknown field', () => ({ expires_at: laterEnd, status: 'accepted' })],
    ['only an unknown field', () => ({ expiresAt: laterEnd })],
    ['a list as its body', () => [{ expires_at: laterEnd }]],
    ['null as its body', () => 'null'],
    ['no JSON', () => '{"expires_at":'],
    ['no body', () => undefined],
  ])('with %s is refused and has no effect', async (_what, body) => {
    const image = await offered();
    const before = await stored(image);

    const response = await changeExpiry(image, body());

    expect(response).toEqual(aFault(400, 'invalid-request'));
    expect(response.body.message.length).toBeLessThan(300);
    expect(await stored(image)).toEqual(before);
  });

  test('of a misspelt field names it and the known one', async () => {
    const { body } = await changeExpiry(await offered(), { expire_at: laterEnd });

    expect(body.message).toBe('The field "expire_at" of the body is unknown; the fields are "expires_at".');
  });

  test.each(['x'.repeat(256), '..', 'a\u0001', '🀄'.repeat(251)])(
    'of a member that cannot exist is refused without a call: %j',
    async (project) => {
      const image = await offered();

      const { result, calls } = await proxy.record(() =>
        changeExpiry(image, { expires_at: laterEnd }, 'alpha:member', project),
      );

      expect(result).toEqual(aFault(404, 'member-not-found'));
      expect(calls).toEqual([]);
    },
  );

  test('after the end is refused: the membership is no longer there', async () => {
    const image = await offered({
      members: [{ project: 'beta', status: 'accepted', expiresAt: '2026-06-01T00:00:00Z' }],
    });

    const response = await changeExpiry(image, { expires_at: laterEnd });

    expect(response).toEqual(aFault(404, 'member-not-found'));
  });

  test('does not depend on the query and the media type', async () => {
    const image = await offered();

    const response = await service.request('PUT', `${expiryPath(image.id)}?expires_at=null`, {
      as: 'alpha:member',
      body: { expires_at: laterEnd },
      headers: { 'content-type': 'text/plain' },
    });

    expect(response).toEqual(ok(view(image, 'beta', laterEnd)));
  });
});

describe('DELETE of a membership', () => {
  test.each(memberStatuses)(
    'ends a membership whose status is %s: its member no longer sees the image',
    async (status) => {
      const image = await offered({ members: [{ project: 'beta', status }] });

      const response = await leave(image);

      expect(response).toEqual(noContent);
      const shown = await service.request('GET', `/v2/images/${image.id}`, { as: 'beta:reader' });
      expect(shown).toEqual(aFault(404, 'image-not-found'));
      const members = await service.request('GET', `/v2/images/${image.id}/members`, { as: 'alpha:reader' });
      expect(members.body.members).toEqual([]);
    },
  );

  test('a second time, or after a withdrawal, finds no image', async () => {
    const [left, withdrawn] = [await offered(), await offered()];
    await leave(left);
    await service.request('DELETE', `/v2/images/${withdrawn.id}/members/beta`, { as: 'alpha:member' });

    const responses = [await leave(left), await leave(withdrawn)];

    expect(responses).toEqual([aFault(404, 'image-not-found'), aFault(404, 'image-not-found')]);
  });

  test('leaves the other members', async () => {
    const image = await offered();

    await leave(image);

    const { body } = await service.request('GET', `/v2/images/${image.id}/members`, { as: 'alpha:reader' });
    expect(body.members.map(({ member_id: id }: { member_id: string }) => id)).toEqual(['alpha', 'gamma']);
  });

  test('with a body is refused', async () => {
    const image = await offered();
    const before = await stored(image);

    const response = await service.request('DELETE', membershipPath(image.id), { as: 'beta:member', body: {} });

    expect(response).toEqual(aFault(400, 'invalid-request'));
    expect(await stored(image)).toEqual(before);
  });

  test('can be followed by a new offer', async () => {
    const image = await offered();
    await leave(image);

    const { status, body } = await service.request('POST', `/v2/images/${image.id}/members`, {
      as: 'alpha:member',
      body: { member: 'beta' },
    });

    expect([status, body.status]).toEqual([200, 'pending']);
  });
});
