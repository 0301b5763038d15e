import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { MemberStatus } from '../../lambda/domain/membership.ts';
import type { Image, Visibility } from '../../lambda/domain/image.ts';
import { imageTag } from '../../lambda/http/views/image-view.ts';
import { active, importing } from '../lambda/domain/an-image.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import {
  depthOf,
  releaseTogether,
  roundsOf,
  startEngineProxy,
  unitsOf,
  type EngineCall,
  type EngineProxy,
} from '../support/engine-proxy.ts';
import { seedImage, seedImages, type Seed, type SeededMember } from '../support/seed.ts';
import { startService, type RequestOptions, type Service } from '../support/service.ts';
import { itemsOfImage } from '../support/stored-items.ts';

let table: TestTable;
let proxy: EngineProxy;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  proxy.intercept(releaseTogether());
  service = await startService(proxy.endpoint, table.tableName);
});
afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

type Request = readonly [method: string, path: string, options: RequestOptions];

/** What a request was answered with, and what it cost: the calls of one round trip joined by ` + `, the rounds by `, `. */
async function costOf([method, path, options]: Request) {
  const { result, calls } = await proxy.record(() => service.request(method, path, options));
  return {
    status: result.status,
    error: result.body?.error as string | undefined,
    body: result.body,
    cost: written(calls),
    calls,
  };
}

const written = (calls: readonly EngineCall[]): string =>
  roundsOf(calls)
    .map((round) =>
      round
        .map(({ action }) => action)
        .sort()
        .join(' + '),
    )
    .join(', ');

const rename = [{ op: 'replace', path: '/name', value: 'new' }];
const v21 = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
const accepted = { status: 'accepted' };
const members = (count: number): SeededMember[] =>
  Array.from({ length: count }, (_, n) => ({ project: `member-${n}`, status: 'pending' }));
const beta: SeededMember = { project: 'beta', status: 'pending' };
const gammaToo: readonly SeededMember[] = [beta, { project: 'gamma', status: 'accepted' }];

/** An image of alpha's. */
const anImage = (seed: Partial<Seed> = {}) => seedImage(table, { owner: 'alpha', ...seed });
const imagePath = async (seed?: Partial<Seed>) => `/v2/images/${(await anImage(seed)).id}`;
/** The path of the sharing API for a path of the Image API. */
const sharingPath = (path: string) => path.replace('/v2/', '/sharing/v1/');
const membersPath = async (seed?: Partial<Seed>) => `${await imagePath(seed)}/members`;
/** The path of an image and the header that expects its state. */
const expectedImage = async (seed?: Partial<Seed>) => {
  const image = await anImage(seed);
  return { path: `/v2/images/${image.id}`, ifMatch: { 'if-match': imageTag(image) } };
};
/** The image and the path of a pending member, and the header that expects its state. */
async function expectedMember() {
  const { id } = await anImage({ members: [beta] });
  const path = `/v2/images/${id}/members/beta`;
  const { headers } = await service.request('GET', path, { as: 'alpha:reader' });
  return { id, path, ifMatch: { 'if-match': headers['etag'] ?? '' } };
}
const nowhere = () => `/v2/images/${randomUUID()}`;

const formats = { diskFormat: 'raw', containerFormat: 'bare' };
const source = { method: { name: 'web-download', uri: 'https://images.example/data' } };

type Success = readonly [
  title: string,
  request: () => Promise<Request>,
  status: number,
  cost: string,
  ...units: number[],
];

const successes: readonly Success[] = [
  [
    'PUT of another status by the member',
    async () => ['PUT', `${await membersPath({ members: [beta] })}/beta`, { as: 'beta:member', body: accepted }],
    200,
    'UpdateItem',
    3,
  ],
  [
    'PUT of another status by an admin',
    async () => ['PUT', `${await membersPath({ members: [beta] })}/beta`, { as: 'root:admin', body: accepted }],
    200,
    'UpdateItem',
    3,
  ],
  [
    'PUT of the same status',
    async () => [
      'PUT',
      `${await membersPath({ members: [beta] })}/beta`,
      { as: 'beta:member', body: { status: 'pending' } },
    ],
    200,
    'UpdateItem',
  ],
  ...(['accepted', 'pending'] as const).map((status): Success => [
    `PUT of the status ${status} of the expected member`,
    async () => {
      const { path, ifMatch } = await expectedMember();
      return ['PUT', path, { as: 'beta:member', body: { status }, headers: ifMatch }];
    },
    200,
    'UpdateItem',
    ...(status === 'accepted' ? [3] : []),
  ]),
  [
    'DELETE of the expected member',
    async () => {
      const { path, ifMatch } = await expectedMember();
      return ['DELETE', path, { as: 'alpha:member', headers: ifMatch }];
    },
    204,
    'TransactWriteItems',
    8,
  ],
  [
    'PUT of the end of the expected member',
    async () => {
      const { path, ifMatch } = await expectedMember();
      const body = { expires_at: '2099-01-01T00:00:00Z' };
      return ['PUT', `${sharingPath(path)}/expiry`, { as: 'alpha:member', body, headers: ifMatch }];
    },
    200,
    'BatchGetItem, TransactWriteItems',
  ],
  [
    'leaving the expected membership',
    async () => {
      const { id, ifMatch } = await expectedMember();
      return ['DELETE', `/sharing/v1/memberships/${id}`, { as: 'beta:member', headers: ifMatch }];
    },
    204,
    'TransactWriteItems',
  ],
  [
    'GET of a member that the client has',
    async () => {
      const { path, ifMatch } = await expectedMember();
      return ['GET', path, { as: 'beta:reader', headers: { 'if-none-match': ifMatch['if-match'] } }];
    },
    304,
    'BatchGetItem',
  ],
  [
    'POST of a member',
    async () => ['POST', await membersPath(), { as: 'alpha:member', body: { member: 'beta' } }],
    200,
    'BatchGetItem, TransactWriteItems',
    12, // 4 of them read: image, both projects' items, and the standing answers
  ],
  [
    'GET of a member by the owner',
    async () => ['GET', `${await membersPath({ members: [beta] })}/beta`, { as: 'alpha:reader' }],
    200,
    'BatchGetItem',
  ],
  [
    'GET of a member by itself',
    async () => ['GET', `${await membersPath({ members: [beta] })}/beta`, { as: 'beta:reader' }],
    200,
    'BatchGetItem',
  ],
  ['GET of an image by its owner', async () => ['GET', await imagePath(), { as: 'alpha:reader' }], 200, 'BatchGetItem'],
  [
    'GET of an image by a member',
    async () => ['GET', await imagePath({ members: [beta] }), { as: 'beta:reader' }],
    200,
    'BatchGetItem',
  ],
  [
    'GET of a public image by a stranger',
    async () => ['GET', await imagePath({ visibility: 'public' }), { as: 'gamma:reader' }],
    200,
    'BatchGetItem',
  ],
  [
    'DELETE of a member',
    async () => ['DELETE', `${await membersPath({ members: [beta] })}/beta`, { as: 'alpha:member' }],
    204,
    'TransactWriteItems',
    8,
  ],
  [
    'DELETE of a member by an admin',
    async () => ['DELETE', `${await membersPath({ members: [beta] })}/beta`, { as: 'root:admin' }],
    204,
    'TransactWriteItems',
  ],
  ['the list of no members', async () => ['GET', await membersPath(), { as: 'alpha:reader' }], 200, 'Query'],
  [
    'the list of 1 member',
    async () => ['GET', await membersPath({ members: members(1) }), { as: 'alpha:reader' }],
    200,
    'Query, BatchGetItem',
  ],
  [
    'the list of 128 members',
    async () => ['GET', await membersPath({ members: members(128) }), { as: 'alpha:reader' }],
    200,
    'Query, BatchGetItem + BatchGetItem',
  ],
  [
    'the list of 128 members, seen by one of them',
    async () => ['GET', await membersPath({ members: members(128) }), { as: 'member-7:reader' }],
    200,
    'Query, BatchGetItem',
  ],
  [
    'the list of no members with their ends',
    async () => ['GET', sharingPath(await membersPath()), { as: 'alpha:reader' }],
    200,
    'Query',
    1,
  ],
  [
    'the list of 128 members with their ends',
    async () => ['GET', sharingPath(await membersPath({ members: members(128) })), { as: 'alpha:reader' }],
    200,
    'Query, BatchGetItem + BatchGetItem',
    133,
  ],
  [
    'the list of 128 members with their ends, seen by one of them',
    async () => ['GET', sharingPath(await membersPath({ members: members(128) })), { as: 'member-7:reader' }],
    200,
    'Query, BatchGetItem',
    6,
  ],
  [
    'the list of 350 members, of an image without a quota',
    async () => ['GET', await membersPath({ members: members(350) }), { as: 'root:admin' }],
    200,
    'Query, BatchGetItem + BatchGetItem + BatchGetItem + BatchGetItem',
  ],
  [
    'POST of an image',
    () => Promise.resolve(['POST', '/v2/images', { as: 'alpha:member', body: {} }]),
    201,
    'TransactWriteItems',
    6,
  ],
  [
    'POST of a public image with an id of its own',
    () =>
      Promise.resolve(['POST', '/v2/images', { as: 'root:admin', body: { id: randomUUID(), visibility: 'public' } }]),
    201,
    'TransactWriteItems',
  ],
  [
    'PATCH of an image that stays as visible as it was, with members',
    async () => ['PATCH', await imagePath({ members: gammaToo }), { as: 'alpha:member', body: rename, headers: v21 }],
    200,
    'BatchGetItem, UpdateItem',
  ],
  [
    'import',
    async () => ['POST', `${await imagePath({ attributes: formats })}/import`, { as: 'alpha:member', body: source }],
    202,
    'BatchGetItem, UpdateItem',
  ],
  [
    'download by a member',
    async () => ['GET', `${await imagePath({ attributes: active(), members: [beta] })}/file`, { as: 'beta:member' }],
    302,
    'BatchGetItem',
  ],
  [
    'HEAD of the data by the owner',
    async () => ['HEAD', `${await imagePath({ attributes: active() })}/file`, { as: 'alpha:member' }],
    302,
    'BatchGetItem',
  ],
  [
    'download of no data',
    async () => ['GET', `${await imagePath()}/file`, { as: 'alpha:member' }],
    204,
    'BatchGetItem',
  ],
  [
    'deactivation',
    async () => ['POST', `${await imagePath({ attributes: active() })}/actions/deactivate`, { as: 'alpha:member' }],
    204,
    'BatchGetItem, UpdateItem',
  ],
  [
    'reactivation of an active image',
    async () => ['POST', `${await imagePath({ attributes: active() })}/actions/reactivate`, { as: 'alpha:member' }],
    204,
    'BatchGetItem',
  ],
  [
    'PATCH of an image to what it is',
    async () => ['PATCH', await imagePath(), { as: 'alpha:member', body: [], headers: v21 }],
    200,
    'BatchGetItem',
  ],
  [
    'PATCH of the expected image while its data is imported, with members',
    async () => {
      const { path, ifMatch } = await expectedImage({ members: gammaToo, attributes: importing() });
      return ['PATCH', path, { as: 'alpha:member', body: rename, headers: { ...v21, ...ifMatch } }];
    },
    200,
    'BatchGetItem, UpdateItem',
  ],
  [
    'PUT of a tag of the expected image',
    async () => {
      const { path, ifMatch } = await expectedImage();
      return ['PUT', `${path}/tags/new`, { as: 'alpha:member', headers: ifMatch }];
    },
    204,
    'BatchGetItem, UpdateItem',
  ],
  [
    'DELETE of the expected image without members',
    async () => {
      const { path, ifMatch } = await expectedImage();
      return ['DELETE', path, { as: 'alpha:member', headers: ifMatch }];
    },
    204,
    'BatchGetItem, TransactWriteItems',
  ],
  [
    'GET of an image that the client has',
    async () => {
      const { path, ifMatch } = await expectedImage();
      return ['GET', path, { as: 'alpha:reader', headers: { 'if-none-match': ifMatch['if-match'] } }];
    },
    304,
    'BatchGetItem',
  ],
  [
    'PUT of a tag',
    async () => ['PUT', `${await imagePath()}/tags/new`, { as: 'alpha:member' }],
    204,
    'BatchGetItem, UpdateItem',
  ],
  [
    'DELETE of a tag',
    async () => ['DELETE', `${await imagePath({ tags: ['old'] })}/tags/old`, { as: 'alpha:member' }],
    204,
    'BatchGetItem, UpdateItem',
  ],
  [
    'DELETE of an image without members',
    async () => ['DELETE', await imagePath(), { as: 'alpha:member' }],
    204,
    'BatchGetItem, TransactWriteItems',
  ],
  [
    'DELETE of a public image',
    async () => ['DELETE', await imagePath({ visibility: 'public' }), { as: 'root:admin' }],
    204,
    'BatchGetItem, TransactWriteItems',
  ],
];

describe('what succeeds', () => {
  test.each(successes)('%s', async (_title, request, status, cost, ...units) => {
    const given = await request();

    const answer = await costOf(given);

    expect([answer.status, answer.cost]).toEqual([status, cost]);
    for (const each of units) expect(unitsOf(answer.calls)).toBe(each);
  });
});

type Refusal = readonly [
  title: string,
  request: (path: string) => Request,
  image: Partial<Seed>,
  status: number,
  error: string,
  mostRoundTrips: number,
];

const put = (as: string, member = 'beta', body: unknown = accepted) => {
  return (path: string): Request => ['PUT', `${path}/members/${member}`, { as, body }];
};
const post = (as: string, member = 'delta') => {
  return (path: string): Request => ['POST', `${path}/members`, { as, body: { member } }];
};
const importData = (as: string) => {
  return (path: string): Request => ['POST', `${path}/import`, { as, body: source }];
};
const remove = (as: string, member = 'beta') => {
  return (path: string): Request => ['DELETE', `${path}/members/${member}`, { as }];
};
const other = { 'if-match': '"other"' };
const offered = { members: [beta] };

const refusals: readonly Refusal[] = [
  ['PUT for another member', put('gamma:member'), { members: gammaToo }, 404, 'member-not-found', 2],
  ['PUT by the owner', put('alpha:member'), offered, 403, 'not-permitted', 2],
  [
    'PUT by the owner, a member of its own image',
    put('alpha:member', 'alpha'),
    { members: [{ project: 'alpha', status: 'pending' }] },
    403,
    'not-permitted',
    2,
  ],
  ['PUT by a reader', put('beta:reader'), offered, 403, 'not-permitted', 2],
  ['PUT for no member, by an admin', put('root:admin', 'delta'), offered, 404, 'member-not-found', 2],
  [
    'PUT to a private image, by an admin',
    put('root:admin'),
    { ...offered, visibility: 'private' },
    403,
    'image-not-shared',
    2,
  ],
  [
    'PUT to a private image, by the member',
    put('beta:member'),
    { ...offered, visibility: 'private' },
    404,
    'image-not-found',
    2,
  ],
  ['PUT to a public image', put('beta:member'), { ...offered, visibility: 'public' }, 403, 'image-not-shared', 2],
  ['PUT of no status', put('beta:member', 'beta', { status: 'maybe' }), offered, 400, 'invalid-member-status', 2],
  ...(['accepted', 'pending'] as const).map((status): Refusal => [
    `PUT of the status ${status} in another state`,
    (path) => ['PUT', `${path}/members/beta`, { as: 'beta:member', body: { status }, headers: other }],
    offered,
    412,
    'precondition-failed',
    2,
  ]),
  [
    'DELETE of a member in another state',
    (path) => ['DELETE', `${path}/members/beta`, { as: 'alpha:member', headers: other }],
    offered,
    412,
    'precondition-failed',
    2,
  ],
  ['PUT by a stranger', put('gamma:member', 'gamma'), offered, 404, 'image-not-found', 2],
  [
    'PATCH of another state',
    (path) => ['PATCH', path, { as: 'alpha:member', body: rename, headers: { ...v21, ...other } }],
    offered,
    412,
    'precondition-failed',
    1,
  ],
  [
    'DELETE of another state',
    (path) => ['DELETE', path, { as: 'alpha:member', headers: other }],
    offered,
    412,
    'precondition-failed',
    1,
  ],
  ['import by a stranger', importData('gamma:member'), { attributes: formats }, 404, 'image-not-found', 1],
  ['import by a member', importData('beta:member'), { ...offered, attributes: formats }, 403, 'not-permitted', 1],
  ['import without formats', importData('alpha:member'), {}, 409, 'image-formats-missing', 1],
  ['import into an active image', importData('alpha:member'), { attributes: active() }, 409, 'image-not-queued', 1],
  ['POST by a stranger', post('gamma:member'), offered, 404, 'image-not-found', 3],
  ['POST by a member', post('beta:member'), offered, 403, 'not-permitted', 3],
  ['POST by a reader', post('alpha:reader'), offered, 403, 'not-permitted', 3],
  ['POST of a member again', post('alpha:member', 'beta'), offered, 409, 'member-exists', 3],
  ['POST of the 129th member', post('alpha:member'), { members: members(128) }, 413, 'member-quota-exceeded', 3],
  ['POST to a private image', post('alpha:member'), { visibility: 'private' }, 403, 'image-not-shared', 3],
  ['DELETE by a stranger', remove('gamma:member'), offered, 404, 'image-not-found', 2],
  ['DELETE by the member', remove('beta:member'), offered, 403, 'not-permitted', 2],
  ['DELETE by a reader', remove('alpha:reader'), offered, 403, 'not-permitted', 2],
  ['DELETE of no member', remove('alpha:member', 'delta'), offered, 404, 'member-not-found', 2],
  [
    'DELETE from a private image',
    remove('alpha:member'),
    { ...offered, visibility: 'private' },
    403,
    'image-not-shared',
    2,
  ],
];

describe('what is refused', () => {
  test.each(refusals)('%s', async (_title, request, image, status, error, mostRoundTrips) => {
    const path = await imagePath(image);

    const answer = await costOf(request(path));

    expect([answer.status, answer.error]).toEqual([status, error]);
    expect(answer.calls.length).toBeGreaterThan(0);
    expect(answer.calls.length).toBeLessThanOrEqual(mostRoundTrips);
  });

  test('a POST that another one beat to the last place costs a third round trip, to say why', async () => {
    const path = await imagePath({ members: members(127) });
    proxy.intercept(async ({ action }) => {
      if (action === 'TransactWriteItems') {
        proxy.intercept(undefined);
        await service.request('POST', `${path}/members`, { as: 'alpha:member', body: { member: 'faster' } });
      }
      return undefined;
    });

    const { result, calls } = await proxy.record(() => service.request(...post('alpha:member')(path)));

    proxy.intercept(releaseTogether());
    const own = calls.filter(({ request }) => !JSON.stringify(request).includes('faster'));
    expect(result.status).toBe(413);
    // The last two are in parallel: the second one searches for a member whose end has passed.
    const actions = own.map(({ action }) => action);
    expect([...actions.slice(0, 2), ...actions.slice(2).toSorted()]).toEqual([
      ...['BatchGetItem', 'TransactWriteItems'],
      ...['BatchGetItem', 'Query'],
    ]);
  });

  test.each<[string, (path: string) => Request]>([
    ['PUT', put('gamma:member', 'gamma')],
    ['PUT for another', put('gamma:member')],
    ['POST', post('gamma:member')],
    ['DELETE of a member', remove('gamma:member')],
    ['GET of a member', (path) => ['GET', `${path}/members/beta`, { as: 'gamma:member' }]],
    ['the list of members', (path) => ['GET', `${path}/members`, { as: 'gamma:member' }]],
    ['the list of members with their ends', (path) => ['GET', `${sharingPath(path)}/members`, { as: 'gamma:member' }]],
    ['GET of an image', (path) => ['GET', path, { as: 'gamma:member' }]],
    ['DELETE of an image', (path) => ['DELETE', path, { as: 'gamma:member' }]],
    ['PATCH', (path) => ['PATCH', path, { as: 'gamma:member', body: [], headers: v21 }]],
    ['import', importData('gamma:member')],
    ['download', (path) => ['GET', `${path}/file`, { as: 'gamma:member' }]],
    ['deactivation', (path) => ['POST', `${path}/actions/deactivate`, { as: 'gamma:member' }]],
    [
      'PUT of an end',
      (path) => ['PUT', `${sharingPath(path)}/members/beta/expiry`, { as: 'gamma:member', body: { expires_at: null } }],
    ],
    [
      'DELETE of a membership',
      (path) => ['DELETE', path.replace('/v2/images', '/sharing/v1/memberships'), { as: 'gamma:member' }],
    ],
  ])('%s costs a stranger the same for what is hidden and what is not there', async (_title, request) => {
    const hidden = await costOf(request(await imagePath(offered)));
    const missing = await costOf(request(nowhere()));

    expect(hidden.status).toBe(404);
    expect(hidden.cost).toBe(missing.cost);
    expect(hidden.calls.length).toBeLessThanOrEqual(2);
  });

  test.each<[string, (path: string) => Request]>([
    ['PUT', put('gamma:member', 'gamma')],
    ['DELETE of a member', remove('gamma:member')],
    ['DELETE of an image', (path) => ['DELETE', path, { as: 'gamma:member' }]],
    ['PATCH', (path) => ['PATCH', path, { as: 'gamma:member', body: [], headers: v21 }]],
    [
      'PUT of an end',
      (path) => ['PUT', `${sharingPath(path)}/members/beta/expiry`, { as: 'gamma:member', body: { expires_at: null } }],
    ],
    ['leaving', (path) => ['DELETE', path.replace('/v2/images', '/sharing/v1/memberships'), { as: 'gamma:member' }]],
  ])('%s of a hidden image costs the same with a precondition', async (_title, request) => {
    const [method, path, options] = request(await imagePath(offered));
    const conditional: Request = [method, path, { ...options, headers: { ...options.headers, ...other } }];

    const costs = [await costOf([method, path, options]), await costOf(conditional)];

    const [without, withIt] = costs.map(({ status, error, cost }) => ({ status, error, cost }));
    expect(withIt).toEqual(without);
    expect(without!.status).toBe(404);
  });

  const impossible = ['not-a-uuid', randomUUID().toUpperCase(), 'x'.repeat(2000)].map((id) => `/v2/images/${id}`);
  const operations: readonly ((path: string) => Request)[] = [
    put('root:admin'),
    post('root:admin'),
    remove('root:admin'),
    (path) => ['GET', `${path}/members`, { as: 'root:admin' }],
    (path) => ['GET', `${sharingPath(path)}/members`, { as: 'root:admin' }],
    (path) => ['GET', `${path}/members/beta`, { as: 'root:admin' }],
    (path) => ['GET', path, { as: 'root:admin' }],
    (path) => ['PATCH', path, { as: 'root:admin', body: [], headers: v21 }],
    (path) => ['DELETE', path, { as: 'root:admin' }],
    (path) => ['PUT', `${path}/tags/new`, { as: 'root:admin' }],
    importData('root:admin'),
    (path) => ['GET', `${path}/file`, { as: 'root:admin' }],
    (path) => ['POST', `${path}/actions/reactivate`, { as: 'root:admin' }],
    (path) => ['DELETE', `${path}/tags/old`, { as: 'root:admin' }],
  ];
  test.each(
    operations.map((request): [string, (path: string) => Request] => [`${request('')[0]} ${request('')[1]}`, request]),
  )('%s costs nothing for an image id that is not a UUID', async (_title, request) => {
    const answers = await Promise.all(impossible.map((path) => costOf(request(path))));

    expect(answers.map(({ status, calls }) => [status, calls.length])).toEqual(impossible.map(() => [404, 0]));
  });

  test.each([
    put,
    remove,
    (as: string, member: string) =>
      (path: string): Request => ['GET', `${path}/members/${member}`, { as }],
  ])('a member id that cannot exist costs nothing', async (operation) => {
    const path = await imagePath(offered);

    const answers = [];
    for (const member of ['x'.repeat(256), '%01', '🀄'.repeat(251), '..'.replaceAll('.', '%2E')]) {
      answers.push(await costOf(operation('alpha:admin', member)(path)));
    }

    expect(answers.map(({ status, calls }) => [status, calls.length])).toEqual(answers.map(() => [404, 0]));
  });
});

describe('memberships with an end, leaving and standing answers', () => {
  const end = '2999-01-01T00:00:00Z';
  // Only of a project without a list in these tests: a page that leaves such memberships out can need one more round.
  const past = '2026-06-01T00:00:00Z';
  const until = (project: string, expiresAt: string): SeededMember => ({ project, status: 'accepted', expiresAt });
  const expiry = async (members: readonly SeededMember[]) =>
    `/sharing/v1/images/${(await anImage({ members })).id}/members/beta/expiry`;
  const standing = '/sharing/v1/standing-answers';
  const decide = async (as: string, owner: string): Promise<void> => {
    const { status } = await service.request('PUT', `${standing}/${owner}`, { as, body: accepted });
    expect(status).toBe(200);
  };
  const read = 'BatchGetItem';
  const write = 'TransactWriteItems';

  test.each<Success>([
    [
      'PUT of another status of a membership with an end',
      async () => [
        'PUT',
        `${await membersPath({ members: [until('beta', end)] })}/beta`,
        { as: 'beta:member', body: { status: 'rejected' } },
      ],
      200,
      'UpdateItem',
      3,
    ],
    [
      'DELETE of a membership by its member',
      async () => [
        'DELETE',
        `/sharing/v1/memberships/${(await anImage({ members: [beta] })).id}`,
        { as: 'beta:member' },
      ],
      204,
      write,
      8,
    ],
    [
      'DELETE of a membership with an end',
      async () => [
        'DELETE',
        `/sharing/v1/memberships/${(await anImage({ members: [until('beta', end)] })).id}`,
        { as: 'beta:member' },
      ],
      204,
      write,
      9, // one more for its entry in the index of ends
    ],
    [
      'PUT of the first end',
      async () => ['PUT', await expiry([beta]), { as: 'alpha:member', body: { expires_at: end } }],
      200,
      `${read}, ${write}`,
      12, // 3 of them read
    ],
    [
      'PUT of another end',
      async () => [
        'PUT',
        await expiry([until('beta', '2998-01-01T00:00:00Z')]),
        { as: 'alpha:member', body: { expires_at: end } },
      ],
      200,
      `${read}, ${write}`,
      13, // 3 of them read
    ],
    [
      'PUT of the same end',
      async () => ['PUT', await expiry([until('beta', end)]), { as: 'alpha:member', body: { expires_at: end } }],
      200,
      read,
      3,
    ],
    [
      'POST of a member with a standing answer',
      async () => {
        await decide('decided:member', 'alpha');
        return ['POST', await membersPath(), { as: 'alpha:member', body: { member: 'decided' } }];
      },
      200,
      `${read}, ${write}`,
      14, // 4 of them read, 2 check the standing answer
    ],
    [
      'POST of a member whose membership has passed its end',
      async () => [
        'POST',
        await membersPath({ members: [until('ended', past)] }),
        { as: 'alpha:member', body: { member: 'ended' } },
      ],
      200,
      `${read}, ${read}, ${write}, ${write}`,
    ],
    [
      'POST of a member at the quota, in the place of a membership that has passed its end',
      async () => [
        'POST',
        await membersPath({ members: [...members(127), until('ended', past)] }),
        { as: 'alpha:member', body: { member: 'delta' } },
      ],
      200,
      `${read}, Query, ${read}, ${write}, ${write}`,
    ],
    [
      'PUT of the first standing answer',
      () => Promise.resolve(['PUT', `${standing}/alpha`, { as: 'first:member', body: accepted }]),
      200,
      `${read}, ${write}`,
      3, // 1 of them read
    ],
    [
      'PUT of the same standing answer',
      async () => {
        await decide('same:member', 'alpha');
        return ['PUT', `${standing}/alpha`, { as: 'same:member', body: accepted }];
      },
      200,
      read,
      1,
    ],
    [
      'DELETE of a standing answer',
      async () => {
        await decide('undecided:member', 'alpha');
        return ['DELETE', `${standing}/alpha`, { as: 'undecided:member' }];
      },
      204,
      `${read}, ${write}`,
    ],
    ['the list of standing answers', () => Promise.resolve(['GET', standing, { as: 'beta:reader' }]), 200, read, 1],
    [
      'GET of a standing answer',
      async () => {
        await decide('shown:member', 'alpha');
        return ['GET', `${standing}/alpha`, { as: 'shown:reader' }];
      },
      200,
      read,
      1,
    ],
  ])('%s', async (_title, request, status, cost, ...units) => {
    const given = await request();

    const answer = await costOf(given);

    expect([answer.status, answer.cost]).toEqual([status, cost]);
    for (const each of units) expect(unitsOf(answer.calls)).toBe(each);
  });

  type SharingRequest = (id: string) => Request;
  const change =
    (as: string, member = 'beta'): SharingRequest =>
    (id) => ['PUT', `/sharing/v1/images/${id}/members/${member}/expiry`, { as, body: { expires_at: end } }];
  const leave =
    (as: string): SharingRequest =>
    (id) => ['DELETE', `/sharing/v1/memberships/${id}`, { as }];

  test.each<[string, SharingRequest, Partial<Seed>, number, string, string]>([
    ['PUT of an end by a stranger', change('gamma:member'), offered, 404, 'image-not-found', read],
    ['PUT of an end by the member', change('beta:member'), offered, 403, 'not-permitted', read],
    ['PUT of an end for no member', change('alpha:member', 'delta'), offered, 404, 'member-not-found', read],
    [
      'DELETE of a membership by a stranger',
      leave('gamma:member'),
      offered,
      404,
      'image-not-found',
      `${write}, ${read}`,
    ],
    ['DELETE of a membership by a reader', leave('beta:reader'), offered, 403, 'not-permitted', read],
    [
      'DELETE of a membership after its end',
      leave('ended:member'),
      { members: [until('ended', past)] },
      404,
      'image-not-found',
      `${write}, ${read}`,
    ],
  ])('the refused %s', async (_title, request, seed, status, error, cost) => {
    const { id } = await anImage(seed);

    const answer = await costOf(request(id));

    expect([answer.status, answer.error, answer.cost]).toEqual([status, error, cost]);
  });

  test('the largest membership with ids of 32 characters is below 1 KB, and its answer costs 3 units', async () => {
    const [owner, member, user] = ['a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)] as const;
    const asUser = (project: string): RequestOptions => ({
      headers: { 'x-auth-token': `dev:${user}:${project}:member` },
    });
    const { id } = await seedImage(table, { owner, hidden: true });
    await service.request('PUT', `${standing}/${owner}`, { ...asUser(member), body: accepted });
    const offers = [{ image_id: id, member_id: member, expires_at: end }];
    await service.request('POST', '/sharing/v1/offers', { ...asUser(owner), body: { offers } });

    const { result, calls } = await proxy.record(() =>
      service.request('PUT', `/v2/images/${id}/members/${member}`, { ...asUser(member), body: { status: 'rejected' } }),
    );

    const stored = (await itemsOfImage(table, id, [member])).find(({ sk }) => sk === `SHARED#${id}`)!;
    expect([result.status, unitsOf(calls)]).toEqual([200, 3]);
    expect(stored).toMatchObject({
      standing_answer: true,
      ends_at: Date.parse(end) / 1000,
      write_id: expect.any(String),
    });
    expect(sizeOf(stored)).toBeLessThan(1024);
  });
});

/** Returns the size of a value in bytes by the rules of DynamoDB ("Item sizes"), rounded up. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1;
  if (typeof value !== 'object' || value === null) return 1;
  // 3 bytes for a map and 1 byte for each of its entries.
  return Object.entries(value).reduce((sum, [name, each]) => sum + Buffer.byteLength(name) + sizeOf(each) + 1, 3);
}

describe('the list of images', () => {
  const visibilities: readonly (Visibility | 'all' | undefined)[] = [
    undefined,
    'private',
    'shared',
    'community',
    'public',
    'all',
  ];
  const statuses: readonly (MemberStatus | 'all' | undefined)[] = [undefined, 'pending', 'accepted', 'rejected', 'all'];
  const callers = ['alpha:member', 'beta:member', 'gamma:reader', 'root:admin'];
  let marker: string;

  /** Every kind of image, shown and hidden, so that no list of alpha's or beta's is empty. */
  beforeAll(async () => {
    for (const hidden of [false, true]) {
      for (const visibility of ['private', 'community', 'public'] as const) {
        await seedImages(table, { owner: 'alpha', count: 2, visibility, hidden });
      }
      for (const status of ['pending', 'accepted', 'rejected'] as const) {
        await seedImages(table, { owner: 'alpha', count: 2, hidden, members: [{ project: 'beta', status }] });
      }
    }
    // Newer than all that is seeded.
    marker = (await service.request('POST', '/v2/images', { as: 'root:admin', body: { visibility: 'public' } })).body
      .id;
  });

  type Page = readonly [caller: string, query: string, queries: number];
  const pages: readonly Page[] = [
    ['alpha:member', '', 3], // what it owns, what it accepted, what is public
    ['alpha:member', 'visibility=private', 1],
    ['alpha:member', 'visibility=shared', 2],
    ['alpha:member', 'visibility=community', 1],
    ['alpha:member', 'visibility=public', 1],
    ['alpha:member', 'visibility=all', 4],
    ['alpha:member', 'owner=beta', 2],
    ['alpha:member', 'os_hidden=true', 3],
    ['beta:member', '', 3],
    ['beta:member', 'member_status=pending', 3],
    ['beta:member', 'member_status=all', 3], // the memberships of every status are one range
    ['beta:member', 'member_status=all&visibility=all', 4],
    ['beta:member', 'member_status=all&visibility=all&os_hidden=true&owner=alpha', 3],
    ['gamma:reader', 'visibility=community', 1],
    ['root:admin', '', 4], // private, shared and public of all projects, and its own for the community
    ['root:admin', 'visibility=all', 4],
    ['root:admin', 'owner=alpha', 1],
  ];

  test.each(pages)('%s asks for "%s": one Query for each index or partition, %i side by side', async (as, query, n) => {
    const answer = await costOf(['GET', `/v2/images?${query}`, { as }]);
    const next = await costOf(['GET', `/v2/images?${query}&marker=${marker}`, { as }]);

    const queries = Array.from({ length: n }, () => 'Query').join(' + ');
    expect([answer.status, answer.cost.replace(/, BatchGetItem$/, '')]).toEqual([200, queries]);
    expect([next.status, next.cost.replace(/(Query), BatchGetItem$/, '$1')]).toEqual([200, `BatchGetItem, ${queries}`]);
  });

  const sweep = callers.flatMap((as) =>
    visibilities.map((visibility): [string, typeof visibility] => [as, visibility]),
  );
  test.each(sweep)(
    '%s, visibility %s: 2 round trips with any member_status, owner and os_hidden, 3 with a marker',
    async (as, visibility) => {
      // Of the member_status nothing depends but for one who is a member of images.
      const asked = as.startsWith('beta') ? statuses : ([undefined, 'all'] as const);
      const queries = asked.flatMap((member_status) =>
        [undefined, 'alpha'].flatMap((owner) =>
          [undefined, 'true'].map((os_hidden) =>
            new URLSearchParams(
              Object.entries({ visibility, member_status, owner, os_hidden }).flatMap(([name, value]) =>
                value === undefined ? [] : [[name, value] as [string, string]],
              ),
            ).toString(),
          ),
        ),
      );
      const withMarker = queries
        .filter((query) => !/member_status|os_hidden/.test(query))
        .map((query) => `${query}&marker=${marker}`);

      const depths: [string, number, number][] = [];
      for (const query of [...queries, ...withMarker]) {
        const { status, calls } = await costOf(['GET', `/v2/images?${query}`, { as }]);
        depths.push([query, status, depthOf(calls)]);
      }

      expect(depths.filter(([, status]) => status !== 200)).toEqual([]);
      expect(depths.filter(([query, , depth]) => depth > (query.includes('marker') ? 3 : 2))).toEqual([]);
    },
  );

  describe('a page of more than 25', () => {
    beforeAll(async () => {
      await seedImages(table, { owner: 'collector', count: 1001 });
    });

    test.each([
      [100, 'BatchGetItem'],
      [101, 'BatchGetItem, BatchGetItem'],
      [250, 'BatchGetItem, BatchGetItem + BatchGetItem'],
      [1000, ['BatchGetItem', ...Array<string>(4).fill('BatchGetItem + BatchGetItem'), 'BatchGetItem'].join(', ')],
    ])('of %i reads 100 records in the first round trip and 200 in each other: %s', async (limit, reads) => {
      const answer = await costOf(['GET', `/v2/images?limit=${limit}`, { as: 'collector:member' }]);

      expect([answer.status, answer.cost]).toEqual([200, `Query + Query + Query, ${reads}`]);
    });
  });

  test('limit=0 and a list that can hold nothing cost nothing', async () => {
    const none = await costOf(['GET', '/v2/images?limit=0', { as: 'alpha:member' }]);

    expect([none.status, none.cost]).toEqual([200, '']);
  });

  describe('whatever the number of images behind the page', () => {
    beforeAll(async () => {
      for (const [name, count] of [
        ['few', 60],
        ['many', 1000],
      ] as const) {
        const taken: readonly SeededMember[] = [
          { project: `${name}-accepted`, status: 'accepted' },
          { project: `${name}-pending`, status: 'pending' },
        ];
        await seedImages(table, { owner: `${name}-owner`, count, members: taken });
      }
    }, 60_000);

    test.each([
      ["the owner's default page", 'owner', ''],
      ["the owner's page of shared images", 'owner', '&owner={}-owner'],
      ["a member's default page", 'accepted', ''],
      ['what a member has not answered yet', 'pending', '&member_status=pending'],
    ])('%s costs the same calls and read units with 60 and with 1,000', async (_title, role, query) => {
      const page = (name: string): Request => [
        'GET',
        `/v2/images?limit=25${query.replace('{}', name)}`,
        { as: `${name}-${role}:member` },
      ];
      const markerOf = async (name: string): Promise<string> =>
        (await service.request(...page(name))).body.images.at(-1).id;

      for (const next of [() => Promise.resolve(''), async (name: string) => `&marker=${await markerOf(name)}`]) {
        const [fewMarker, manyMarker] = [await next('few'), await next('many')];
        const withMarker = ([method, path, options]: Request, more: string): Request => [method, path + more, options];
        const few = await costOf(withMarker(page('few'), fewMarker));
        const many = await costOf(withMarker(page('many'), manyMarker));

        expect(many.status).toBe(200);
        expect(many.cost).toBe(few.cost);
        expect(unitsOf(many.calls)).toBe(unitsOf(few.calls));
      }
    });
  });
});

describe('the lists of the sharing API', () => {
  // As long as the ids of Keystone, because units depend on sizes.
  const projectId = (name: string): string => name.padEnd(32, '-');
  const member = projectId('inbox');
  const owner = projectId('sharer');
  const manyMembers = Array.from({ length: 128 }, (_, n): SeededMember => ({
    project: projectId(`member-${n}`),
    status: 'pending',
  }));
  let offers: readonly Image[];
  beforeAll(async () => {
    for (const status of ['accepted', 'rejected'] as const) {
      await seedImages(table, { owner, count: 50, members: [{ project: member, status }], hidden: true });
    }
    offers = await seedImages(table, { owner, count: 150, members: [{ project: member, status: 'pending' }] });
    await seedImages(table, { owner: projectId('alone'), count: 25 });
    await seedImages(table, { owner: projectId('few'), count: 25, members: manyMembers.slice(0, 4) });
    await seedImages(table, { owner: projectId('quota'), count: 25, members: manyMembers });
  }, 120_000);

  const read = 'BatchGetItem';
  const together = (action: string, count: number): string => Array<string>(count).fill(action).join(' + ');

  test.each<[title: string, path: string, project: string, entries: number, cost: string, units: number]>([
    ['25 offers', 'offers', member, 25, `Query, ${read}`, 52],
    ['100 offers', 'offers?limit=100', member, 100, `Query, ${together(read, 2)}`, 206],
    ['25 offers of any status', 'offers?status=all', member, 25, `Query, ${read}`, 52],
    ['25 offers of an owner', `offers?owner=${owner}`, member, 25, `Query, ${read}`, 59],
    ['25 of 150 offers by time', 'offers?sort=offered_at', member, 25, `Query, ${read}, ${read}, ${read}`, 209],
    ['25 own images without members', 'images', projectId('alone'), 25, `Query, ${read}`, 27],
    [
      '25 own images with 4 members each',
      'images',
      projectId('few'),
      25,
      `Query, ${read}, ${together('Query', 25)}, ${read}`,
      152,
    ],
    [
      'own images with 128 members each, 7 of them a page',
      'images',
      projectId('quota'),
      7,
      `Query, ${read}, ${together('Query', 7)}, ${together(read, 9)}`,
      965,
    ],
  ])('%s', async (_title, path, project, entries, cost, units) => {
    const answer = await costOf(['GET', `/sharing/v1/${path}`, { as: `${project}:reader` }]);
    const { images, offers: listed } = answer.body;
    expect([answer.status, (images ?? listed).length]).toEqual([200, entries]);
    expect([answer.cost, unitsOf(answer.calls)]).toEqual([cost, units]);
  });

  test('the numbers of offers cost a read unit for every 16 of them', async () => {
    const answer = await costOf(['GET', '/sharing/v1/project', { as: `${member}:reader` }]);

    expect(answer.body.offers).toEqual({ pending: 150, accepted: 0, rejected: 0 });
    expect([answer.cost, unitsOf(answer.calls)]).toEqual([together('Query', 3), 11]);
  });

  test('a marker costs one round trip more', async () => {
    const marker = `marker=${offers.at(-1)!.id}`;

    const answers = [
      await costOf(['GET', `/sharing/v1/offers?${marker}`, { as: `${member}:reader` }]),
      await costOf(['GET', `/sharing/v1/images?${marker}`, { as: `${owner}:reader` }]),
    ];

    expect(answers.map(({ status, calls }) => [status, depthOf(calls)])).toEqual([
      [200, 3],
      [200, 5],
    ]);
  });

  test('what can hold nothing, or is refused, costs nothing', async () => {
    const paths = [
      'offers?limit=0',
      `offers?owner=${member}`,
      'images?limit=0',
      'offers?a=1',
      'project?a=1',
      'images?a=1',
    ];

    const answers = await Promise.all(
      paths.map((path) => costOf(['GET', `/sharing/v1/${path}`, { as: `${member}:reader` }])),
    );

    expect(answers.map(({ status, cost }) => [status, cost])).toEqual([
      ...Array<unknown>(3).fill([200, '']),
      ...Array<unknown>(3).fill([400, '']),
    ]);
  });
});

describe('bulk requests', () => {
  const bulk = (name: string, as: string, entries: readonly object[]): Request => [
    'POST',
    `/sharing/v1/${name}`,
    { as, body: { [name]: entries } },
  ];
  const both = ['beta', 'gamma'];

  // The units are those of reads and writes together.
  test.each<[title: string, request: () => Promise<Request>, status: number, cost: string, units: number]>([
    [
      'an offer with an end',
      async () =>
        bulk('offers', 'alpha:member', [
          { image_id: (await anImage()).id, member_id: 'beta', expires_at: '2999-01-01T00:00:00Z' },
        ]),
      200,
      'BatchGetItem, TransactWriteItems',
      13,
    ],
    [
      'two offers of an image in one request',
      async () => {
        const { id } = await anImage();
        return bulk(
          'offers',
          'alpha:member',
          both.map((member_id) => ({ image_id: id, member_id })),
        );
      },
      200,
      'BatchGetItem, TransactWriteItems, BatchGetItem, TransactWriteItems',
      24,
    ],
    [
      'offers of two images in one request',
      async () => {
        const images = [await anImage(), await anImage()];
        return bulk(
          'offers',
          'alpha:member',
          images.map(({ id }) => ({ image_id: id, member_id: 'beta' })),
        );
      },
      200,
      'BatchGetItem + BatchGetItem, TransactWriteItems + TransactWriteItems',
      24,
    ],
    [
      'two withdrawals of an image in one request',
      async () => {
        const { id } = await anImage({ members: gammaToo });
        return bulk(
          'withdrawals',
          'alpha:member',
          both.map((member_id) => ({ image_id: id, member_id })),
        );
      },
      200,
      'TransactWriteItems, TransactWriteItems',
      16,
    ],
    [
      'answers to two offers in one request',
      async () => {
        const images = [await anImage(offered), await anImage(offered)];
        return bulk(
          'answers',
          'beta:member',
          images.map(({ id }) => ({ image_id: id, ...accepted })),
        );
      },
      200,
      'UpdateItem + UpdateItem',
      6,
    ],
  ])('%s', async (_title, request, status, cost, units) => {
    const given = await request();

    const answer = await costOf(given);

    expect([answer.status, answer.cost, unitsOf(answer.calls)]).toEqual([status, cost, units]);
    for (const { code } of answer.body?.results ?? []) expect([200, 204]).toContain(code);
  });
});
