import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Image } from '../../../../lambda/domain/image.ts';
import { memberStatuses } from '../../../../lambda/domain/membership.ts';
import { createTestTable, type TestTable } from '../../../support/engine.ts';
import { seedImage, type Seed } from '../../../support/seed.ts';
import { startService, type TestResponse, type Service } from '../../../support/service.ts';
import { itemsOfImage } from '../../../support/stored-items.ts';
import { permissions } from '../../permission-table.ts';
import { aFault } from '../a-fault.ts';
import { responseHeaders } from '../response-headers.ts';

const quota = 4;

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName, quota);
});
afterAll(() => table.drop());

/** An image of alpha's that was offered to beta, pending, to gamma, accepted, and to alpha itself. */
const offered = (seed: Partial<Seed> = {}): Promise<Image> =>
  seedImage(table, {
    owner: 'alpha',
    members: [
      { project: 'beta', status: 'pending' },
      { project: 'gamma', status: 'accepted' },
      { project: 'alpha', status: 'pending' },
    ],
    ...seed,
  });

const view = (image: Pick<Image, 'id' | 'createdAt'>, member: string, status: string) => ({
  member_id: member,
  image_id: image.id,
  status,
  created_at: image.createdAt,
  updated_at: image.createdAt,
  schema: '/v2/schemas/member',
});
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const headers = { 'content-type': 'application/json', ...responseHeaders };
const ok = (body: unknown) => ({ status: 200, headers, body });
/** Response with a member and its entity tag. */
const okTagged = (body: unknown) => ({
  status: 200,
  headers: { ...headers, etag: expect.stringMatching(/^"[\w-]{36}\/[a-z]+\/[\dTZ:-]{20}\/"$/) },
  body,
});
const noContent = {
  status: 204,
  headers: responseHeaders,
  body: undefined,
};

const member = ({ id }: { id: string }, project: string) => `/v2/images/${id}/members/${encodeURIComponent(project)}`;
const members = ({ id }: { id: string }) => `/v2/images/${id}/members`;
const answer = (image: { id: string }, project: string, as: string, body: unknown = { status: 'accepted' }) =>
  service.request('PUT', member(image, project), { as, body });
const offer = (image: { id: string }, as: string, body: unknown) =>
  service.request('POST', members(image), { as, body });

/** Everything that is stored of an image, and of its members. */
const stored = ({ id }: { id: string }) => itemsOfImage(table, id, ['alpha', 'beta', 'gamma', 'delta', 'fifth', 'new']);

/*
 * Responses by caller and the image's visibility. alpha owns the image, beta and gamma and alpha itself are members,
 * delta is a stranger, ops is somebody's administrator.
 */
const specification = `
PUT beta                | private          | shared           | community        | public
beta:member             | 404 no image     | 200              | 403 not shared   | 403 not shared
beta:reader             | 404 no image     | 403 forbidden    | 403 not shared   | 403 not shared
beta:admin              | 403 not shared   | 200              | 403 not shared   | 403 not shared
alpha:member            | 403 not shared   | 403 forbidden    | 403 not shared   | 403 not shared
alpha:reader            | 403 not shared   | 403 forbidden    | 403 not shared   | 403 not shared
alpha:admin             | 403 not shared   | 200              | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 200              | 403 not shared   | 403 not shared
gamma:member            | 404 no image     | 404 no member    | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared
beta:no_role            | 404 no image     | 404 no image     | 404 no image     | 404 no image

PUT alpha               | private          | shared           | community        | public
alpha:member            | 403 not shared   | 403 forbidden    | 403 not shared   | 403 not shared
alpha:admin             | 403 not shared   | 200              | 403 not shared   | 403 not shared

PUT delta               | private          | shared           | community        | public
alpha:member            | 403 not shared   | 404 no member    | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 404 no member    | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared

POST delta              | private          | shared           | community        | public
alpha:member            | 403 not shared   | 200              | 403 not shared   | 403 not shared
alpha:admin             | 403 not shared   | 200              | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 200              | 403 not shared   | 403 not shared
alpha:reader            | 403 not shared   | 403 forbidden    | 403 not shared   | 403 not shared
beta:member             | 404 no image     | 403 forbidden    | 403 not shared   | 403 not shared
beta:reader             | 404 no image     | 403 forbidden    | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared

POST beta               | private          | shared           | community        | public
alpha:member            | 403 not shared   | 409              | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 409              | 403 not shared   | 403 not shared
beta:member             | 404 no image     | 403 forbidden    | 403 not shared   | 403 not shared

GET                     | private          | shared           | community        | public
alpha:reader            | 403 not shared   | 200 all          | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 200 all          | 403 not shared   | 403 not shared
beta:reader             | 404 no image     | 200 its own      | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared
alpha:no_role           | 404 no image     | 404 no image     | 404 no image     | 404 no image

GET beta                | private          | shared           | community        | public
alpha:reader            | 404 no member    | 200              | 404 no member    | 404 no member
ops:admin               | 404 no member    | 200              | 404 no member    | 404 no member
beta:reader             | 404 no image     | 200              | 404 no member    | 404 no member
gamma:member            | 404 no image     | 404 no member    | 404 no member    | 404 no member
delta:member            | 404 no image     | 404 no image     | 404 no member    | 404 no member

GET delta               | private          | shared           | community        | public
alpha:member            | 404 no member    | 404 no member    | 404 no member    | 404 no member
delta:member            | 404 no image     | 404 no image     | 404 no member    | 404 no member

DELETE beta             | private          | shared           | community        | public
alpha:member            | 403 not shared   | 204              | 403 not shared   | 403 not shared
ops:admin               | 403 not shared   | 204              | 403 not shared   | 403 not shared
alpha:reader            | 403 not shared   | 403 forbidden    | 403 not shared   | 403 not shared
beta:member             | 404 no image     | 403 forbidden    | 403 not shared   | 403 not shared
gamma:member            | 404 no image     | 404 no member    | 403 not shared   | 403 not shared
delta:member            | 404 no image     | 404 no image     | 403 not shared   | 403 not shared

DELETE delta            | private          | shared           | community        | public
alpha:member            | 403 not shared   | 404 no member    | 403 not shared   | 403 not shared
beta:member             | 404 no image     | 404 no member    | 403 not shared   | 403 not shared
`;

const faults: Readonly<Record<string, ReturnType<typeof aFault>>> = {
  '404 no image': aFault(404, 'image-not-found'),
  '404 no member': aFault(404, 'member-not-found'),
  '403 not shared': aFault(403, 'image-not-shared'),
  '403 forbidden': aFault(403, 'not-permitted'),
  '409': aFault(409, 'member-exists'),
};

/** Complete response of a successful operation. */
const successes: Readonly<Record<string, (image: Image, project: string) => unknown>> = {
  PUT: (image, project) => okTagged({ ...view(image, project, 'accepted'), updated_at: time }),
  POST: (image, project) => okTagged({ ...view(image, project, 'pending'), created_at: time, updated_at: time }),
  'GET 200': (image, project) => okTagged(view(image, project, 'pending')),
  'GET 200 all': (image) =>
    ok({
      members: [view(image, 'alpha', 'pending'), view(image, 'beta', 'pending'), view(image, 'gamma', 'accepted')],
      schema: '/v2/schemas/members',
    }),
  'GET 200 its own': (image) => ok({ members: [view(image, 'beta', 'pending')], schema: '/v2/schemas/members' }),
  DELETE: () => noContent,
};

test.each(permissions(specification))('$operation of a $visibility image, by $as: $answer', async (permission) => {
  const [method = '', project] = permission.operation.split(' ');
  const image = await offered({ visibility: permission.visibility });
  const before = await stored(image);
  const path = project === undefined || method === 'POST' ? members(image) : member(image, project);
  const body = { PUT: { status: 'accepted' }, POST: { member: project } }[method];

  const given = await service.request(method, path, { as: permission.as, body });

  const success = successes[method] ?? successes[`${method} ${permission.answer}`];
  expect(given).toEqual(faults[permission.answer] ?? success!(image, project ?? ''));
  const writes = permission.answer.startsWith('20') && method !== 'GET';
  if (writes) expect(await stored(image)).not.toEqual(before);
  else expect(await stored(image)).toEqual(before);
});

describe('an image that may not be seen', () => {
  const image = '/v2/images/<id>';
  const requests: readonly { method: string; path: string; body?: unknown }[] = [
    { method: 'PUT', path: `${image}/members/delta`, body: { status: 'accepted' } },
    { method: 'PUT', path: `${image}/members/beta`, body: { status: 'nonsense' } },
    { method: 'POST', path: `${image}/members`, body: { member: 'delta' } },
    { method: 'GET', path: `${image}/members` },
    { method: 'GET', path: `${image}/members/delta` },
    { method: 'GET', path: `${image}/members/beta` },
    { method: 'DELETE', path: `${image}/members/beta` },
    { method: 'GET', path: image },
    { method: 'DELETE', path: image },
  ];

  test.each(requests)('$method $path responds as for a missing image', async ({ method, path, body }) => {
    const hidden = await offered({ visibility: 'private' });
    const deleted = await offered();
    await service.request('DELETE', `/v2/images/${deleted.id}`, { as: 'alpha:member' });
    const ask = async (id: string) => {
      const options = { as: 'delta:member', body, headers: { 'x-openstack-request-id': 'same' } };
      return JSON.stringify(await service.request(method, path.replace('<id>', id), options)).replaceAll(id, '<id>');
    };

    const answers = await Promise.all(
      [hidden.id, deleted.id, randomUUID(), randomUUID().toUpperCase(), 'no-uuid'].map(ask),
    );

    expect(answers[0]).toContain('image-not-found');
    expect(new Set(answers).size).toBe(1);
  });
});

describe('PUT', () => {
  test('keys come in the order of the API', async () => {
    const { body } = await answer(await offered(), 'beta', 'beta:member');

    expect(Object.keys(body)).toEqual(['member_id', 'image_id', 'status', 'created_at', 'updated_at', 'schema']);
  });

  const transitions = memberStatuses.flatMap((from) => memberStatuses.map((to) => ({ from, to })));

  test.each(transitions)('the status of a member changes from $from to $to', async ({ from, to }) => {
    const image = await offered({ members: [{ project: 'beta', status: from }] });

    const given = await answer(image, 'beta', 'beta:member', { status: to });

    const expected = view(image, 'beta', to);
    expect(given).toEqual(okTagged({ ...expected, updated_at: from === to ? image.createdAt : time }));
    expect(given.body.updated_at === image.createdAt).toBe(from === to);
    expect(await service.request('GET', member(image, 'beta'), { as: 'beta:reader' })).toEqual(okTagged(given.body));
  });

  test.each([{ hidden: true }, { protected: true }])('of an image that is %j is possible', async (seed) => {
    const image = await offered(seed);

    expect(await answer(image, 'beta', 'beta:member')).toMatchObject({ status: 200, body: { status: 'accepted' } });
  });

  test('moves neither the image nor the other members', async () => {
    const image = await offered();
    const show = () => service.request('GET', `/v2/images/${image.id}`, { as: 'alpha:reader' });
    const list = () => service.request('GET', members(image), { as: 'alpha:reader' });
    const before = [(await show()).body, (await list()).body.members.filter(({ member_id: id }: any) => id !== 'beta')];

    await answer(image, 'beta', 'beta:member');

    const after = [(await show()).body, (await list()).body.members.filter(({ member_id: id }: any) => id !== 'beta')];
    expect(after).toEqual(before);
  });

  test.each<[unknown]>([
    [{ status: 'rejected', member: 'gamma', member_id: 'delta', image_id: 'x', created_at: 1 }],
    ['{"status":"accepted","status":"rejected"}'],
    [' {"status": "\\u0072ejected"}\n'],
    [new TextEncoder().encode('{"status":"rejected","x":"ü"}')],
  ])('takes the status of %j and nothing else', async (body) => {
    const image = await offered();

    expect(await answer(image, 'beta', 'beta:member', body)).toEqual(
      okTagged({ ...view(image, 'beta', 'rejected'), updated_at: time }),
    );
  });

  test('passes over a query', async () => {
    const image = await offered();

    const given = await service.request('PUT', `${member(image, 'beta')}?status=rejected&x`, {
      as: 'beta:member',
      body: { status: 'accepted' },
    });

    expect(given.body.status).toBe('accepted');
  });

  const values = [null, '', 'ACCEPTED', ' accepted', 'accepted ', 'unknown', 1, true, ['accepted'], { a: 1 }];

  test.each(values)('of the status %j is a bad request, last of all', async (status) => {
    const image = await offered();
    const before = await stored(image);

    const given = {
      member: await answer(image, 'beta', 'beta:member', { status }),
      admin: await answer(image, 'beta', 'ops:admin', { status }),
      reader: await answer(image, 'beta', 'beta:reader', { status }),
      owner: await answer(image, 'beta', 'alpha:member', { status }),
      otherMember: await answer(image, 'beta', 'gamma:member', { status }),
      stranger: await answer(image, 'delta', 'delta:member', { status }),
    };

    expect(given).toEqual({
      member: aFault(400, 'invalid-member-status'),
      admin: aFault(400, 'invalid-member-status'),
      reader: faults['403 forbidden'],
      owner: faults['403 forbidden'],
      otherMember: faults['404 no member'],
      stranger: faults['404 no image'],
    });
    expect(await stored(image)).toEqual(before);
  });

  test.each<[string, unknown]>([
    ['no body', undefined],
    ['an empty object', {}],
    ['another key', { Status: 'accepted' }],
    ['an array', ['accepted']],
    ['a text', '"accepted"'],
    ['null', 'null'],
    ['no JSON', 'accepted'],
  ])('with %s is a bad request, before anything is looked for', async (_, body) => {
    const image = await offered();

    const given = [
      await service.request('PUT', member(image, 'beta'), { as: 'beta:member', body }),
      await service.request('PUT', member(image, 'beta'), { as: 'delta:member', body }),
      await service.request('PUT', member({ id: 'x' }, 'beta'), { as: 'delta:member', body }),
    ];

    expect(given).toEqual(Array(3).fill(aFault(400, 'invalid-request')));
  });
});

describe('POST', () => {
  test.each([
    [{ member: 'new' }, 'new'],
    [{ member_id: 'new' }, 'new'],
    [{ member_id: 'new', member: 'beta' }, 'new'],
    [{ member_id: 'new', member: null }, 'new'],
    [{ member: 'new', status: 'accepted', owner: 'x', extra: [] }, 'new'],
    [{ member: 'Beta' }, 'Beta'],
    [{ member: '項目 100%+#' }, '項目 100%+#'],
  ])('%j offers the image to %s, pending', async (body, project) => {
    const image = await offered();

    const given = await offer(image, 'alpha:member', body);

    expect(given).toEqual(okTagged({ ...view(image, project, 'pending'), created_at: time, updated_at: time }));
    expect(given.body.updated_at).toBe(given.body.created_at);
    expect((await service.request('GET', member(image, project), { as: 'alpha:member' })).body).toEqual(given.body);
    expect(await answer(image, project, 'ops:admin')).toMatchObject({ status: 200, body: { member_id: project } });
    expect(await service.request('DELETE', member(image, project), { as: 'alpha:member' })).toEqual(noContent);
  });

  test.each<[unknown]>([
    [undefined],
    [{}],
    [['new']],
    ['"new"'],
    [{ member: '' }],
    [{ member: null }],
    [{ member: false }],
    [{ member: 0 }],
    [{ member: ['new'] }],
    [{ member: { id: 'new' } }],
    [{ member_id: '', member: 'new' }],
    [{ member_id: null, member: 'new' }],
    [{ member: '.' }],
    [{ member: '..' }],
    [{ member: 'a/b' }],
    [{ member: 'a?b' }],
    [{ member: 'a\0b' }],
    ['{"member":"\\ud800"}'],
    [{ member: 'x'.repeat(256) }],
    [{ member: '🐧'.repeat(251) }],
  ])('%j is a bad request, before anything is looked for', async (body) => {
    const image = await offered();
    const before = await stored(image);

    const given = [
      await offer(image, 'alpha:member', body),
      await offer(image, 'alpha:reader', body),
      await offer({ id: randomUUID() }, 'alpha:member', body),
    ];

    expect(given).toEqual(Array(3).fill(aFault(400, 'invalid-request')));
    expect(await stored(image)).toEqual(before);
  });

  test('at the quota one more is refused, an admin too, and a duplicate is a duplicate', async () => {
    const image = await offered();
    await offer(image, 'alpha:member', { member: 'fourth' });

    const given = [
      await offer(image, 'alpha:member', { member: 'fifth' }),
      await offer(image, 'ops:admin', { member: 'fifth' }),
      await offer(image, 'alpha:member', { member: 'fourth' }),
      await offer(image, 'alpha:reader', { member: 'fifth' }),
    ];

    expect(given).toEqual([
      aFault(413, 'member-quota-exceeded'),
      aFault(413, 'member-quota-exceeded'),
      faults['409'],
      faults['403 forbidden'],
    ]);
  });

  test('a project that was removed and is offered the image again is a new member, pending', async () => {
    const image = await offered({ members: [{ project: 'beta', status: 'accepted' }] });
    await service.request('DELETE', member(image, 'beta'), { as: 'alpha:member' });

    const given = await offer(image, 'alpha:member', { member: 'beta' });

    expect(given.body).toEqual({ ...view(image, 'beta', 'pending'), created_at: time, updated_at: time });
    expect(given.body.created_at > image.createdAt).toBe(true);
  });
});

describe('GET', () => {
  test('members come in the order of their creation, then of their ids', async () => {
    const image = await offered({ members: [] });
    for (const project of ['b', 'a', 'C']) await offer(image, 'alpha:member', { member: project });

    const { body } = await service.request('GET', members(image), { as: 'alpha:reader' });

    const order = body.members.map(({ created_at: at, member_id: id }: any) => `${at} ${id}`);
    expect(order).toHaveLength(3);
    expect(order).toEqual(order.toSorted());
  });

  test('an image without members has an empty list', async () => {
    const image = await offered({ members: [] });

    const given = await service.request('GET', `${members(image)}?limit=1`, { as: 'alpha:reader' });

    expect(given).toEqual(ok({ members: [], schema: '/v2/schemas/members' }));
  });

  test('a membership without a change has no update time', async () => {
    const image = await offered();
    const key = { pk: { S: 'PROJECT#beta' }, sk: { S: `SHARED#${image.id}` } };
    const remove = { TableName: table.tableName, Key: key, UpdateExpression: 'REMOVE updated_at' };
    await table.client.send(new UpdateItemCommand(remove));

    const given = await service.request('GET', member(image, 'beta'), { as: 'beta:reader' });

    expect(given.body.updated_at).toBeNull();
  });
});

describe('DELETE', () => {
  test('ends everything for the former member at once', async () => {
    const image = await offered({ members: [{ project: 'beta', status: 'accepted' }] });

    await service.request('DELETE', member(image, 'beta'), { as: 'alpha:member' });

    const asBeta = { as: 'beta:member' };
    const given: TestResponse[] = [
      await service.request('DELETE', member(image, 'beta'), { as: 'alpha:member' }),
      await answer(image, 'beta', 'beta:member'),
      await answer(image, 'beta', 'ops:admin'),
      await service.request('GET', `/v2/images/${image.id}`, asBeta),
      await service.request('GET', member(image, 'beta'), asBeta),
      await service.request('GET', members(image), asBeta),
    ];
    const list = await service.request('GET', '/v2/images?member_status=all&visibility=all', asBeta);
    expect(given).toEqual(
      ['no member', 'no image', 'no member', 'no image', 'no image', 'no image'].map((what) => faults[`404 ${what}`]),
    );
    expect(list.body.images.filter(({ id }: any) => id === image.id)).toEqual([]);
  });

  test('of a member of a protected image is possible', async () => {
    const image = await offered({ protected: true });

    expect(await service.request('DELETE', member(image, 'beta'), { as: 'alpha:member' })).toEqual(noContent);
  });
});

test.each(['GET', 'DELETE'])('a %s with a body is a bad request, and nothing is done', async (method) => {
  const image = await offered();

  const given = await service.request(method, member(image, 'beta'), { as: 'alpha:member', body: {} });

  expect(given).toEqual(aFault(400, 'invalid-request'));
  expect((await service.request('GET', member(image, 'beta'), { as: 'alpha:member' })).status).toBe(200);
});

test.each(['.', '..', 'x'.repeat(256), 'a\u0001b', 'a/b'])('there is no member %j', async (project) => {
  const image = await offered();

  const given = await Promise.all(
    ['GET', 'DELETE'].map((method) => service.request(method, member(image, project), { as: 'alpha:member' })),
  );

  expect(given.map(({ status }) => status)).toEqual([404, 404]);
  expect((await answer(image, project, 'ops:admin')).status).toBe(404);
});

test('a version alias gives the same response, and an unknown version the list of versions', async () => {
  const image = await offered();
  const ask = (version: string) =>
    service.request('GET', member(image, 'beta').replace('v2', version), { as: 'beta:reader' });

  expect(await ask('v2.9')).toEqual(okTagged(view(image, 'beta', 'pending')));
  expect(await ask('v1')).toMatchObject({ status: 300, body: { versions: expect.any(Array) } });
});

test('a malformed item is reported in the log and not in the response', async () => {
  const image = await offered();
  const key = { pk: { S: 'PROJECT#beta' }, sk: { S: `SHARED#${image.id}` } };
  const spoil = { ...{ TableName: table.tableName, Key: key }, UpdateExpression: 'SET created_at = :never' };
  await table.client.send(new UpdateItemCommand({ ...spoil, ExpressionAttributeValues: { ':never': { S: 'never' } } }));

  const given = await service.request('GET', member(image, 'beta'), { as: 'beta:member' });

  expect(given).toEqual(aFault(500, 'internal-error'));
  expect(JSON.stringify(given.body)).not.toMatch(/PROJECT|SHARED|created_at|never/);
  expect(service.logged.at(-1)).toContain(
    `Item PROJECT#beta / SHARED#${image.id}: \\"created_at\\" is not a timestamp.`,
  );
});
