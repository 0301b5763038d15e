import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Image } from '../../../../lambda/domain/image.ts';
import { createTestTable, type TestTable } from '../../../support/engine.ts';
import { seedImage, type Seed } from '../../../support/seed.ts';
import { startService, type Service, type TestResponse } from '../../../support/service.ts';
import { itemsOfImage } from '../../../support/stored-items.ts';
import { aFault } from '../a-fault.ts';
import { responseHeaders } from '../response-headers.ts';

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
});
afterAll(() => table.drop());

/** An image of alpha's with the tag "old" that was offered to beta. */
const offered = (seed: Partial<Seed> = {}): Promise<Image> =>
  seedImage(table, { owner: 'alpha', tags: ['old'], members: [{ project: 'beta', status: 'pending' }], ...seed });

const pathOf = ({ id }: { id: string }) => `/v2/images/${id}`;
const show = (image: { id: string }, headers: Readonly<Record<string, string>> = {}, as = 'alpha:member') =>
  service.request('GET', pathOf(image), { as, headers });
const tagOf = async (image: { id: string }) => (await show(image)).headers['etag']!;
const rename = (image: { id: string }, name: string, ifMatch?: string) =>
  service.request('PATCH', pathOf(image), {
    as: 'alpha:member',
    body: [{ op: 'replace', path: '/name', value: name }],
    headers: {
      'content-type': 'application/openstack-images-v2.1-json-patch',
      ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    },
  });
const stored = ({ id }: { id: string }) => itemsOfImage(table, id, ['alpha', 'beta']);

const json = { 'content-type': 'application/json', ...responseHeaders };
const noContent = { status: 204, headers: responseHeaders, body: undefined };
const failed = aFault(412, 'precondition-failed');

type Change = (image: { id: string }, headers: Readonly<Record<string, string>>, as?: string) => Promise<TestResponse>;
/** Every operation with the precondition of an image. */
const changes: readonly (readonly [title: string, change: Change, status: number])[] = [
  [
    'PATCH',
    (image, headers, as = 'alpha:member') =>
      service.request('PATCH', pathOf(image), {
        as,
        body: [{ op: 'replace', path: '/name', value: 'new' }],
        headers: { 'content-type': 'application/openstack-images-v2.1-json-patch', ...headers },
      }),
    200,
  ],
  [
    'PATCH of the visibility',
    (image, headers, as = 'alpha:member') =>
      service.request('PATCH', pathOf(image), {
        as,
        body: [{ op: 'replace', path: '/visibility', value: 'private' }],
        headers: { 'content-type': 'application/openstack-images-v2.1-json-patch', ...headers },
      }),
    200,
  ],
  ['DELETE', (image, headers, as = 'alpha:member') => service.request('DELETE', pathOf(image), { as, headers }), 204],
  [
    'PUT of a tag',
    (image, headers, as = 'alpha:member') => service.request('PUT', `${pathOf(image)}/tags/new`, { as, headers }),
    204,
  ],
  [
    'DELETE of a tag',
    (image, headers, as = 'alpha:member') => service.request('DELETE', `${pathOf(image)}/tags/old`, { as, headers }),
    204,
  ],
];

describe('the entity tag of an image', () => {
  test('is the same in the responses of POST, PATCH and GET', async () => {
    const created = await service.request('POST', '/v2/images', { as: 'alpha:member', body: { name: 'first' } });
    const shown = await show(created.body);
    const renamed = await rename(created.body, 'second');
    const shownAgain = await show(created.body);

    expect(shown).toEqual({ status: 200, headers: { ...json, etag: created.headers['etag'] }, body: created.body });
    expect(shownAgain).toEqual({
      status: 200,
      headers: { ...json, etag: renamed.headers['etag'] },
      body: renamed.body,
    });
    expect(renamed.headers['etag']).not.toBe(created.headers['etag']);
  });

  test('is the same for every caller and below every alias of the version', async () => {
    const image = await offered();
    const tag = await tagOf(image);

    const byMember = await show(image, {}, 'beta:reader');
    const byAlias = await service.request('GET', `/v2.9/images/${image.id}`, { as: 'root:admin' });

    expect([byMember.headers['etag'], byAlias.headers['etag']]).toEqual([tag, tag]);
  });

  test('does not change with the members of the image', async () => {
    const image = await offered();
    const tag = await tagOf(image);

    await service.request('POST', `${pathOf(image)}/members`, { as: 'alpha:member', body: { member: 'gamma' } });

    expect(await tagOf(image)).toBe(tag);
  });

  test('is not in the responses of lists, which ignore If-None-Match', async () => {
    const listed = await service.request('GET', '/v2/images', {
      as: 'nobody:member',
      headers: { 'if-none-match': '*' },
    });

    expect(listed).toEqual({
      status: 200,
      headers: json,
      body: { images: [], first: '/v2/images', schema: '/v2/schemas/images' },
    });
  });
});

describe('GET of an image with If-None-Match', () => {
  test.each([
    ['the tag', (tag: string) => tag],
    ['the tag as a weak tag', (tag: string) => `W/${tag}`],
    ['the tag in a list', (tag: string) => `"other", W/${tag}`],
    ['*', () => '*'],
  ])('responds 304 without a body to %s', async (_title, value) => {
    const image = await offered();
    const tag = await tagOf(image);

    const response = await show(image, { 'if-none-match': value(tag) });

    expect(response).toEqual({ status: 304, headers: { ...responseHeaders, etag: tag }, body: undefined });
  });

  test('responds with the image to the tag of an earlier state', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    const renamed = await rename(image, 'new');

    const response = await show(image, { 'if-none-match': `${tag}, "other"` });

    expect(response).toEqual({ status: 200, headers: { ...json, etag: renamed.headers['etag'] }, body: renamed.body });
  });

  test('is refused if it is malformed', async () => {
    expect(await show(await offered(), { 'if-none-match': 'x' })).toEqual(aFault(400, 'invalid-request'));
  });
});

describe.each(changes)('%s with If-Match', (_title, change, status) => {
  test('is applied to the image with this tag', async () => {
    const image = await offered();

    const response = await change(image, { 'if-match': await tagOf(image) });

    const shown = await show(image);
    expect(response).toEqual(
      status === 204 ? noContent : { status: 200, headers: { ...json, etag: shown.headers['etag'] }, body: shown.body },
    );
  });

  test('is a 412 without effect for the tag of an earlier state', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    await rename(image, 'other');
    const before = await stored(image);

    const response = await change(image, { 'if-match': tag });

    expect(response).toEqual(failed);
    expect(await stored(image)).toEqual(before);
  });

  test('is a 412 without effect for the tag of another image or of another form', async () => {
    const image = await offered();
    const before = await stored(image);

    for (const tag of [await tagOf(await offered()), '"other"', '""']) {
      expect(await change(image, { 'if-match': tag })).toEqual(failed);
    }
    expect(await stored(image)).toEqual(before);
  });

  test.each(['*', '', 'W/"a"', '"a", "b"', 'a'])('is a 400 without effect for %j', async (value) => {
    const image = await offered();
    const before = await stored(image);

    expect(await change(image, { 'if-match': value })).toEqual(aFault(400, 'invalid-request'));
    expect(await stored(image)).toEqual(before);
  });

  test('is a 403 for a caller who may not change the image, with any tag', async () => {
    const image = await offered();

    for (const tag of [await tagOf(image), '"other"']) {
      for (const as of ['alpha:reader', 'beta:member']) {
        expect(await change(image, { 'if-match': tag }, as)).toEqual(aFault(403, 'not-permitted'));
      }
    }
  });

  test('is the same 404 for a hidden and for a missing image, with any tag', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    const send = async (id: string, headers: Readonly<Record<string, string>>) =>
      JSON.stringify(await change({ id }, { 'x-openstack-request-id': 'same', ...headers }, 'delta:member')).replaceAll(
        id,
        '<id>',
      );

    const responses = new Set<string>();
    for (const id of [image.id, randomUUID(), 'no-uuid']) {
      for (const headers of [{}, { 'if-match': tag }, { 'if-match': '"other"' }])
        responses.add(await send(id, headers));
    }

    expect(responses.size).toBe(1);
    expect([...responses].join()).toContain('image-not-found');
  });
});

test('a change without an effect is a 412 if the tag is another, otherwise it succeeds', async () => {
  const image = await offered();
  const tag = await tagOf(image);
  const before = await stored(image);
  const patchNothing = (ifMatch: string) =>
    service.request('PATCH', pathOf(image), {
      as: 'alpha:member',
      body: [],
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch', 'if-match': ifMatch },
    });
  const addOldTag = (ifMatch: string) =>
    service.request('PUT', `${pathOf(image)}/tags/old`, { as: 'alpha:member', headers: { 'if-match': ifMatch } });

  const matched = [await patchNothing(tag), await addOldTag(tag)];
  const unmatched = [await patchNothing('"other"'), await addOldTag('"other"')];

  const { body } = await show(image);
  expect(matched).toEqual([{ status: 200, headers: { ...json, etag: tag }, body }, noContent]);
  expect(unmatched).toEqual([failed, failed]);
  expect(await stored(image)).toEqual(before);
});

test('a tag that no longer exists is a 412, because the image has changed', async () => {
  const image = await offered();
  const tag = await tagOf(image);
  const removeOldTag = () =>
    service.request('DELETE', `${pathOf(image)}/tags/old`, { as: 'alpha:member', headers: { 'if-match': tag } });

  const responses = [await removeOldTag(), await removeOldTag()];

  expect(responses).toEqual([noContent, failed]);
});

test('a protected image is a 403 for its deletion with any tag', async () => {
  const image = await offered({ protected: true });

  for (const tag of [await tagOf(image), '"other"']) {
    const response = await service.request('DELETE', pathOf(image), {
      as: 'alpha:member',
      headers: { 'if-match': tag },
    });

    expect(response).toEqual(aFault(403, 'image-protected'));
  }
});

test('of concurrent changes with the same tag exactly one is applied', async () => {
  const image = await offered();
  const tag = await tagOf(image);

  const responses = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => rename(image, name, tag)));

  const applied = responses.filter(({ status }) => status === 200);
  expect(applied).toHaveLength(1);
  expect(responses.filter((response) => response !== applied[0])).toEqual(Array(5).fill(failed));
  expect((await show(image)).body).toEqual(applied[0]!.body);
});

test.each<[string, string, unknown]>([
  ['POST', '/v2/images', {}],
  ['POST', '/v2/images/<id>/import', {}],
  ['POST', '/v2/images/<id>/actions/deactivate', undefined],
  ['POST', '/v2/images/<id>/members', { member: 'gamma' }],
])('%s %s does not support preconditions', async (method, path, body) => {
  const image = await offered();
  const before = await stored(image);

  for (const name of ['if-match', 'if-none-match']) {
    const headers = { [name]: await tagOf(image) };
    const response = await service.request(method, path.replace('<id>', image.id), {
      as: 'alpha:member',
      body,
      headers,
    });

    expect(response).toEqual(aFault(400, 'invalid-request'));
  }
  expect(await stored(image)).toEqual(before);
});

test('a method that is not allowed is a 405 with any precondition', async () => {
  const image = await offered();

  const response = await service.request('PUT', pathOf(image), { as: 'alpha:member', headers: { 'if-match': 'x' } });

  expect(response).toEqual(aFault(405, 'method-not-allowed', { allow: 'GET, PATCH, DELETE' }));
});
