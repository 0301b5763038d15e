import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { timestamp, type Timestamp } from '../../lambda/domain/clock.ts';
import { markerOf } from '../../lambda/http/requests/history-query.ts';
import { active } from '../lambda/domain/an-image.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { startFakeKeystone, type FakeKeystone } from '../support/fake-keystone.ts';
import { seedImage } from '../support/seed.ts';
import { startService, type RequestOptions, type Service } from '../support/service.ts';

let table: TestTable;
let proxy: EngineProxy;
let keystone: FakeKeystone;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  // The test identity knows no token without a project.
  keystone = await startFakeKeystone();
  const identity = { IDENTITY: 'keystone', OS_AUTH_URL: keystone.url };
  service = await startService(proxy.endpoint, table.tableName, 128, identity);
});
afterAll(async () => {
  await keystone.stop();
  await proxy.stop();
  await table.drop();
});

type Request = readonly [method: string, path: string, options: Omit<RequestOptions, 'as'>];

const v21 = { 'content-type': 'application/openstack-images-v2.1-json-patch' };

/** Every request that names an image, by someone of the project. */
const operations: Readonly<Record<string, (imageId: string, project: string) => Request>> = {
  'PUT of its own status': (id, project) => [
    'PUT',
    `/v2/images/${id}/members/${project}`,
    { body: { status: 'accepted' } },
  ],
  "PUT of another's status": (id) => ['PUT', `/v2/images/${id}/members/beta`, { body: { status: 'accepted' } }],
  'PUT of no status': (id, project) => ['PUT', `/v2/images/${id}/members/${project}`, { body: { status: 'maybe' } }],
  'POST of a member': (id) => ['POST', `/v2/images/${id}/members`, { body: { member: 'delta' } }],
  'POST of one who is a member': (id) => ['POST', `/v2/images/${id}/members`, { body: { member: 'beta' } }],
  'POST of itself': (id, project) => ['POST', `/v2/images/${id}/members`, { body: { member: project } }],
  'GET of a member': (id) => ['GET', `/v2/images/${id}/members/beta`, {}],
  'GET of itself': (id, project) => ['GET', `/v2/images/${id}/members/${project}`, {}],
  'the list of members': (id) => ['GET', `/v2/images/${id}/members`, {}],
  'DELETE of a member': (id) => ['DELETE', `/v2/images/${id}/members/beta`, {}],
  'DELETE of itself': (id, project) => ['DELETE', `/v2/images/${id}/members/${project}`, {}],
  'the list of members and their ends': (id) => ['GET', `/sharing/v1/images/${id}/members`, {}],
  'PUT of an end': (id) => ['PUT', `/sharing/v1/images/${id}/members/beta/expiry`, { body: { expires_at: null } }],
  'PUT of its own end': (id, project) => [
    'PUT',
    `/sharing/v1/images/${id}/members/${project}/expiry`,
    { body: { expires_at: '2999-01-01T00:00:00Z' } },
  ],
  'DELETE of its membership': (id) => ['DELETE', `/sharing/v1/memberships/${id}`, {}],
  'GET of the image': (id) => ['GET', `/v2/images/${id}`, {}],
  'PATCH of its name': (id) => [
    'PATCH',
    `/v2/images/${id}`,
    { body: [{ op: 'replace', path: '/name', value: 'x' }], headers: v21 },
  ],
  'PATCH of a property it has not': (id) => [
    'PATCH',
    `/v2/images/${id}`,
    { body: [{ op: 'remove', path: '/colour' }], headers: v21 },
  ],
  'DELETE of the image': (id) => ['DELETE', `/v2/images/${id}`, {}],
  'PUT of a tag': (id) => ['PUT', `/v2/images/${id}/tags/new`, {}],
  'DELETE of a tag': (id) => ['DELETE', `/v2/images/${id}/tags/old`, {}],
  'an import': (id) => [
    'POST',
    `/v2/images/${id}/import`,
    { body: { method: { name: 'web-download', uri: 'https://images.example/data' } } },
  ],
  'an import from a refused address': (id) => [
    'POST',
    `/v2/images/${id}/import`,
    { body: { method: { name: 'web-download', uri: 'http://127.0.0.1/' } } },
  ],
  'a download': (id) => ['GET', `/v2/images/${id}/file`, {}],
  'HEAD of its data': (id) => ['HEAD', `/v2/images/${id}/file`, {}],
  'its deactivation': (id) => ['POST', `/v2/images/${id}/actions/deactivate`, {}],
  'its reactivation': (id) => ['POST', `/v2/images/${id}/actions/reactivate`, {}],
  'its history': (id) => ['GET', `/sharing/v1/images/${id}/history`, {}],
  'its history of another project': (id) => ['GET', `/sharing/v1/images/${id}/history?member_id=beta`, {}],
  'its access at a time': (id) => ['GET', `/sharing/v1/images/${id}/history?at=${now()}`, {}],
  'its history after a position': (id) => ['GET', `/sharing/v1/images/${id}/history?marker=${marker}`, {}],
  'a list after it': (id) => ['GET', `/v2/images?marker=${id}`, {}],
  'a list sorted by name after it': (id) => ['GET', `/v2/images?sort=name:asc&marker=${id}`, {}],
  'a list of offers after it': (id) => ['GET', `/sharing/v1/offers?marker=${id}`, {}],
  'a list of offers by time after it': (id) => ['GET', `/sharing/v1/offers?sort=offered_at&marker=${id}`, {}],
  'a list of own images after it': (id) => ['GET', `/sharing/v1/images?marker=${id}`, {}],
};

const now = (): string => timestamp(new Date());
/** Marker of a position in a history, newer than all entries. */
const marker = markerOf({ time: '9999-01-01T00:00:00Z' as Timestamp, sequence: 1, subject: 'none' });

/** The whole answer and the calls that it took, with the image's id and the request's left out. */
async function observed([method, path, options]: Request, as: string, imageId: string) {
  const { result, calls } = await proxy.record(() => service.request(method, path, { ...options, as }));
  const { 'x-openstack-request-id': requestId = '', ...headers } = result.headers;
  const answer = JSON.stringify({ ...result, headers: Object.entries(headers) });
  return {
    status: result.status,
    answer: answer.replaceAll(imageId, '<image>').replaceAll(requestId, '<request>'),
    actions: calls.map(({ action }) => action),
  };
}

/** Ids of images that a caller must not be able to tell from one that was never there. */
interface Hidden {
  readonly hidden: string;
  readonly deleted: string;
}

type Kind = readonly [title: string, caller: string, arrange: () => Promise<Hidden>];

/** The owner's id of an image of alpha's, with whatever else is done to it before. */
const ofAlpha = async (...members: string[]): Promise<string> => {
  const seeded = members.map((project) => ({ project, status: 'accepted' as const }));
  return (await seedImage(table, { owner: 'alpha', tags: ['old'], members: seeded, attributes: active() })).id;
};
const deleted = async (id: string): Promise<string> => {
  await service.request('DELETE', `/v2/images/${id}`, { as: 'root:admin' });
  return id;
};
const withdrawn = async (id: string, project: string): Promise<string> => {
  await service.request('DELETE', `/v2/images/${id}/members/${project}`, { as: 'alpha:member' });
  return id;
};
const madePrivate = async (id: string): Promise<string> => {
  const body = [{ op: 'replace', path: '/visibility', value: 'private' }];
  await service.request('PATCH', `/v2/images/${id}`, { as: 'alpha:member', body, headers: v21 });
  return id;
};

const memberOfPrivate = 'a member of what is private now';

const kinds: readonly Kind[] = [
  [
    'a stranger',
    'gamma:member',
    async () => ({ hidden: await ofAlpha('beta'), deleted: await deleted(await ofAlpha('beta')) }),
  ],
  [
    'a stranger with role reader',
    'gamma:reader',
    async () => ({ hidden: await ofAlpha('beta'), deleted: await deleted(await ofAlpha('beta')) }),
  ],
  [
    'a former member',
    'gamma:member',
    async () => ({
      hidden: await withdrawn(await ofAlpha('beta', 'gamma'), 'gamma'),
      deleted: await deleted(await ofAlpha('beta', 'gamma')),
    }),
  ],
  [
    'a member of another image',
    'gamma:member',
    async () => {
      await ofAlpha('gamma');
      return { hidden: await ofAlpha('beta'), deleted: await deleted(await ofAlpha('beta')) };
    },
  ],
  [
    memberOfPrivate,
    'gamma:member',
    async () => ({
      hidden: await madePrivate(await ofAlpha('beta', 'gamma')),
      deleted: await deleted(await madePrivate(await ofAlpha('beta', 'gamma'))),
    }),
  ],
  [
    'an admin of the system, whose token has no project',
    ':admin',
    async () => ({ hidden: await ofAlpha('beta'), deleted: await deleted(await ofAlpha('beta')) }),
  ],
  [
    'a member without a role',
    'gamma:',
    async () => ({ hidden: await ofAlpha('beta', 'gamma'), deleted: await deleted(await ofAlpha('beta', 'gamma')) }),
  ],
  [
    'the owner without a role',
    'alpha:auditor',
    async () => ({ hidden: await ofAlpha(), deleted: await deleted(await ofAlpha()) }),
  ],
  [
    'the owner of 150 offers, without a role',
    'alpha:auditor',
    async () => {
      const members = Array.from({ length: 150 }, (_, n) => `member-${n}`);
      return { hidden: await ofAlpha(...members), deleted: await deleted(await ofAlpha()) };
    },
  ],
];

describe.each(kinds)('%s', (title, caller, arrange) => {
  let ids: Hidden & { readonly missing: string };
  beforeAll(async () => {
    ids = { ...(await arrange()), missing: randomUUID() };
  });

  // Its membership still exists, and can end by its own act.
  const canLeave = title === memberOfPrivate;
  test.each(Object.entries(operations).filter(([name]) => !(canLeave && name === 'DELETE of its membership')))(
    'cannot tell what is hidden, what was deleted and what never was by %s',
    async (_operation, request) => {
      const [project = ''] = caller.split(':');
      const ask = (id: string) => observed(request(id, project), caller, id);

      const missing = await ask(ids.missing);
      const hidden = await ask(ids.hidden);
      const gone = await ask(ids.deleted);

      expect([400, 403, 404]).toContain(missing.status);
      expect(hidden).toEqual(missing);
      expect(gone).toEqual(missing);
    },
  );
});

describe('a token without a project', () => {
  const stranger = 'gamma:reader';
  const withoutProject = ':admin';

  test.each(Object.entries(operations).filter(([name]) => !name.startsWith('a list')))(
    'is a stranger to every image, whatever its visibility: %s',
    async (_operation, request) => {
      const shared = await ofAlpha('beta');
      const { id: open } = await seedImage(table, { owner: 'alpha', visibility: 'public', tags: ['old'] });
      const ask = (as: string, id: string) => observed(request(id, 'gamma'), as, id);

      const ofStranger = await ask(stranger, shared);

      expect([400, 404]).toContain(ofStranger.status);
      expect(await ask(withoutProject, shared)).toEqual(ofStranger);
      expect(await ask(withoutProject, open)).toEqual(ofStranger);
    },
  );

  test.each<Request>([
    ['GET', '/v2/images', {}],
    ['GET', '/v2/images?visibility=public', {}],
    ['GET', '/sharing/v1/project', {}],
    ['GET', '/sharing/v1/offers', {}],
    ['GET', '/sharing/v1/images', {}],
    ['POST', '/v2/images', { body: { name: 'golden' } }],
    ['POST', '/v2/images', { body: { owner: 'alpha' } }],
    ['GET', '/sharing/v1/standing-answers', {}],
    ['GET', '/sharing/v1/standing-answers/alpha', {}],
    ['PUT', '/sharing/v1/standing-answers/alpha', { body: { status: 'accepted' } }],
    ['DELETE', '/sharing/v1/standing-answers/alpha', {}],
  ])('is refused by %s %s', async (...request) => {
    const { status, answer, actions } = await observed(request, withoutProject, '-');

    expect([status, actions]).toEqual([403, []]);
    expect(answer).toContain('The token has no project; request one that is scoped to a project.');
  });
});

describe('an id for a new image', () => {
  // That an id is taken cannot be kept from who asks for it; what it is taken by is.
  test('is refused in the same way for a hidden and for a deleted image', async () => {
    const hidden = await ofAlpha('beta');
    const gone = await deleted(await ofAlpha('beta'));
    const create = (id: string) => observed(['POST', '/v2/images', { body: { id } }], 'gamma:member', id);

    const answers = [await create(hidden), await create(gone)];

    expect(answers[0]).toMatchObject({ status: 409, actions: ['TransactWriteItems'] });
    expect(answers[1]).toEqual(answers[0]);
  });

  test.each([
    ['gamma:reader', {}],
    ['gamma:member', { owner: 'alpha' }],
    ['gamma:member', { visibility: 'public' }],
  ])('is not even looked up for %s who may not create %j', async (as, attributes) => {
    const hidden = await ofAlpha('beta');
    const missing = randomUUID();
    const create = (id: string) => observed(['POST', '/v2/images', { body: { id, ...attributes } }], as, id);

    const answers = [await create(missing), await create(hidden)];

    expect(answers[0]).toMatchObject({ status: 403, actions: [] });
    expect(answers[1]).toEqual(answers[0]);
  });
});

test('an answer repeats no more of a request than ids', async () => {
  const id = randomUUID();

  const { answer } = await observed(
    ['PUT', `/v2/images/${id}/members/beta`, { body: { status: 'secret-value', note: 'secret-value' } }],
    'beta:member',
    id,
  );

  expect(answer).not.toContain('secret-value');
});
