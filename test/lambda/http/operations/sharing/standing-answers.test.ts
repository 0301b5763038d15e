import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { maxStandingAnswers, standingStatuses } from '../../../../../lambda/domain/standing-answer.ts';
import { createTestTable, type TestTable } from '../../../../support/engine.ts';
import { seedImage } from '../../../../support/seed.ts';
import { startService, type Service } from '../../../../support/service.ts';
import { storedItems } from '../../../../support/stored-items.ts';
import { aFault } from '../../a-fault.ts';
import { responseHeaders } from '../../response-headers.ts';

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
});
afterAll(() => table.drop());

/** Returns a project that no other test uses. */
let projects = 0;
const aProject = (): string => `project-${(projects += 1)}`;

const path = '/sharing/v1/standing-answers';
const pathOf = (owner: string): string => `${path}/${encodeURIComponent(owner)}`;
const accepted = { status: 'accepted' };
const put = (project: string, owner: string, options: { readonly body?: unknown } = { body: accepted }) =>
  service.request('PUT', pathOf(owner), { as: `${project}:member`, ...options });
const get = (project: string, owner: string) => service.request('GET', pathOf(owner), { as: `${project}:reader` });
const list = (project: string) => service.request('GET', path, { as: `${project}:reader` });
const remove = (project: string, owner: string) =>
  service.request('DELETE', pathOf(owner), { as: `${project}:member` });

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const view = (owner: string, status = 'accepted') => ({
  owner,
  status,
  created_at: time,
  updated_at: time,
  schema: '/sharing/v1/schemas/standing-answer',
});
const ok = (body: unknown) => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...responseHeaders },
  body,
});
const listed = (...views: readonly unknown[]) =>
  ok({ standing_answers: views, schema: '/sharing/v1/schemas/standing-answers' });
const noContent = { status: 204, headers: responseHeaders, body: undefined };

test('a standing answer is set, shown, listed, changed and removed', async () => {
  const project = aProject();

  expect(await list(project)).toEqual(listed());
  expect(await put(project, 'alpha')).toEqual(ok(view('alpha')));
  expect(await put(project, 'Omega', { body: { status: 'rejected' } })).toEqual(ok(view('Omega', 'rejected')));
  expect(await get(project, 'alpha')).toEqual(ok(view('alpha')));
  expect(await put(project, 'alpha', { body: { status: 'rejected' } })).toEqual(ok(view('alpha', 'rejected')));
  expect(await list(project)).toEqual(listed(view('Omega', 'rejected'), view('alpha', 'rejected')));
  expect(await remove(project, 'alpha')).toEqual(noContent);
  expect(await get(project, 'alpha')).toEqual(aFault(404, 'standing-answer-not-found'));
  expect(await remove(project, 'alpha')).toEqual(aFault(404, 'standing-answer-not-found'));
  expect(await list(project)).toEqual(listed(view('Omega', 'rejected')));
});

test('the keys of a standing answer are in the order of its schema', async () => {
  const { body } = await put(aProject(), 'alpha');

  expect(Object.keys(body)).toEqual(['owner', 'status', 'created_at', 'updated_at', 'schema']);
});

test('a change keeps the time of the creation, and the same status again changes nothing', async () => {
  const project = aProject();
  const { body: first } = await put(project, 'alpha');
  const before = await storedItems(table);

  const { body: same } = await put(project, 'alpha');

  expect(same).toEqual(first);
  expect(await storedItems(table)).toEqual(before);
  const { body: changed } = await put(project, 'alpha', { body: { status: 'rejected' } });
  expect(changed.created_at).toBe(first.created_at);
});

test.each(['pk', '__proto__', 'constructor', 'a.b', 'a b', '100%', 'ä', '"\\', 'x'.repeat(255), '𝒟'.repeat(250)])(
  'the owner %j can have a standing answer, which decides on its offers',
  async (owner) => {
    const project = aProject();
    const image = await seedImage(table, { owner });

    expect(await put(project, owner)).toEqual(ok(view(owner)));

    expect(await get(project, owner)).toEqual(ok(view(owner)));
    const offered = await service.request('POST', `/v2/images/${image.id}/members`, {
      as: 'ops:admin',
      body: { member: project },
    });
    expect([offered.status, offered.body.status]).toEqual([200, 'accepted']);
    expect(await remove(project, owner)).toEqual(noContent);
    expect(await list(project)).toEqual(listed());
  },
);

describe('roles', () => {
  const operations = [
    ['GET', path, undefined],
    ['GET', pathOf('alpha'), undefined],
    ['PUT', pathOf('alpha'), { status: 'rejected' }],
    ['DELETE', pathOf('alpha'), undefined],
  ] as const;
  const roles = ['admin', 'manager', 'member', 'reader', 'no_role'] as const;
  const permitted = { GET: 200, PUT: 200, DELETE: 204 } as const;
  const everyCase = operations.flatMap(([method, url, body]) =>
    roles.map((role) => {
      const isPermitted = role !== 'no_role' && (method === 'GET' || role !== 'reader');
      return { method, url, body, role, status: isPermitted ? permitted[method] : 403 };
    }),
  );

  test.each(everyCase)('$method $url with the role $role is $status', async ({ method, url, body, role, status }) => {
    const project = aProject();
    await put(project, 'alpha');
    const before = await storedItems(table);

    const response = await service.request(method, url, { as: `${project}:${role}`, body });

    if (status === 403) expect(response).toEqual(aFault(403, 'not-permitted'));
    else expect(response.status).toBe(status);
    if (status === 403 || method === 'GET') expect(await storedItems(table)).toEqual(before);
    else expect(await storedItems(table)).not.toEqual(before);
  });

  test.each(operations)('%s %s requires a token', async (method, url, body) => {
    const response = await service.request(method, url, { body });

    const { headers, ...fault } = aFault(401, 'not-authenticated');
    expect(response).toEqual({ ...fault, headers: { ...headers, 'www-authenticate': 'Bearer' } });
  });

  test.each(operations)('%s %s concerns the own project only, even for an admin', async (method, url, body) => {
    const project = aProject();
    await put(project, 'alpha');

    await service.request(method, url, { as: 'ops:admin', body });

    expect(await list(project)).toEqual(listed(view('alpha')));
  });
});

describe('PUT of a standing answer', () => {
  test.each<[string, unknown]>([
    ['pending', { status: 'pending' }],
    ['another status', { status: 'maybe' }],
    ['the status in capitals', { status: 'Accepted' }],
    ['null', { status: null }],
    ['a list', { status: ['accepted'] }],
    ['a number', { status: 1 }],
    ['no status', {}],
    ['an unknown field', { status: 'accepted', owner: 'alpha' }],
    ['a list as its body', [{ status: 'accepted' }]],
    ['no JSON', 'accepted'],
    ['no body', undefined],
  ])('with %s is refused and has no effect', async (_what, body) => {
    const project = aProject();
    const before = await storedItems(table);

    const response = await put(project, 'alpha', { body });

    expect(response).toEqual(aFault(400, 'invalid-request'));
    expect(await storedItems(table)).toEqual(before);
  });

  test.each(standingStatuses)('on offers of the own project is refused: %s', async (status) => {
    const project = aProject();

    const response = await put(project, project, { body: { status } });

    expect(response).toEqual(aFault(400, 'invalid-request'));
    expect(await list(project)).toEqual(listed());
  });

  test.each(['x'.repeat(256), '𝒟'.repeat(251), 'a\u0001b', 'a?b', '.', '..'])(
    'with an owner that no project can be is refused by every method: %j',
    async (owner) => {
      const project = aProject();

      const responses = [await put(project, owner), await get(project, owner), await remove(project, owner)];

      expect(responses).toEqual([1, 2, 3].map(() => aFault(400, 'invalid-request')));
      expect(responses.every(({ body }) => body.message.length < 300)).toBe(true);
    },
  );

  test('after the 128th owner is refused, while the others can still change', async () => {
    const project = aProject();
    for (let n = 0; n < maxStandingAnswers; n += 1) {
      const { status } = await put(project, `owner-${n}`);
      expect(status).toBe(200);
    }

    const response = await put(project, 'one-too-many');

    expect(response).toEqual(aFault(413, 'standing-answer-limit-exceeded'));
    expect(await put(project, 'owner-0', { body: { status: 'rejected' } })).toEqual(ok(view('owner-0', 'rejected')));
    expect((await list(project)).body.standing_answers.length).toBe(128);
    expect(await remove(project, 'owner-1')).toEqual(noContent);
    expect(await put(project, 'one-too-many')).toEqual(ok(view('one-too-many')));
  });
});

describe('an offer by the Image API', () => {
  test.each(standingStatuses)('shows the status %s of the standing answer, and no other keys', async (status) => {
    const project = aProject();
    const { id } = await seedImage(table, { owner: 'alpha' });
    await put(project, 'alpha', { body: { status } });

    const response = await service.request('POST', `/v2/images/${id}/members`, {
      as: 'alpha:member',
      body: { member: project },
    });

    const member = {
      member_id: project,
      image_id: id,
      status,
      created_at: time,
      updated_at: time,
      schema: '/v2/schemas/member',
    };
    const shown = ok(member);
    expect(response).toEqual({ ...shown, headers: { ...shown.headers, etag: expect.any(String) } });
    expect(await service.request('GET', `/v2/images/${id}/members`, { as: 'alpha:reader' })).toEqual(
      ok({ members: [member], schema: '/v2/schemas/members' }),
    );
    const images = await service.request('GET', `/v2/images?member_status=${status}`, { as: `${project}:reader` });
    expect(images.body.images.map((image: { id: string }) => image.id)).toEqual([id]);
    expect(Object.keys(images.body.images[0])).not.toContain('expires_at');
  });
});
