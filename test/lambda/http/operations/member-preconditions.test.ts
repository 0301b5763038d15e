import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Image } from '../../../../lambda/domain/image.ts';
import type { MemberStatus } from '../../../../lambda/domain/membership.ts';
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

/** An image of alpha's that was offered to beta, pending, and to gamma, accepted. */
const offered = (seed: Partial<Seed> = {}): Promise<Image> =>
  seedImage(table, {
    owner: 'alpha',
    members: [
      { project: 'beta', status: 'pending' },
      { project: 'gamma', status: 'accepted' },
    ],
    ...seed,
  });

type ImageReference = Pick<Image, 'id'>;
type Headers = Readonly<Record<string, string>>;

const membersOf = ({ id }: ImageReference) => `/v2/images/${id}/members`;
const pathOf = (image: ImageReference, project = 'beta') => `${membersOf(image)}/${project}`;
const show = (image: ImageReference, headers: Headers = {}, as = 'beta:reader') =>
  service.request('GET', pathOf(image), { as, headers });
const tagOf = async (image: ImageReference) => (await show(image, {}, 'ops:admin')).headers['etag']!;
const answer = (image: ImageReference, status: unknown, headers: Headers = {}, as = 'beta:member') =>
  service.request('PUT', pathOf(image), { as, body: { status }, headers });
const withdraw = (image: ImageReference, headers: Headers = {}, as = 'alpha:member') =>
  service.request('DELETE', pathOf(image), { as, headers });
const offer = (image: ImageReference) =>
  service.request('POST', membersOf(image), { as: 'alpha:member', body: { member_id: 'beta' } });
const stored = ({ id }: ImageReference) => itemsOfImage(table, id, ['alpha', 'beta', 'gamma']);

const json = { 'content-type': 'application/json', ...responseHeaders };
const noContent = { status: 204, headers: responseHeaders, body: undefined };
const failed = aFault(412, 'precondition-failed');
const noImage = aFault(404, 'image-not-found');
const forbidden = aFault(403, 'not-permitted');

interface Change {
  readonly title: string;
  readonly send: (image: ImageReference, headers: Headers, as?: string) => Promise<TestResponse>;
  readonly success: 200 | 204;
  /** Callers who see the image and may not make the change. */
  readonly notPermitted: readonly string[];
}

const changes: readonly Change[] = [
  {
    title: 'PUT of another status',
    send: (image, headers, as) => answer(image, 'accepted', headers, as),
    success: 200,
    notPermitted: ['alpha:member', 'beta:reader'],
  },
  {
    title: 'PUT of the same status',
    send: (image, headers, as) => answer(image, 'pending', headers, as),
    success: 200,
    notPermitted: ['alpha:member', 'beta:reader'],
  },
  { title: 'DELETE', send: withdraw, success: 204, notPermitted: ['alpha:reader', 'beta:member'] },
];

describe('the sharing API', () => {
  const end = '2099-01-01T00:00:00Z';
  const setEnd = (image: ImageReference, expiresAt: string | null, headers: Headers = {}) =>
    service.request('PUT', `/sharing/v1/images/${image.id}/members/beta/expiry`, {
      as: 'alpha:member',
      body: { expires_at: expiresAt },
      headers,
    });
  const leave = (image: ImageReference, headers: Headers = {}) =>
    service.request('DELETE', `/sharing/v1/memberships/${image.id}`, { as: 'beta:member', headers });

  test('sets the end of the expected membership, and responds with its new tag', async () => {
    const image = await offered();

    const response = await setEnd(image, end, { 'if-match': await tagOf(image) });

    const shown = await show(image);
    expect(response).toEqual({
      status: 200,
      headers: { ...json, etag: shown.headers['etag'] },
      body: { ...shown.body, expires_at: end, schema: '/sharing/v1/schemas/member' },
    });
  });

  test('applies one of several changes of the end with the same tag, even within one second', async () => {
    const image = await offered({ members: [] });
    const { headers } = await offer(image);
    const ifMatch = { 'if-match': headers['etag']! };

    const responses = [await setEnd(image, end, ifMatch), await setEnd(image, '2099-01-02T00:00:00Z', ifMatch)];

    expect(responses).toEqual([expect.objectContaining({ status: 200 }), failed]);
    expect(await setEnd(image, end, ifMatch)).toEqual(failed);
    expect((await setEnd(image, end, { 'if-match': responses[0]!.headers['etag']! })).body.expires_at).toBe(end);
  });

  test('does not answer or withdraw a membership whose end has changed', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    await setEnd(image, end);
    const before = await stored(image);

    const responses = [];
    for (const { send } of changes) responses.push(await send(image, { 'if-match': tag }));

    expect(responses).toEqual([failed, failed, failed]);
    expect(await stored(image)).toEqual(before);
  });

  test('ends only the expected membership for its member', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    await answer(image, 'accepted');

    const responses = [await leave(image, { 'if-match': tag }), await leave(image, { 'if-match': await tagOf(image) })];

    expect(responses).toEqual([failed, noContent]);
  });

  test.each(['*', 'W/"a"', ''])('refuses %j without effect', async (value) => {
    const image = await offered();
    const before = await stored(image);
    const headers = { 'if-match': value };

    const responses = [await setEnd(image, end, headers), await leave(image, headers)];

    expect(responses).toEqual(Array(2).fill(aFault(400, 'invalid-request')));
    expect(await stored(image)).toEqual(before);
  });

  test('refuses a precondition of a standing answer', async () => {
    for (const method of ['PUT', 'DELETE']) {
      const body = method === 'PUT' ? { status: 'accepted' } : undefined;
      const response = await service.request(method, '/sharing/v1/standing-answers/alpha', {
        as: 'delta:member',
        body,
        headers: { 'if-match': '"1"' },
      });

      expect(response).toEqual(aFault(400, 'invalid-request'));
    }
  });
});

describe('the entity tag of a member', () => {
  test('is the same in the responses of POST, PUT and GET', async () => {
    const image = await offered({ members: [] });
    const created = await offer(image);
    const shown = await show(image);
    const answered = await answer(image, 'accepted');
    const shownAgain = await show(image, {}, 'alpha:reader');

    expect(shown).toEqual({ status: 200, headers: { ...json, etag: created.headers['etag'] }, body: created.body });
    expect(shownAgain).toEqual({
      status: 200,
      headers: { ...json, etag: answered.headers['etag'] },
      body: answered.body,
    });
    expect(answered.headers['etag']).not.toBe(created.headers['etag']);
  });

  test('is another for every membership of a project', async () => {
    const image = await offered({ members: [] });
    const tags = new Set<string>();

    for (let n = 0; n < 3; n += 1) {
      const created = await offer(image);
      tags.add(created.headers['etag']!);
      await withdraw(image);
    }

    expect(tags.size).toBe(3);
  });

  test('does not change with the image', async () => {
    const image = await offered();
    const tag = await tagOf(image);

    await service.request('PUT', `/v2/images/${image.id}/tags/new`, { as: 'alpha:member' });

    expect(await tagOf(image)).toBe(tag);
  });

  test('is not in the response of the list, which ignores If-None-Match', async () => {
    const image = await offered({ members: [] });

    const listed = await service.request('GET', membersOf(image), {
      as: 'alpha:member',
      headers: { 'if-none-match': '*' },
    });

    expect(listed).toEqual({ status: 200, headers: json, body: { members: [], schema: '/v2/schemas/members' } });
  });
});

describe('GET of a member with If-None-Match', () => {
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

  test('responds with the member to the tag of an earlier state', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    const answered = await answer(image, 'accepted');

    const response = await show(image, { 'if-none-match': tag });

    expect(response).toEqual({
      status: 200,
      headers: { ...json, etag: answered.headers['etag'] },
      body: answered.body,
    });
  });

  test('is refused if it is malformed', async () => {
    expect(await show(await offered(), { 'if-none-match': 'x' })).toEqual(aFault(400, 'invalid-request'));
  });

  test('is a 404 for a caller who may not see the member', async () => {
    const image = await offered();

    const responses = [
      await show(image, { 'if-none-match': '*' }, 'gamma:member'),
      await show(image, { 'if-none-match': '*' }, 'delta:member'),
    ];

    expect(responses).toEqual([aFault(404, 'member-not-found'), noImage]);
  });
});

describe.each(changes)('$title with If-Match', ({ send, success, notPermitted }) => {
  test('is applied to the membership with this tag', async () => {
    const image = await offered();

    const response = await send(image, { 'if-match': await tagOf(image) });

    const shown = await show(image);
    expect(response).toEqual(
      success === 204
        ? noContent
        : { status: 200, headers: { ...json, etag: shown.headers['etag'] }, body: shown.body },
    );
    expect(shown.status).toBe(success === 204 ? 404 : 200);
  });

  test('is applied by an admin', async () => {
    const image = await offered();

    expect(await send(image, { 'if-match': await tagOf(image) }, 'ops:admin')).toMatchObject({ status: success });
  });

  test('is a 412 without effect for the tag of an earlier state', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    await answer(image, 'rejected');
    const before = await stored(image);

    const responses = [await send(image, { 'if-match': tag }), await send(image, { 'if-match': tag }, 'ops:admin')];

    expect(responses).toEqual([failed, failed]);
    expect(await stored(image)).toEqual(before);
  });

  test('is a 412 without effect for the tag of an earlier membership', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    await withdraw(image);
    await offer(image);
    const before = await stored(image);

    expect(await send(image, { 'if-match': tag })).toEqual(failed);
    expect(await stored(image)).toEqual(before);
  });

  test('is a 412 without effect for another tag or a tag of another form', async () => {
    const image = await offered();
    const before = await stored(image);
    const ofGamma = await service.request('GET', pathOf(image, 'gamma'), { as: 'gamma:reader' });
    const ofImage = await service.request('GET', `/v2/images/${image.id}`, { as: 'gamma:reader' });

    for (const tag of [ofGamma.headers['etag']!, ofImage.headers['etag']!, await tagOf(await offered()), '"x"', '""']) {
      expect(await send(image, { 'if-match': tag })).toEqual(failed);
    }
    expect(await stored(image)).toEqual(before);
  });

  test('is a 412 without effect for the tag with an end that is no time', async () => {
    const image = await offered();
    const before = await stored(image);
    const tag = (await tagOf(image)).replace(/"$/, 'never"');

    expect(await send(image, { 'if-match': tag })).toEqual(failed);

    expect(await stored(image)).toEqual(before);
  });

  test.each(['*', '', 'W/"a"', '"a", "b"', 'a'])('is a 400 without effect for %j', async (value) => {
    const image = await offered();
    const before = await stored(image);

    expect(await send(image, { 'if-match': value })).toEqual(aFault(400, 'invalid-request'));
    expect(await stored(image)).toEqual(before);
  });

  test('is a 403 for a caller who is not permitted, with any tag', async () => {
    const image = await offered();

    for (const tag of [await tagOf(image), '"other"']) {
      for (const as of notPermitted) expect(await send(image, { 'if-match': tag }, as)).toEqual(forbidden);
    }
  });

  test('is a 403 or 404 if the image is not shared, with any tag', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    await service.request('PATCH', `/v2/images/${image.id}`, {
      as: 'alpha:member',
      body: [{ op: 'replace', path: '/visibility', value: 'private' }],
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    });

    for (const ifMatch of [tag, '"other"']) {
      expect(await send(image, { 'if-match': ifMatch }, 'ops:admin')).toEqual(aFault(403, 'image-not-shared'));
      expect(await send(image, { 'if-match': ifMatch }, 'beta:member')).toEqual(noImage);
    }
  });

  test('is a 404 after the withdrawal, with any tag', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    await withdraw(image);

    for (const ifMatch of [tag, '"other"']) {
      expect(await send(image, { 'if-match': ifMatch }, 'ops:admin')).toEqual(aFault(404, 'member-not-found'));
      expect(await send(image, { 'if-match': ifMatch }, 'beta:member')).toEqual(noImage);
    }
  });

  test('is the same 404 for a hidden and for a missing image, with any tag', async () => {
    const image = await offered();
    const tag = await tagOf(image);
    const respond = async (id: string, headers: Headers) => {
      const given = await send(
        { id } as ImageReference,
        { 'x-openstack-request-id': 'same', ...headers },
        'delta:member',
      );
      return JSON.stringify(given).replaceAll(id, '<id>');
    };

    const responses = new Set<string>();
    for (const id of [image.id, randomUUID(), 'no-uuid']) {
      for (const headers of [{}, { 'if-match': tag }, { 'if-match': '"other"' }]) {
        responses.add(await respond(id, headers));
      }
    }

    expect(responses.size).toBe(1);
    expect([...responses].join()).toContain('image-not-found');
  });
});

test('an invalid status is a 400 with any tag', async () => {
  const image = await offered();

  for (const tag of [await tagOf(image), '"other"']) {
    expect(await answer(image, 'maybe', { 'if-match': tag })).toEqual(aFault(400, 'invalid-member-status'));
  }
});

test.each<[MemberStatus, MemberStatus]>([
  ['accepted', 'rejected'],
  ['accepted', 'accepted'],
])('of concurrent answers %s and %s with the same tag exactly one is applied', async (...statuses) => {
  const image = await offered();
  const tag = await tagOf(image);

  const responses = await Promise.all(statuses.map((status) => answer(image, status, { 'if-match': tag })));

  const applied = responses.filter(({ status }) => status === 200);
  expect(applied).toHaveLength(1);
  expect(responses.filter((response) => response !== applied[0])).toEqual([failed]);
  expect((await show(image)).body).toEqual(applied[0]!.body);
});
