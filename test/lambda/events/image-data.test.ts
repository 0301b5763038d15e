import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { addressNotAllowed } from '../../../lambda/image-source/source-error.ts';
import { maxImageDataReceiveCount } from '../../../lambda/events/image-data-handler.ts';
import { importMessage } from '../../../lambda/events/image-data-messages.ts';
import { openImageDataWorld, type ImageDataWorld } from './image-data-world.ts';

let world: ImageDataWorld;
beforeAll(async () => {
  world = await openImageDataWorld();
});
afterAll(() => world.close());

let objectsBefore: readonly string[];
beforeEach(async () => {
  world.content = (_request, response) => void response.end('image data');
  world.afterCopy = () => Promise.resolve();
  world.store = {};
  world.proxy.intercept(undefined);
  world.addresses.clear();
  await world.settle();
  for (const list of [world.notifications.published, world.logged]) list.length = 0;
  objectsBefore = await world.objects();
});

const hashOf = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('hex');
/** Returns the objects that the test has created and not deleted. */
const newObjects = async () => (await world.objects()).filter((key) => !objectsBefore.includes(key));
const patch = (id: string, path: string, value: unknown) =>
  world.service.request('PATCH', `/v2/images/${id}`, {
    as: 'alpha:member',
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    body: [{ op: 'replace', path, value }],
  });
const remove = (id: string) => world.service.request('DELETE', `/v2/images/${id}`, { as: 'alpha:member' });
const act = (id: string, action: string) =>
  world.service.request('POST', `/v2/images/${id}/actions/${action}`, { as: 'alpha:member' });
/** Returns the published states of an image. */
const statesOf = (id: string) =>
  world.notifications.published
    .filter(({ image, member }) => image.id === id && member === undefined)
    .map(({ type, before, after }) => [
      type,
      before?.['status'] ?? null,
      after === null
        ? null
        : { status: after['status'], ...('import_error' in after && { import_error: after['import_error'] }) },
    ]);
/** Creates an image and imports its data. */
const active = async (attributes?: Readonly<Record<string, unknown>>): Promise<string> => {
  const id = await world.create(attributes);
  expect((await world.import(id)).status).toBe(202);
  await world.settle();
  expect((await world.show(id)).body.status).toBe('active');
  return id;
};

describe('an import', () => {
  test('makes an image active with its size and hashes, and publishes both changes', async () => {
    const id = await world.create();

    const response = await world.import(id);
    const { body: importing } = await world.show(id);
    await world.settle();

    const { body } = await world.show(id);
    expect([response.status, response.body]).toEqual([202, undefined]);
    expect(importing).toMatchObject({
      status: 'importing',
      size: null,
      os_glance_importing_to_stores: 's3',
      os_glance_imported_bytes: '0',
    });
    expect(body).toMatchObject({
      status: 'active',
      size: 10,
      virtual_size: 10,
      checksum: hashOf('md5', 'image data'),
      os_hash_algo: 'sha512',
      os_hash_value: hashOf('sha512', 'image data'),
    });
    expect(Object.keys(body).filter((name) => name.startsWith('os_glance'))).toEqual([]);
    expect(statesOf(id)).toEqual([
      ['image.create', null, { status: 'queued' }],
      ['image.update', 'queued', { status: 'importing' }],
      ['image.update', 'importing', { status: 'active' }],
    ]);
    const [, started, ended] = world.notifications.published;
    expect(ended!.by).toEqual(started!.by);
    expect(ended!.sequence).toBe(started!.sequence + 1);
  });

  test('that failed leaves a queued image with a reason, is published, and can be repeated', async () => {
    const id = await world.create();
    world.content = (_request, response) => void response.writeHead(404).end();
    await world.import(id);
    await world.settle();
    const reason = 'The source must respond with status 200; got 404.';

    const { body: failed } = await world.show(id);
    world.content = (_request, response) => void response.end('image data');
    const again = await world.import(id);
    await world.settle();

    const { body } = await world.show(id);
    expect(failed).toMatchObject({
      status: 'queued',
      size: null,
      os_glance_failed_import: 's3',
      os_glance_import_error: reason,
    });
    expect([again.status, body.status]).toEqual([202, 'active']);
    expect(Object.keys(body).filter((name) => name.startsWith('os_glance'))).toEqual([]);
    expect(statesOf(id)).toEqual([
      ['image.create', null, { status: 'queued' }],
      ['image.update', 'queued', { status: 'importing' }],
      ['image.update', 'importing', { status: 'queued', import_error: reason }],
      ['image.update', 'queued', { status: 'importing' }],
      ['image.update', 'importing', { status: 'active' }],
    ]);
  });

  test.each([
    [
      'compressed',
      (response: any) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      /content encoding/,
    ],
    [
      'cut off',
      (response: any) => {
        response.writeHead(200, { 'content-length': 10 }).write('half');
        setImmediate(() => response.destroy());
      },
      /ended the connection/,
    ],
    ['larger than permitted', (response: any) => response.end('x'.repeat(100_001)), /at most 100000 bytes/],
    [
      'larger than permitted in chunks',
      (response: any) => {
        response.write('x'.repeat(60_000));
        response.end('x'.repeat(60_000));
      },
      /at most 100000 bytes/,
    ],
  ])('of a source that is %s fails with a sentence and leaves no object', async (_what, respond, sentence) => {
    world.content = (_request, response) => void respond(response);
    const id = await world.create();
    await world.import(id);

    await world.settle();

    const { body } = await world.show(id);
    expect([body.status, body.os_glance_import_error]).toEqual(['queued', expect.stringMatching(sentence)]);
    expect(await newObjects()).toEqual([]);
  });

  test('starts once, however often the image changes while it runs', async () => {
    const id = await world.create();
    await world.import(id);
    await patch(id, '/name', 'new');
    await patch(id, '/name', 'newer');

    expect(await world.messages()).toHaveLength(1);
  });

  test('keeps a change of the image that is made while it runs', async () => {
    const id = await world.create();
    await world.import(id);
    world.afterCopy = () => patch(id, '/name', 'changed');

    await world.settle();

    expect((await world.show(id)).body).toMatchObject({ name: 'changed', status: 'active' });
  });

  test('keeps a change of the visibility, with members, that is made while it runs', async () => {
    const id = await world.create();
    await world.service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member: 'beta' } });
    await world.import(id);
    world.afterCopy = () => patch(id, '/visibility', 'community');

    await world.settle();

    expect((await world.show(id)).body).toMatchObject({ visibility: 'community', status: 'active' });
  });

  test('that is delivered twice at the same time activates once and keeps one object', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    let arrived = 0;
    const both = Promise.withResolvers<undefined>();
    world.afterCopy = () => {
      arrived += 1;
      if (arrived === 2) both.resolve(undefined);
      return both.promise;
    };

    const failed = await Promise.all([world.deliver(messages), world.deliver(messages)]);

    const [object, ...others] = await newObjects();
    await world.settle();
    expect(failed).toEqual([[], []]);
    expect(world.logged.map(({ result }) => result).toSorted()).toEqual(['active', 'obsolete']);
    expect(object).toMatch(`images/${id}/`);
    expect(others).toEqual([]);
    expect(statesOf(id).slice(1)).toEqual([
      ['image.update', 'queued', { status: 'importing' }],
      ['image.update', 'importing', { status: 'active' }],
    ]);
    const { headers } = await world.download(id, 'alpha:member');
    expect(await (await fetch(headers['location']!)).text()).toBe('image data');
  });

  test('that is delivered again after its end has no effect', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    await world.deliver(messages);
    const { body } = await world.show(id);
    const objects = await newObjects();

    expect(await world.deliver(messages, 2)).toEqual([]);

    expect((await world.show(id)).body).toEqual(body);
    expect(await newObjects()).toEqual(objects);
    expect(world.source.connections()).toBeGreaterThan(0);
  });

  test('whose activation arrives twice at the database keeps its object', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    world.proxy.intercept(({ action }) =>
      action === 'UpdateItem' ? { afterwards: () => Promise.resolve('send again' as const) } : undefined,
    );

    expect(await world.deliver(messages)).toEqual([]);

    world.proxy.intercept(undefined);
    expect((await world.show(id)).body.status).toBe('active');
    expect(await newObjects()).toHaveLength(1);
  });

  test('whose activation loses its response is active with its object', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    world.proxy.intercept(({ action }) => (action === 'UpdateItem' ? 'lose the response' : undefined));

    expect(await world.deliver(messages)).toEqual([]);

    world.proxy.intercept(undefined);
    expect((await world.show(id)).body.status).toBe('active');
    expect(await newObjects()).toHaveLength(1);
  });

  test.each([
    ['', []],
    [', with a member,', ['beta']],
  ])('whose image%s is deleted while it runs leaves no object and no image', async (_what, members) => {
    const id = await world.create();
    for (const member of members)
      await world.service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member } });
    await world.import(id);
    world.afterCopy = async () => expect((await remove(id)).status).toBe(204);

    await world.settle();

    expect((await world.show(id)).status).toBe(404);
    expect(await newObjects()).toEqual([]);
    expect(world.logged.at(-1)).toMatchObject({ result: 'obsolete' });
  });

  test('does not end another import of the same image', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    world.content = (_request, response) => void response.writeHead(500).end();
    await world.deliver(messages);
    world.content = (_request, response) => void response.end('image data');
    await world.import(id);

    expect(await world.deliver(messages, 2)).toEqual([]);

    expect((await world.show(id)).body.status).toBe('importing');
    expect(world.logged.at(-1)).toMatchObject({ result: 'obsolete' });
    await world.settle();
    expect((await world.show(id)).body.status).toBe('active');
  });

  test('is repeated after a temporary error', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    world.store = { copy: () => Promise.reject(new Error('S3 is away.')) };

    expect(await world.deliver(messages)).toEqual(messages);
    expect((await world.show(id)).body.status).toBe('importing');
    world.store = {};
    expect(await world.deliver(messages, 2)).toEqual([]);

    expect((await world.show(id)).body.status).toBe('active');
  });

  test('fails after the last temporary error, without its text', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    const cause = new Error('S3 is away.');
    world.store = { copy: () => Promise.reject(cause) };

    expect(await world.deliver(messages, maxImageDataReceiveCount)).toEqual([]);

    expect((await world.show(id)).body).toMatchObject({
      status: 'queued',
      os_glance_import_error: 'The service could not store the data.',
    });
    expect(world.logged).toContainEqual({ givenUp: cause });
  });

  test('reports its progress', async () => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();
    const shown: unknown[] = [];
    const { promise: recorded, resolve } = Promise.withResolvers<undefined>();
    world.proxy.intercept(({ action }) => {
      if (action !== 'UpdateItem') return undefined;
      return { afterwards: () => Promise.resolve('go on' as const).finally(() => setImmediate(resolve, undefined)) };
    });
    const progressBytes = 64 * 1024 * 1024;
    world.store = {
      copy: async (_source, onProgress) => {
        onProgress(progressBytes - 1);
        onProgress(progressBytes);
        await recorded;
        shown.push((await world.show(id)).body.os_glance_imported_bytes);
        return { size: 1, virtualSize: 1, checksum: 'c', hash: 'h', objectKey: `images/${id}/x` };
      },
    };

    await world.deliver(messages);

    expect(shown).toEqual([String(progressBytes)]);
    expect((await world.show(id)).body.status).toBe('active');
  });
});

describe('a source with an address that is not allowed', () => {
  const sentence = addressNotAllowed().message;
  const failure = async (uri: string) => {
    const id = await world.create();
    const { status } = await world.import(id, uri);
    await world.settle();
    const { body } = await world.show(id);
    return [status, body.status, body.os_glance_import_error];
  };

  test.each(['http://127.0.0.1/', 'http://2130706433/', 'http://[::1]/', 'http://169.254.169.254/latest/meta-data'])(
    'is refused in the request: %s',
    async (uri) => {
      const id = await world.create();

      const { status, body } = await world.import(id, uri);

      expect([status, body.error, body.message]).toEqual([400, 'invalid-request', sentence]);
      expect(await world.messages()).toEqual([]);
      expect((await world.show(id)).body.status).toBe('queued');
    },
  );

  test.each([
    ['one private address', ['10.0.0.1']],
    ['a public and a private address', ['93.184.215.14', '10.0.0.1']],
    ['an IPv4-mapped address', ['::ffff:169.254.169.254']],
    ['no address', []],
  ])('behind a name with %s fails the import', async (_what, addresses) => {
    world.addresses.set('images.example', addresses);

    expect(await failure('http://images.example/')).toEqual([202, 'queued', sentence]);
  });

  test.each(['http://127.0.0.1/', 'http://[::1]/', 'http://metadata.example/'])(
    'behind a redirect to %s fails the import',
    async (location) => {
      world.addresses.set('metadata.example', ['169.254.169.254']);
      world.content = (_request, response) => void response.writeHead(302, { location }).end();

      expect(await failure(world.url())).toEqual([202, 'queued', sentence]);
    },
  );
});

describe('a download', () => {
  test('by a member is a redirect, whatever the status of the membership, until the membership ends', async () => {
    const id = await active();
    const member = `/v2/images/${id}/members`;
    await world.service.request('POST', member, { as: 'alpha:member', body: { member: 'beta' } });
    const contents: string[] = [];
    for (const status of ['pending', 'accepted', 'rejected']) {
      await world.service.request('PUT', `${member}/beta`, { as: 'beta:member', body: { status } });
      const { status: code, headers } = await world.download(id, 'beta:member');
      expect([code, headers['cache-control']]).toEqual([302, 'no-store']);
      const data = await fetch(headers['location']!);
      expect(data.headers.get('content-type')).toBe('application/octet-stream');
      contents.push(await data.text());
    }
    await world.service.request('DELETE', `${member}/beta`, { as: 'alpha:member' });

    expect(contents).toEqual(Array(3).fill('image data'));
    expect((await world.download(id, 'beta:member')).status).toBe(404);
    expect((await world.download(id, 'gamma:member')).status).toBe(404);
    expect((await world.download(id, 'alpha:reader')).status).toBe(403);
  });

  test('of the headers or of a range has the URL of its method', async () => {
    const id = await active();
    const { headers: head } = await world.service.request('HEAD', `/v2/images/${id}/file`, { as: 'alpha:member' });
    const { headers: get } = await world.download(id, 'alpha:member');

    const headers = await fetch(head['location']!, { method: 'HEAD' });
    const range = await fetch(get['location']!, { headers: { range: 'bytes=6-9' } });

    expect([headers.status, headers.headers.get('content-length')]).toEqual([200, '10']);
    expect([range.status, await range.text()]).toEqual([206, 'data']);
    expect((await fetch(get['location']!, { method: 'HEAD' })).status).toBe(403);
  });

  test('of a deactivated image is for an admin only, until it is reactivated', async () => {
    const id = await active();
    const codes = async () => [
      (await world.download(id, 'alpha:member')).status,
      (await world.download(id, 'root:admin')).status,
    ];

    expect((await act(id, 'deactivate')).status).toBe(204);
    const deactivated = await codes();
    const { body } = await world.show(id);
    expect((await act(id, 'deactivate')).status).toBe(204); // no change, so nothing is published
    expect((await act(id, 'reactivate')).status).toBe(204);
    await world.settle();

    expect(deactivated).toEqual([403, 302]);
    expect([body.status, body.size]).toEqual(['deactivated', 10]);
    expect(await codes()).toEqual([302, 302]);
    expect(statesOf(id).slice(3)).toEqual([
      ['image.update', 'active', { status: 'deactivated' }],
      ['image.update', 'deactivated', { status: 'active' }],
    ]);
  });

  test.each(['queued', 'importing'])('of an image that is %s is empty', async (status) => {
    const id = await world.create();
    if (status === 'importing') await world.import(id);

    const responses = [
      await world.download(id, 'alpha:member'),
      await world.service.request('HEAD', `/v2/images/${id}/file`, { as: 'alpha:member' }),
    ];

    expect(responses.map(({ status: code, body }) => [code, body])).toEqual(Array(2).fill([204, undefined]));
  });
});

describe('the deletion of an image', () => {
  test.each([
    ['', []],
    [' and members', ['beta', 'gamma']],
  ])('that has data%s deletes its object by one message', async (_what, members) => {
    const id = await active();
    for (const member of members)
      await world.service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member } });
    const objects = await newObjects();

    expect((await remove(id)).status).toBe(204);
    const messages = await world.messages();
    expect(await newObjects()).toEqual(objects);
    expect(await world.deliver(messages)).toEqual([]);

    expect(objects).toHaveLength(1);
    expect(messages.map((message) => JSON.parse(message))).toEqual([{ delete: { object_key: objects[0] } }]);
    expect(await newObjects()).toEqual([]);
    expect(await world.deliver(messages)).toEqual([]); // a repetition has no effect
    expect(statesOf(id).at(-1)).toEqual(['image.delete', 'active', null]);
  });

  test('without data has no message', async () => {
    const id = await world.create();
    await remove(id);

    expect(await world.messages()).toEqual([]);
  });
});

describe('a batch', () => {
  test.each([
    '',
    'no JSON',
    '[]',
    '{}',
    '{"import":{"image_id":"x","job":"1"}}',
    '{"import":{"image_id":"71c675ab-d94f-49cd-a114-e12490b328d9"}}',
    '{"delete":{}}',
    'null',
  ])('reports the malformed message %j alone', async (malformed) => {
    const id = await world.create();
    await world.import(id);
    const messages = await world.messages();

    expect(await world.deliver([malformed, ...messages])).toEqual([malformed]);

    expect((await world.show(id)).body.status).toBe('active');
    expect(world.logged[0]).toMatchObject({ level: 'error' });
  });

  test('reports a failed deletion alone', async () => {
    const id = await active();
    await remove(id);
    const deletions = await world.messages();
    const missing = importMessage({ imageId: '71c675ab-d94f-49cd-a114-e12490b328d9', jobId: 'none' });
    world.store = { delete: () => Promise.reject(new Error('S3 is away.')) };

    expect(await world.deliver([...deletions, missing])).toEqual(deletions);

    world.store = {};
    expect(await world.deliver(deletions, 2)).toEqual([]);
    expect(await newObjects()).toEqual([]);
  });
});
