import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { routes } from '../../lambda/http/routes.ts';
import { addressNotAllowed } from '../../lambda/image-source/source-error.ts';
import { active, importing } from '../lambda/domain/an-image.ts';
import { hostileHosts } from '../lambda/image-source/hostile-hosts.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { seedImage, type Seed } from '../support/seed.ts';
import { httpEvent, startService, type TestResponse, type RequestOptions, type Service } from '../support/service.ts';
import { storedItems } from '../support/stored-items.ts';

let table: TestTable;
let proxy: EngineProxy;
let service: Service;
/** Images of alpha's, by what they are like; beta is a member of each. */
let images: Readonly<
  Record<
    | ('shared' | 'private' | 'public' | 'community' | 'protected' | 'full')
    | ('queued' | 'importing' | 'active' | 'deactivated'),
    string
  >
>;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  service = await startService(proxy.endpoint, table.tableName);
  const offered = [{ project: 'beta', status: 'pending' as const }];
  const anImage = async (seed: Partial<Seed> = {}) =>
    (await seedImage(table, { owner: 'alpha', members: offered, properties: { colour: 'red' }, ...seed })).id;
  const many = Array.from({ length: 127 }, (_, n) => ({ project: `member-${n}`, status: 'pending' as const }));
  images = {
    shared: await anImage(),
    private: await anImage({ visibility: 'private' }),
    public: await anImage({ visibility: 'public' }),
    community: await anImage({ visibility: 'community' }),
    protected: await anImage({ protected: true }),
    full: await anImage({ members: [...offered, ...many] }),
    queued: await anImage({ attributes: { diskFormat: 'raw', containerFormat: 'bare' } }),
    importing: await anImage({ attributes: importing() }),
    active: await anImage({ attributes: active() }),
    deactivated: await anImage({ attributes: active({ status: 'deactivated' }) }),
  };
});
afterAll(async () => {
  await proxy.stop();
  await table.drop();
});

afterEach(() => {
  proxy.intercept(undefined);
});

/** The actions that may change something. */
const writing = ['PutItem', 'UpdateItem', 'DeleteItem', 'TransactWriteItems', 'BatchWriteItem'];

type Request = readonly [method: string, path: string, options: RequestOptions];

/** The answer to a request, and how many writes went through. */
async function asked(request: () => Promise<TestResponse>) {
  const { result, calls } = await proxy.record(request);
  const written = calls.filter(({ action, status }) => writing.includes(action) && status === 200).length;
  return { answer: result, written };
}

/** That an answer is a fault in the API's words and form, and that nothing was written for it. */
async function refused(request: () => Promise<TestResponse>, status: number, error?: string): Promise<TestResponse> {
  const { answer, written } = await asked(request);
  const requestId = answer.headers['x-openstack-request-id'];
  expect({ ...answer.body, message: typeof answer.body?.message, status: answer.status }).toEqual({
    status,
    message: 'string',
    code: expect.stringMatching(new RegExp(`^${status} [A-Z]`)),
    title: expect.stringMatching(/^[A-Z]/),
    error: error ?? expect.stringMatching(/^[a-z-]+$/),
    request_id: requestId,
  });
  expect(requestId).toMatch(/^req-[A-Za-z0-9._-]+$/);
  expect(answer.headers['content-type']).toBe('application/json');
  expect(answer.body.message).toMatch(/^[A-Z"X].{9,}[.]$|^\d{3} /s);
  expect(JSON.stringify(answer)).not.toMatch(/\.ts:\d|node_modules|\bat [\w.]+ \(/);
  expect(written).toBe(0);
  return answer;
}

const v21 = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
const v20 = { 'content-type': 'application/openstack-images-v2.0-json-patch' };
const deep = (levels: number, open = '[', close = ']'): string => open.repeat(levels) + close.repeat(levels);
const utf16 = (text: string): Uint8Array => Buffer.from(`\uFEFF${text}`, 'utf16le');
const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

/** Bodies that are wrong wherever a JSON object is expected. */
const noObjects: readonly [title: string, body: unknown][] = [
  ['no body', undefined],
  ['a body of 0 bytes', ''],
  ['a body of 0 bytes, base64', new Uint8Array()],
  ['null', 'null'],
  ['a number', '1'],
  ['a string', '"accepted"'],
  ['true', 'true'],
  ['an array', '[]'],
  ['an array with the object', '[{"status":"accepted","member":"gamma"}]'],
  ['white space', ' \n '],
  ['half an object', '{"status": "accepted"'],
  ['two objects', '{"status":"accepted","member":"gamma"}{}'],
  ['a form', 'status=accepted&member=gamma'],
  ['single quotes', "{'status': 'accepted'}"],
  ['a comma too many', '{"status":"accepted","member":"gamma",}'],
  ['NaN', '{"status":"accepted","member":"gamma","x":NaN}'],
  ['a comment', '{"status":"accepted","member":"gamma"} // please'],
  ['a byte order mark', '\uFEFF{"status":"accepted","member":"gamma"}'],
  ['a byte order mark, base64', bytes([0xef, 0xbb, 0xbf], '{"status":"accepted","member":"gamma"}')],
  ['UTF-16', utf16('{"status":"accepted","member":"gamma"}')],
  ['Latin-1', bytes('{"status":"accepted","member":"caf', [0xe9], '"}')],
  ['UTF-8 cut off', bytes('{"status":"accepted","member":"caf', [0xc3])],
  ['an overlong encoding', bytes('{"status":"accepted","member":"', [0xc0, 0xaf], '"}')],
  ['half a surrogate pair in UTF-8', bytes('{"status":"accepted","member":"', [0xed, 0xa0, 0x80], '"}')],
  ['a NUL byte', '\0'],
  ['a bare control character in a string', '{"status":"accepted","member":"gam\u0001ma"}'],
  ['"__proto__"', '{"__proto__":{"status":"accepted","member":"gamma"}}'],
  ['"__proto__" beside what is right', '{"status":"accepted","member":"gamma","__proto__":{}}'],
  ['"__proto__" further in', '{"status":"accepted","member":"gamma","x":{"__proto__":{}}}'],
  ['100,000 levels of arrays', deep(100_000)],
  ['100,000 levels of objects', deep(100_000, '{"a":', '}').replace('}', '1}')],
  ['a megabyte of white space', ' '.repeat(1_000_000)],
];

describe('PUT of a status', () => {
  const put =
    (path: string, body: unknown, as = 'beta:member') =>
    () =>
      service.request('PUT', path, { as, body });
  const membership = () => `/v2/images/${images.shared}/members/beta`;

  test.each(noObjects)('with %s as its body', async (_title, body) => {
    await refused(put(membership(), body), 400, 'invalid-request');
  });

  test.each<object>([
    {},
    { Status: 'accepted' },
    { member_status: 'accepted' },
    { constructor: { status: 'accepted' } },
  ])('with %j, which names no status', async (body) => {
    await refused(put(membership(), body), 400, 'invalid-request');
  });

  test.each([
    null,
    '',
    'ACCEPTED',
    ' accepted',
    'accepted ',
    'accepted\0',
    'deleted',
    'constructor',
    '__proto__',
    'x'.repeat(1_000_000),
    '\uD800',
    1,
    true,
    ['accepted'],
    { status: 'accepted' },
  ])('with the status %j', async (status) => {
    await refused(put(membership(), { status }), 400, 'invalid-member-status');
  });

  test.each([1000, 4000, 100_000])('with a status of %i levels', async (levels) => {
    await refused(put(membership(), `{"status":${deep(levels)}}`), 400);
  });

  test.each<[string, string, keyof typeof images, string, number, string]>([
    ['the member, as a reader', 'beta:reader', 'shared', 'beta', 403, 'not-permitted'],
    ['the owner', 'alpha:member', 'shared', 'beta', 403, 'not-permitted'],
    ['the owner, as a reader', 'alpha:reader', 'shared', 'beta', 403, 'not-permitted'],
    ['another member', 'member-7:member', 'full', 'beta', 404, 'member-not-found'],
    ['a stranger', 'gamma:member', 'shared', 'beta', 404, 'image-not-found'],
    ['a stranger, for itself', 'gamma:member', 'shared', 'gamma', 404, 'image-not-found'],
    ['the owner, for no member', 'alpha:member', 'shared', 'gamma', 404, 'member-not-found'],
    ['an admin, for no member', 'root:admin', 'shared', 'gamma', 404, 'member-not-found'],
    ['the member without a role', 'beta:', 'shared', 'beta', 404, 'image-not-found'],
    ['the owner, private', 'alpha:member', 'private', 'beta', 403, 'image-not-shared'],
    ['an admin, private', 'root:admin', 'private', 'beta', 403, 'image-not-shared'],
    ['the member, private', 'beta:member', 'private', 'beta', 404, 'image-not-found'],
    ['a stranger, private', 'gamma:member', 'private', 'beta', 404, 'image-not-found'],
    ['the member, public', 'beta:member', 'public', 'beta', 403, 'image-not-shared'],
    ['a stranger, public', 'gamma:member', 'public', 'gamma', 403, 'image-not-shared'],
    ['an admin, community', 'root:admin', 'community', 'beta', 403, 'image-not-shared'],
    ['a stranger, community', 'gamma:member', 'community', 'beta', 403, 'image-not-shared'],
  ])('by %s', async (_title, as, image, member, status, error) => {
    const path = `/v2/images/${images[image]}/members/${member}`;

    await refused(put(path, { status: 'accepted' }, as), status, error);
  });

  test('the form of the body is looked at before anything, its value after everything', async () => {
    await refused(put(membership(), {}, 'gamma:member'), 400);
    await refused(put(membership(), { status: 'maybe' }, 'gamma:member'), 404);
    await refused(put(membership(), { status: 'maybe' }, 'alpha:member'), 403);
  });
});

describe('POST of a member', () => {
  const post = (body: unknown, as = 'alpha:member', image: keyof typeof images = 'shared') => {
    return () => service.request('POST', `/v2/images/${images[image]}/members`, { as, body });
  };

  test.each(noObjects)('with %s as its body', async (_title, body) => {
    await refused(post(body), 400, 'invalid-request');
  });

  const impossible = [
    null,
    '',
    false,
    true,
    0,
    1e400,
    ['gamma'],
    { id: 'gamma' },
    'x'.repeat(256),
    'x'.repeat(1_000_000),
    '🀄'.repeat(251),
    'a\0b',
    '\u0001',
    'tab\there',
    'line\nbreak',
    '\u007f',
    '\u0085',
    'a/b',
    'a?b',
    '.',
    '..',
    '\uD800',
    'x\uDC00',
  ];
  test.each(impossible)('named %j', async (member) => {
    await refused(post({ member }), 400, 'invalid-request');
    await refused(post({ member_id: member, member: 'gamma' }), 400, 'invalid-request');
  });

  test.each<object>([{}, { Member: 'gamma' }, { status: 'pending' }, { constructor: 'gamma' }])(
    'with %j',
    async (body) => {
      await refused(post(body), 400, 'invalid-request');
    },
  );

  test.each<[string, string, keyof typeof images, string, number, string]>([
    ['the owner, as a reader', 'alpha:reader', 'shared', 'gamma', 403, 'not-permitted'],
    ['a member', 'beta:member', 'shared', 'gamma', 403, 'not-permitted'],
    ['a member, as a reader', 'beta:reader', 'shared', 'gamma', 403, 'not-permitted'],
    ['a stranger', 'gamma:member', 'shared', 'gamma', 404, 'image-not-found'],
    ['the owner without a role', 'alpha:', 'shared', 'gamma', 404, 'image-not-found'],
    ['the owner, private', 'alpha:member', 'private', 'gamma', 403, 'image-not-shared'],
    ['an admin, private', 'root:admin', 'private', 'gamma', 403, 'image-not-shared'],
    ['a stranger, private', 'gamma:member', 'private', 'gamma', 404, 'image-not-found'],
    ['the owner, public', 'alpha:member', 'public', 'gamma', 403, 'image-not-shared'],
    ['a stranger, community', 'gamma:member', 'community', 'gamma', 403, 'image-not-shared'],
    ['the owner, again', 'alpha:member', 'shared', 'beta', 409, 'member-exists'],
    ['an admin, again', 'root:admin', 'shared', 'beta', 409, 'member-exists'],
    ['the owner, again at the quota', 'alpha:member', 'full', 'beta', 409, 'member-exists'],
    ['the owner, over the quota', 'alpha:member', 'full', 'gamma', 413, 'member-quota-exceeded'],
    ['an admin, over the quota', 'root:admin', 'full', 'gamma', 413, 'member-quota-exceeded'],
  ])('by %s', async (_title, as, image, member, status, error) => {
    await refused(post({ member }, as, image), status, error);
  });
});

describe('POST of an import', () => {
  const post = (body: unknown, as = 'alpha:member', image: keyof typeof images = 'queued') => {
    return () => service.request('POST', `/v2/images/${images[image]}/import`, { as, body });
  };
  const from = (uri: unknown, name: unknown = 'web-download') => ({ method: { name, uri } });
  const possible = 'https://images.example/data';

  test.each(noObjects)('with %s as its body', async (_title, body) => {
    await refused(post(body), 400, 'invalid-request');
  });

  test.each<unknown>([
    {},
    { method: null },
    { method: 'web-download' },
    { method: ['web-download'] },
    { method: {} },
    { method: { uri: possible } },
    { method: { name: 'web-download' } },
    { name: 'web-download', uri: possible },
    from(possible, 'WEB-DOWNLOAD'),
    from(possible, ''),
    from(possible, null),
    from(possible, ['web-download']),
    from(possible, '__proto__'),
    from(possible, 'x'.repeat(1_000_000)),
    from(possible, 'glance-direct'),
    from(possible, 'copy-image'),
    from(possible, 'glance-download'),
  ])('with %j', async (body) => {
    await refused(post(body), 400, 'invalid-request');
  });

  test.each(['glance-direct', 'copy-image'])('by %s names the method to use', async (name) => {
    const { body } = await refused(post(from(possible, name)), 400, 'invalid-request');

    expect(body.message).toContain('use "web-download" with the URL of the data');
  });

  test.each<unknown>([
    null,
    '',
    1,
    [possible],
    'images.example',
    '//images.example/',
    'ftp://images.example/',
    'file:///etc/passwd',
    's3://bucket/key',
    'javascript:alert(1)',
    'data:,x',
    'http://',
    'https://user:secret@images.example/',
    'https://images.example:22/',
    'https://images.example:0/',
    'https://images.example:65536/',
    'https://[::1',
    'https://images .example/',
    '\uD800',
    'https://\u0000/',
    `https://images.example/${'x'.repeat(2048)}`,
    'x'.repeat(1_000_000),
  ])('with the URL %j', async (uri) => {
    await refused(post(from(uri)), 400, 'invalid-request');
  });

  test.each(hostileHosts)('from %s: %s', async (_what, host) => {
    const { body } = await refused(post(from(`http://${host}/`)), 400, 'invalid-request');

    expect(body.message).toBe(addressNotAllowed().message);
  });

  test.each<[string, string, keyof typeof images, number, string]>([
    ['a reader', 'alpha:reader', 'queued', 403, 'not-permitted'],
    ['a member', 'beta:member', 'queued', 403, 'not-permitted'],
    ['a stranger', 'gamma:member', 'queued', 404, 'image-not-found'],
    ['the owner without a role', 'alpha:', 'queued', 404, 'image-not-found'],
    ['a stranger, public', 'gamma:member', 'public', 403, 'not-permitted'],
    ['the owner, without formats', 'alpha:member', 'shared', 409, 'image-formats-missing'],
    ['the owner, importing', 'alpha:member', 'importing', 409, 'image-not-queued'],
    ['the owner, active', 'alpha:member', 'active', 409, 'image-not-queued'],
    ['an admin, deactivated', 'root:admin', 'deactivated', 409, 'image-not-queued'],
  ])('by %s', async (_title, as, image, status, error) => {
    await refused(post(from(possible), as, image), status, error);
  });
});

describe('downloads and actions', () => {
  test.each<[string, string, string, keyof typeof images, number, string]>([
    ['GET', 'file', 'alpha:reader', 'active', 403, 'not-permitted'],
    ['GET', 'file', 'gamma:member', 'active', 404, 'image-not-found'],
    ['HEAD', 'file', 'gamma:member', 'active', 404, 'image-not-found'],
    ['GET', 'file', 'alpha:member', 'deactivated', 403, 'not-permitted'],
    ['POST', 'actions/deactivate', 'beta:member', 'active', 403, 'not-permitted'],
    ['POST', 'actions/deactivate', 'alpha:reader', 'active', 403, 'not-permitted'],
    ['POST', 'actions/deactivate', 'gamma:member', 'active', 404, 'image-not-found'],
    ['POST', 'actions/deactivate', 'alpha:member', 'queued', 403, 'image-has-no-data'],
    ['POST', 'actions/reactivate', 'alpha:member', 'importing', 403, 'image-has-no-data'],
  ])('%s %s by %s: %s', async (method, path, as, image, status, error) => {
    await refused(() => service.request(method, `/v2/images/${images[image]}/${path}`, { as }), status, error);
  });

  test('GET with a body does nothing', async () => {
    const path = `/v2/images/${images.active}/file`;

    await refused(() => service.request('GET', path, { as: 'alpha:member', body: '{}' }), 400, 'invalid-request');
  });
});

describe('GET and DELETE of members', () => {
  test.each<[string, string, string, keyof typeof images, string, number]>([
    ['GET', 'the list, by a stranger', 'gamma:reader', 'shared', '', 404],
    ['GET', 'the list, private, by the owner', 'alpha:member', 'private', '', 403],
    ['GET', 'the list, private, by an admin', 'root:admin', 'private', '', 403],
    ['GET', 'the list, private, by the member', 'beta:member', 'private', '', 404],
    ['GET', 'the list, public', 'alpha:member', 'public', '', 403],
    ['GET', 'the list, community, by a stranger', 'gamma:reader', 'community', '', 403],
    ['GET', "another's, by a member", 'member-7:reader', 'full', '/beta', 404],
    ['GET', 'one, by a stranger', 'gamma:reader', 'shared', '/beta', 404],
    ['GET', 'one that is not there', 'alpha:member', 'shared', '/gamma', 404],
    ['GET', 'one, private, by the owner', 'alpha:member', 'private', '/beta', 404],
    ['GET', 'one, public, by an admin', 'root:admin', 'public', '/beta', 404],
    ['GET', 'one, community, by a stranger', 'gamma:reader', 'community', '/beta', 404],
    ['DELETE', 'by the owner, as a reader', 'alpha:reader', 'shared', '/beta', 403],
    ['DELETE', 'by the member', 'beta:member', 'shared', '/beta', 403],
    ['DELETE', 'by another member', 'member-7:member', 'full', '/beta', 404],
    ['DELETE', 'by a stranger', 'gamma:member', 'shared', '/beta', 404],
    ['DELETE', 'of one that is not there', 'alpha:member', 'shared', '/gamma', 404],
    ['DELETE', 'private, by the owner', 'alpha:member', 'private', '/beta', 403],
    ['DELETE', 'private, by an admin', 'root:admin', 'private', '/beta', 403],
    ['DELETE', 'private, by the member', 'beta:member', 'private', '/beta', 404],
    ['DELETE', 'public', 'alpha:member', 'public', '/beta', 403],
    ['DELETE', 'community, by a stranger', 'gamma:member', 'community', '/beta', 403],
  ])('%s: %s', async (method, _title, as, image, member, status) => {
    await refused(() => service.request(method, `/v2/images/${images[image]}/members${member}`, { as }), status);
  });

  test.each(['GET', 'DELETE'])('%s with a body does nothing', async (method) => {
    const path = `/v2/images/${images.shared}/members/beta`;

    for (const body of ['{}', ' ', new Uint8Array([0])]) {
      await refused(() => service.request(method, path, { as: 'alpha:member', body }), 400, 'invalid-request');
    }
  });
});

describe('an id that no image or member can have', () => {
  // As they come out of the gateway: decoded once, and whatever is left is part of the id.
  const impossible = [
    'x',
    '%',
    '%zz',
    '%2F',
    '%00',
    '%C0%AF',
    '\0',
    '\u0001',
    '\uFFFD',
    '\uD800',
    '..',
    '.',
    ' ',
    'x'.repeat(2000),
    '🀄'.repeat(251),
    '__proto__',
    'constructor',
    'MEMBER#beta',
    '$default',
  ];
  const operations = routes
    .filter(({ key }) => key.includes('{image_id}'))
    .map(({ operation, key }): [string, string] => [operation, key]);

  const invoke = (key: string, pathParameters: Record<string, string>, options: RequestOptions) => {
    const [method = '', template = ''] = key.split(' ');
    const event = httpEvent(method, template.replace('{version}', 'v2').replaceAll(/[{}]/g, ''), options);
    const name = routes.find((route) => route.key === key)!.function;
    return () => service.invoke(name, { ...event, pathParameters: { version: 'v2', ...pathParameters } });
  };
  const bodies: Readonly<Record<string, RequestOptions>> = {
    answerOffer: { body: { status: 'accepted' } },
    changeExpiry: { body: { expires_at: null } },
    offerImage: { body: { member: 'gamma' } },
    importImage: { body: { method: { name: 'web-download', uri: 'https://images.example/data' } } },
    updateImage: { body: [{ op: 'replace', path: '/name', value: 'x' }], headers: v21 },
  };

  test.each(operations)('%s: the image', async (name, key) => {
    for (const id of [...impossible, images.shared.toUpperCase(), `${images.shared} `, `${images.shared}\n`]) {
      const parameters = { image_id: id, member_id: 'beta', tag: 'red' };
      await refused(invoke(key, parameters, { as: 'root:admin', ...bodies[name] }), 404, 'image-not-found');
    }
  });

  test.each(operations.filter(([, key]) => key.includes('{member_id}')))('%s: the member', async (name, key) => {
    for (const id of impossible) {
      const parameters = { image_id: images.shared, member_id: id };
      await refused(invoke(key, parameters, { as: 'root:admin', ...bodies[name] }), 404, 'member-not-found');
    }
  });

  test.each(['addTag', 'removeTag'])('%s: the tag', async (name) => {
    const { key } = routes.find(({ operation }) => operation === name)!;
    for (const tag of ['x'.repeat(256), '\uD800', '']) {
      const parameters = { image_id: images.shared, tag };
      await refused(invoke(key, parameters, { as: 'alpha:member' }), name === 'addTag' || tag === '' ? 400 : 404);
    }
  });
});

describe('POST of an image', () => {
  const post =
    (body: unknown, as = 'alpha:member') =>
    () =>
      service.request('POST', '/v2/images', { as, body });

  // What names no image's property wrongly is no fault here: unknown properties are custom ones, and {} is an image.
  test.each(noObjects)('with %s as its body', async (_title, body) => {
    await refused(post(body), 400, 'invalid-request');
  });

  test.each<[string, unknown]>([
    ['id', 'x'],
    ['id', randomUUID().toUpperCase()],
    ['id', 1],
    ['id', null],
    ['name', 1],
    ['name', 'x'.repeat(256)],
    ['name', '\uD800'],
    ['visibility', 'secret'],
    ['visibility', ''],
    ['visibility', null],
    ['visibility', ['shared']],
    ['visibility', 'constructor'],
    ['protected', 'true'],
    ['protected', 1],
    ['os_hidden', null],
    ['min_ram', -1],
    ['min_ram', '1'],
    ['min_ram', 1.5],
    ['min_disk', 2 ** 31],
    ['container_format', 'tin'],
    ['disk_format', 1],
    ['tags', 'x'],
    ['tags', [1]],
    ['tags', ['x'.repeat(256)]],
    ['tags', ['\uD800']],
    ['tags', { 0: 'x' }],
    ['owner', ''],
    ['owner', 'a/b'],
    ['owner', 'x'.repeat(256)],
    ['owner', 1],
    ['colour', 1],
    ['colour', null],
    ['colour', ['red']],
    ['colour', { red: true }],
    ['colour', '\uD800'],
    ['x'.repeat(256), 'y'],
    ['', 'y'],
    ['\uD800', 'y'],
  ])('with %j: %j', async (property, value) => {
    await refused(post({ [property]: value }, 'root:admin'), 400, 'invalid-request');
  });

  test.each(['name', 'visibility', 'tags', 'owner', 'min_ram', 'disk_format', 'colour', 'id'])(
    'with thousands of levels in %j',
    async (property) => {
      for (const value of [deep(1000), deep(4000), deep(1000, '{"a":', '}').replace('}', '1}')]) {
        await refused(post(`{"${property}":${value}}`), 400);
      }
    },
  );

  test.each<[string, object, number]>([
    ['alpha:reader', {}, 403],
    ['alpha:', {}, 403],
    ['alpha:member', { owner: 'gamma' }, 403],
    ['alpha:member', { visibility: 'public' }, 403],
    ['root:admin', { status: 'active' }, 403],
    ['root:admin', { created_at: '2026-01-01T00:00:00Z' }, 403],
    ['root:admin', { locations: [] }, 403],
    ['root:admin', { os_glance_x: 'y' }, 403],
  ])('by %s with %j', async (as, body, status) => {
    await refused(post(body, as), status);
  });

  test('with an id that is taken', async () => {
    await refused(post({ id: images.private }), 409, 'image-exists');
  });

  test.each<[string, object]>([
    ['129 tags', { tags: Array.from({ length: 129 }, (_, n) => `tag-${n}`) }],
    ['129 properties', Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`property-${n}`, 'x']))],
    ['a property of a megabyte', { colour: 'x'.repeat(1_000_000) }],
  ])('with %s', async (_title, body) => {
    await refused(post(body), 413, 'image-too-large');
  });

  // Names that every object of this language has already.
  test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty'])(
    'with a property %j is no failure',
    async (name) => {
      const { answer, written } = await asked(post({ [name]: 'x' }, 'writer:member'));

      expect([201, 400]).toContain(answer.status);
      expect(written).toBe(answer.status === 201 ? 1 : 0);
      if (answer.status === 201) {
        const shown = await service.request('GET', answer.body.self, { as: 'writer:member' });
        expect(shown.body[name]).toBe('x');
      }
    },
  );
});

describe('PATCH of an image', () => {
  const patch = (
    body: unknown,
    as = 'alpha:member',
    image: keyof typeof images = 'shared',
    headers: Record<string, string> = v21,
  ) => {
    return () => service.request('PATCH', `/v2/images/${images[image]}`, { as, body, headers });
  };
  const rename = [{ op: 'replace', path: '/name', value: 'new' }];

  test.each(noObjects.filter(([, body]) => body !== '[]'))('with %s as its body', async (_title, body) => {
    await refused(patch(body), 400, 'invalid-request');
  });

  test.each([undefined, '', 'application/json', 'text/plain', 'application/json-patch+json', 'constructor'])(
    'as %j',
    async (type) => {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };

      await refused(patch(rename, 'alpha:member', 'shared', headers), 415, 'unsupported-media-type');
    },
  );

  test.each<unknown>([
    {},
    [null],
    ['replace'],
    [[]],
    [{}],
    [{ op: 'move', from: '/name', path: '/x' }],
    [{ op: 'test', path: '/name', value: null }],
    [{ op: 'constructor', path: '/name', value: 'x' }],
    [{ op: 'replace', path: 'name', value: 'x' }],
    [{ op: 'replace', path: '', value: 'x' }],
    [{ op: 'replace', path: '/', value: 'x' }],
    [{ op: 'replace', path: '/a/b', value: 'x' }],
    [{ op: 'replace', path: '/a~2', value: 'x' }],
    [{ op: 'replace', path: 1, value: 'x' }],
    [{ op: 'replace', path: '/name' }],
    [{ op: 'replace', path: '/name', value: 1 }],
    [{ op: 'replace', path: '/visibility', value: 'secret' }],
    [{ op: 'add', path: '/tags', value: 'x' }],
    [{ op: 'add', path: '/colour', value: { a: 1 } }],
    [{ op: 'add', path: `/${'x'.repeat(256)}`, value: 'y' }],
    [{ op: 'add', path: '/\uD800', value: 'y' }],
    Array.from({ length: 1001 }, () => rename[0]),
  ])('with %j', async (body) => {
    await refused(patch(body), 400, 'invalid-request');
  });

  test.each<[unknown]>([
    [[{ replace: '/name' }]],
    [[{ replace: '/name', add: '/name', value: 'x' }]],
    [[{ op: 'replace', path: '/name', value: 'x' }]],
    [[{ replace: 1, value: 'x' }]],
  ])('of the older form with %j', async (body) => {
    await refused(patch(body, 'alpha:member', 'shared', v20), 400, 'invalid-request');
  });

  test.each<[string, string, keyof typeof images, unknown, number, string | undefined]>([
    ['a member', 'beta:member', 'shared', rename, 403, 'not-permitted'],
    ['the owner, as a reader', 'alpha:reader', 'shared', rename, 403, 'not-permitted'],
    ['a stranger', 'gamma:member', 'shared', rename, 404, 'image-not-found'],
    ['a stranger, public', 'gamma:member', 'public', rename, 403, 'not-permitted'],
    [
      'the owner, to public',
      'alpha:member',
      'shared',
      [{ op: 'replace', path: '/visibility', value: 'public' }],
      403,
      'not-permitted',
    ],
    [
      'the owner, to another owner',
      'alpha:member',
      'shared',
      [{ op: 'replace', path: '/owner', value: 'beta' }],
      403,
      'not-permitted',
    ],
    [
      'an admin, of what only the service writes',
      'root:admin',
      'shared',
      [{ op: 'replace', path: '/status', value: 'active' }],
      403,
      'attribute-read-only',
    ],
    [
      'an admin, of the id',
      'root:admin',
      'shared',
      [{ op: 'replace', path: '/id', value: randomUUID() }],
      403,
      'attribute-read-only',
    ],
    ['the owner, without a name', 'alpha:member', 'shared', [{ op: 'remove', path: '/name' }], 403, undefined],
    [
      'the owner, of a property it has not',
      'alpha:member',
      'shared',
      [{ op: 'replace', path: '/size_of_it', value: 'x' }],
      409,
      'property-not-found',
    ],
    [
      'the owner, of 129 tags',
      'alpha:member',
      'shared',
      [{ op: 'add', path: '/tags', value: Array.from({ length: 129 }, (_, n) => `${n}`) }],
      413,
      'image-too-large',
    ],
  ])('by %s', async (_title, as, image, body, status, error) => {
    await refused(patch(body, as, image), status, error);
  });

  // Names that every object of this language has already, but not this image.
  test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__'])(
    'of %j, which it has not, changes nothing',
    async (name) => {
      for (const op of ['replace', 'remove']) {
        const { answer, written } = await asked(patch([{ op, path: `/${name}`, value: 'x' }]));

        expect([op, [400, 409].includes(answer.status), answer.status]).toEqual([op, true, answer.status]);
        expect(written).toBe(0);
      }
    },
  );

  test('that adds "__proto__" is refused, or does it', async () => {
    const { answer } = await asked(patch([{ op: 'add', path: '/__proto__', value: 'x' }], 'alpha:member', 'private'));

    expect([200, 400]).toContain(answer.status);
    if (answer.status === 200) expect(Object.hasOwn(answer.body as object, '__proto__')).toBe(true);
  });
});

describe('DELETE of an image', () => {
  test.each<[string, string, keyof typeof images, number]>([
    ['a member', 'beta:member', 'shared', 403],
    ['the owner, as a reader', 'alpha:reader', 'shared', 403],
    ['a stranger', 'gamma:member', 'shared', 404],
    ['a stranger, public', 'gamma:member', 'public', 403],
    ['the owner, protected', 'alpha:member', 'protected', 403],
    ['an admin, protected', 'root:admin', 'protected', 403],
  ])('by %s', async (_title, as, image, status) => {
    await refused(() => service.request('DELETE', `/v2/images/${images[image]}`, { as }), status);
  });
});

describe('the list of images', () => {
  const list =
    (query: string, as = 'alpha:member') =>
    () =>
      service.request('GET', `/v2/images?${query}`, { as });

  test.each([
    'member_status=maybe',
    'member_status=',
    'member_status=constructor',
    'visibility=secret',
    'visibility=',
    'limit=-1',
    'limit=abc',
    'limit=',
    'limit=1.5',
    'limit=1e2',
    'limit=0x10',
    'limit=%EF%BC%91',
    'marker=',
    'marker=x',
    'marker=%00',
    `marker=${randomUUID()}`,
    'os_hidden=maybe',
    'sort_key=colour',
    'sort_key=constructor',
    'sort_dir=up',
    'sort=name:up',
    'sort=',
    'sort=name&sort_key=name',
    'sort_key=name&sort_dir=asc&sort_dir=desc',
    'protected=maybe',
    'min_ram=x',
    'created_at=yesterday',
    'created_at=gte:',
    'created_at=constructor:2026-01-01T00:00:00Z',
    'created_at=near:2026-01-01T00:00:00Z',
    'name=in:%22a',
    'name=gt:a',
    `id=in:${Array.from({ length: 1001 }, (_, n) => n).join(',')}`,
    'changes-since=2026-01-01T00:00:00Z',
  ])('with %s', async (query) => {
    await refused(list(query), 400, 'invalid-request');
  });

  test('without a role', async () => {
    await refused(list('', 'alpha:'), 403, 'not-permitted');
  });

  // Names that every object of this language has already: custom properties like any other, which no image has.
  test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__', '__defineGetter__', 'isPrototypeOf'])(
    'with %s=x is empty',
    async (name) => {
      const answer = await list(`${name}=x`)();

      expect([answer.status, answer.body.images]).toEqual([200, []]);
    },
  );

  test.each([
    ['a quote that does not end after eight thousand spaces', `name=in:${'+'.repeat(8000)}%22x`],
    ['a list of a thousand empty names', `name=in:${','.repeat(999)}`],
    ['a thousand backslashes in quotes', `name=in:%22${'%5C'.repeat(1001)}%22`],
    ['a time with eight thousand spaces', `created_at=gte:2026-01-01${'+'.repeat(8000)}00:00`],
  ])('with %s is answered', async (_title, query) => {
    const answer = await list(query)();

    expect([200, 400]).toContain(answer.status);
  });
});

describe('a token, a path or a method that is none', () => {
  const below = () => `/v2/images/${images.shared}/members/beta`;

  test.each<[string, Record<string, string>]>([
    ['no token', {}],
    ['an empty token', { 'x-auth-token': '' }],
    ['a word', { 'x-auth-token': 'x' }],
    [
      'an identity that is claimed',
      { 'x-project-id': 'alpha', 'x-user-id': 'a', 'x-roles': 'admin', 'x-identity-status': 'Confirmed' },
    ],
    ['a project that cannot be', { 'x-auth-token': 'dev:user:a/b:member' }],
    ['half a surrogate pair', { 'x-auth-token': 'dev:user:\uD800:member' }],
    ['a megabyte', { 'x-auth-token': 'x'.repeat(1_000_000) }],
    ['two that differ', { 'x-auth-token': 'dev:u:alpha:member', authorization: 'Bearer dev:u:beta:member' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
  ])('%s is a 401, before anything else', async (_title, headers) => {
    for (const [method, path, body] of [
      ['PUT', below(), '{'],
      ['GET', '/v2/nope', undefined],
      ['PATCH', '/v2/images', undefined],
      ['GET', '/v2/images/x', undefined],
      ['POST', '/v2/images', '{'],
    ] as const) {
      const answer = await refused(() => service.request(method, path, { headers, body }), 401, 'not-authenticated');
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  test.each([
    ['PATCH', '/members/beta', 'GET, PUT, DELETE'],
    ['HEAD', '/members/beta', 'GET, PUT, DELETE'],
    ['POST', '/members/beta', 'GET, PUT, DELETE'],
    ['PUT', '/members', 'GET, POST'],
    ['DELETE', '/members', 'GET, POST'],
    ['POST', '/../../schemas/member', 'GET'],
    ['BREW', '/members/beta', 'GET, PUT, DELETE'],
  ])('%s on %s is a 405 that says what is allowed', async (method, end, allow) => {
    const path = end.startsWith('/..') ? `/v2${end.slice('/../..'.length)}` : `/v2/images/${images.shared}${end}`;

    const answer = await refused(
      () => service.request(method, path, { as: 'alpha:member' }),
      405,
      'method-not-allowed',
    );

    expect(answer.headers['allow']?.split(', ').sort()).toEqual(allow.split(', ').sort());
  });

  test.each(['/', '/nope', '/images/', '/images//members', '/schemas/nope', '/schemas/constructor'])(
    'GET of /v2%s is a 404',
    async (path) => {
      await refused(() => service.request('GET', `/v2${path}`, { as: 'alpha:member' }), 404);
    },
  );

  test.each([' ', 'a b', 'x'.repeat(65), 'a\nb', 'ü', '<x>'])('the request id %j is refused', async (id) => {
    const headers = { 'x-openstack-request-id': id };
    const request = () => service.request('GET', `/v2/images/${images.shared}`, { as: 'alpha:member', headers });

    const answer = await refused(request, 400, 'invalid-request');

    expect(answer.headers['x-openstack-request-id']).toMatch(/^req-[0-9a-f-]{36}$/);
  });
});

describe('whatever is sent', () => {
  const settings = { seed: 20_261_123, numRuns: 60 };
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom('__proto__', 'constructor', 'accepted', 'beta', '\uD800', '\0', '%', '..', ''),
  );
  const json = fc.oneof(fc.json({ maxDepth: 4, noUnicodeString: false }), fc.string({ maxLength: 60 }));
  const keys = ['status', 'member', 'member_id', 'id', 'name', 'visibility', 'tags', 'owner', 'op', 'path', 'value'];
  const likely = fc.dictionary(
    fc.oneof(fc.constantFrom(...keys), text),
    fc.oneof(text, fc.jsonValue(), fc.constantFrom('accepted', 'shared', 'public')),
    { maxKeys: 5 },
  );
  const body = fc.oneof(
    json,
    likely.map((each) => JSON.stringify(each)),
    fc.array(likely, { maxLength: 3 }).map((each) => JSON.stringify(each)),
  );

  /** Never a failure of the service, and never a write unless that was the answer. */
  const holds = async (request: () => Promise<TestResponse>): Promise<void> => {
    const { answer, written } = await asked(request);
    expect(answer.status).toBeLessThan(500);
    if (answer.status >= 300) expect(written).toBe(0);
    expect(answer.headers['x-openstack-request-id']).toMatch(/^req-/);
    if (answer.status >= 400) {
      expect(Object.keys(answer.body as object)).toEqual(['message', 'code', 'title', 'error', 'request_id']);
    }
  };

  test.each<[string, (images: Readonly<Record<string, string>>) => Request]>([
    ['PUT of a status', ({ shared }) => ['PUT', `/v2/images/${shared}/members/beta`, { as: 'beta:member' }]],
    ['POST of a member', ({ shared }) => ['POST', `/v2/images/${shared}/members`, { as: 'alpha:member' }]],
    ['POST of an image', () => ['POST', '/v2/images', { as: 'writer:member' }]],
    ['PATCH', ({ community }) => ['PATCH', `/v2/images/${community}`, { as: 'alpha:member', headers: v21 }]],
    [
      'PATCH of the older form',
      ({ community }) => ['PATCH', `/v2/images/${community}`, { as: 'alpha:member', headers: v20 }],
    ],
  ])('%s with any body', async (_title, request) => {
    const [method, path, options] = request(images);

    await fc.assert(
      fc.asyncProperty(body, (sent) => holds(() => service.request(method, path, { ...options, body: sent }))),
      settings,
    );
  });

  test.each(routes.filter((route) => route.function === 'members'))('$operation with any ids', async ({ key }) => {
    const [method = '', template = ''] = key.split(' ');
    const sent = method === 'PUT' || method === 'POST' ? { body: { status: 'accepted', member: 'beta' } } : {};
    const event = httpEvent(method, template.replace('{version}', 'v2').replaceAll(/[{}]/g, ''), {
      as: 'gamma:member',
      ...sent,
    });

    await fc.assert(
      fc.asyncProperty(fc.oneof(text, fc.constant(images.shared)), text, (image_id, member_id) =>
        holds(() => service.invoke('members', { ...event, pathParameters: { version: 'v2', image_id, member_id } })),
      ),
      settings,
    );
  });

  test('the list of images with any query', async () => {
    const names = [
      'name',
      'tag',
      'visibility',
      'member_status',
      'owner',
      'limit',
      'sort',
      'sort_key',
      'created_at',
      'id',
      'marker',
    ];
    const parameter = fc.tuple(
      fc.oneof(fc.constantFrom(...names), text),
      fc.oneof(text, fc.stringMatching(/^(in|gte|eq):.{0,20}$/)),
    );

    await fc.assert(
      fc.asyncProperty(fc.array(parameter, { maxLength: 3 }), (parameters) =>
        holds(() =>
          service.request('GET', `/v2/images?${new URLSearchParams(parameters).toString()}`, { as: 'alpha:member' }),
        ),
      ),
      settings,
    );
  });
});

describe('the response to long input is short', () => {
  const most = 2048;
  const quotes = '"'.repeat(1_300_000);
  // A path and a query are at most 10,240 bytes, with all headers.
  const inUrl = encodeURIComponent('"'.repeat(2_600));
  const operation = (op: string, name: string, path = `/${name}`) => ({ op, path, value: 'x' });
  const oldOperation = (op: string, name: string) => ({ [op]: `/${name}`, value: 'x' });
  const operations = ['add', 'replace', 'remove'].flatMap((op) => [
    [v21, operation(op, quotes)] as const,
    [v21, operation(op, '', quotes)] as const,
    [v21, operation(op, `os_glance${quotes}`)] as const,
    [v21, { op: quotes, path: '/name' }] as const,
    [v21, { op, path: '/name', value: quotes }] as const,
    [v21, { op, path: '/tags', value: [quotes] }] as const,
    [v20, oldOperation(op, quotes)] as const,
    [v20, oldOperation(op, `os_glance${quotes}`)] as const,
    [v20, { [op]: quotes, value: 'x' }] as const,
  ]);
  const creations: readonly unknown[] = [
    ...['', 'os_glance'].map((prefix) => ({ [`${prefix}${quotes}`]: 'x' })),
    { [quotes]: 1 },
    ...['id', 'owner', 'name', 'visibility', 'protected', 'min_ram', 'disk_format', 'status', 'any'].map((name) => ({
      [name]: quotes,
    })),
    { tags: [quotes] },
    quotes,
  ];
  const queries = [
    ...[
      'marker',
      'limit',
      'visibility',
      'member_status',
      'os_hidden',
      'protected',
      'sort',
      'sort_key',
      'sort_dir',
      'created_at',
      'min_ram',
    ].map((name) => `${name}=${inUrl}`),
    `name=lt:${inUrl}`,
    `id=in:${inUrl}x`,
    `sort=${inUrl}:${inUrl}`,
  ];

  test.each<[string, (image: string) => readonly Request[]]>([
    ['POST of an image', () => creations.map((body) => ['POST', '/v2/images', { as: 'alpha:member', body }])],
    [
      'PATCH',
      (image) => operations.map(([headers, each]) => ['PATCH', image, { as: 'alpha:member', body: [each], headers }]),
    ],
    [
      'a request for an image id',
      () =>
        (
          [
            ['GET', ''],
            ['DELETE', ''],
            ['GET', '/file'],
            ['GET', '/members'],
            ['GET', '/members/beta'],
            ['DELETE', '/members/beta'],
            ['PUT', '/tags/new'],
            ['DELETE', '/tags/new'],
          ] as const
        ).map(([method, end]) => [method, `/v2/images/${inUrl}${end}`, { as: 'alpha:member' }]),
    ],
    [
      'a request for a member id',
      (image) => [
        ['GET', `${image}/members/${inUrl}`, { as: 'alpha:member' }],
        ['GET', `${image}/members/${encodeURIComponent('"'.repeat(255))}`, { as: 'alpha:member' }],
        ['DELETE', `${image}/members/${encodeURIComponent('"'.repeat(255))}`, { as: 'alpha:member' }],
        ['PUT', `${image}/members/${inUrl}`, { as: 'root:admin', body: { status: 'accepted' } }],
        ['PUT', `${image}/members/beta`, { as: 'beta:member', body: { status: quotes } }],
        ['POST', `${image}/members`, { as: 'alpha:member', body: { member: quotes } }],
        ['POST', `${image}/members`, { as: 'alpha:member', body: { member_id: [quotes] } }],
        ['POST', `${image}/members`, { as: 'alpha:member', body: quotes }],
      ],
    ],
    [
      'a request for a tag',
      (image) => [
        ['PUT', `${image}/tags/${inUrl}`, { as: 'alpha:member' }],
        ['DELETE', `${image}/tags/${inUrl}`, { as: 'alpha:member' }],
      ],
    ],
    ['a list', () => queries.map((query) => ['GET', `/v2/images?${query}`, { as: 'alpha:member' }])],
    [
      'what no route takes',
      (image) => [
        ['GET', `/v2/${inUrl}`, { as: 'alpha:member' }],
        ['GET', `/v2/schemas/${inUrl}`, { as: 'alpha:member' }],
        ['"'.repeat(8000), image, { as: 'alpha:member' }],
        ['PATCH', image, { as: 'alpha:member', body: [], headers: { 'content-type': '"'.repeat(8000) } }],
      ],
    ],
    [
      'a request with a token or a request id',
      (image) => [
        ['GET', image, { headers: { 'x-auth-token': '"'.repeat(9000) } }],
        ['GET', image, { headers: { authorization: `Bearer ${'"'.repeat(9000)}` } }],
        ['GET', image, { as: 'alpha:member', headers: { 'x-openstack-request-id': '"'.repeat(9000) } }],
      ],
    ],
  ])('%s', async (_title, requests) => {
    const answers: { status: number; bytes: number; quotes: number; written: number }[] = [];
    for (const [method, path, options] of requests(`/v2/images/${images.shared}`)) {
      const { answer, written } = await asked(() => service.request(method, path, options));
      answers.push({
        status: answer.status,
        bytes: Buffer.byteLength(JSON.stringify(answer.body)),
        quotes: String(answer.body.message).split('"').length - 1,
        written,
      });
    }

    expect(answers.filter(({ status }) => status < 400 || status >= 500)).toEqual([]);
    expect(answers.filter(({ written }) => written > 0)).toEqual([]);
    // 80 of them, and those that are the message's own.
    expect(answers.filter(({ bytes, quotes }) => bytes >= most || quotes > 80 + 10)).toEqual([]);
  });
});

test('no line of the log holds a token, a header or a body', async () => {
  const secret = 'a-secret-that-no-log-may-hold';
  const headers = { 'x-auth-token': `dev:${secret}:alpha:member`, 'x-custom': secret, 'user-agent': secret };
  const path = `/v2/images/${images.shared}`;
  const requests: readonly Request[] = [
    ['PUT', `${path}/members/beta`, { headers, body: { status: secret } }],
    ['PUT', `${path}/members/beta`, { headers, body: `{"status": "${secret}` }],
    ['PUT', `${path}/members/beta`, { headers, body: `{"__proto__": "${secret}"}` }],
    ['POST', `${path}/members`, { headers, body: { member: `${secret}/` } }],
    ['PATCH', path, { headers: { ...headers, ...v21 }, body: [{ op: 'add', path: `/${secret}`, value: 1 }] }],
    ['PATCH', path, { headers: { ...headers, 'content-type': secret }, body: [] }],
    ['POST', '/v2/images', { headers, body: { name: [secret] } }],
    ['GET', `/v2/images?name=in:%22${secret}`, { headers }],
    ['GET', `/v2/images?marker=${secret}`, { headers }],
    ['GET', path, { headers: { 'x-auth-token': secret } }],
    ['GET', path, { headers: { ...headers, 'x-openstack-request-id': `<${secret}>` } }],
    ['PUT', `${path}/members/beta`, { headers }],
  ];
  const before = service.logged.length;
  for (const [method, url, options] of requests) await service.request(method, url, options);
  proxy.intercept(() => ({ status: 400, response: { __type: 'x#ValidationException', message: 'no' } }));
  await service.request('PATCH', path, {
    headers: { ...headers, ...v21 },
    body: [{ op: 'add', path: '/note', value: secret }],
  });

  const lines = service.logged.slice(before);

  // The 500 of the last request has a second line, with the metrics of all operations.
  expect(lines).toHaveLength(requests.length + 2);
  expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  expect(lines.every((line) => line.endsWith('\n') && typeof JSON.parse(line) === 'object')).toBe(true);
});

test('of all that was refused nothing has changed', async () => {
  const before = await storedItems(table);
  const path = `/v2/images/${images.full}`;

  await service.request('PUT', `${path}/members/beta`, { as: 'beta:member', body: { status: 'maybe' } });
  await service.request('POST', `${path}/members`, { as: 'alpha:member', body: { member: 'one-too-many' } });
  await service.request('DELETE', `${path}/members/nobody`, { as: 'alpha:member' });
  await service.request('PATCH', path, { as: 'alpha:member', body: [{ op: 'remove', path: '/none' }], headers: v21 });
  await service.request('DELETE', `/v2/images/${images.protected}`, { as: 'alpha:member' });
  await service.request('POST', '/v2/images', { as: 'alpha:member', body: { id: images.shared } });

  expect(await storedItems(table)).toEqual(before);
});
