import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Actor } from '../../../../../lambda/domain/actor.ts';
import { timestamp, type Timestamp } from '../../../../../lambda/domain/clock.ts';
import type { ImageAccess, ImageEntry, MembershipEntry } from '../../../../../lambda/domain/history/history-entry.ts';
import type { ImageId, ProjectId } from '../../../../../lambda/domain/ids.ts';
import type { MemberStatus } from '../../../../../lambda/domain/membership.ts';
import { connectTable } from '../../../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbHistoryRecorder } from '../../../../../lambda/dynamodb/history/dynamodb-history-recorder.ts';
import { DynamoDbHistoryRepository } from '../../../../../lambda/dynamodb/history/dynamodb-history-repository.ts';
import { markerOf } from '../../../../../lambda/http/requests/history-query.ts';
import { createTestTable, type TestTable } from '../../../../support/engine.ts';
import { seedImage } from '../../../../support/seed.ts';
import { startService, type Service, type TestResponse } from '../../../../support/service.ts';
import { startConsumer, type Consumer } from '../../../events/consumer.ts';
import { imageKey, membershipKey } from '../../../../../lambda/dynamodb/keys.ts';
import { plantAttributes } from '../../../../promises/world.ts';

let table: TestTable;
let service: Service;
let consumer: Consumer;
let history: DynamoDbHistoryRepository;
let recorder: DynamoDbHistoryRecorder;

beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
  consumer = await startConsumer(table);
  const connected = connectTable(table.tableName);
  history = new DynamoDbHistoryRepository(connected, () => new Date());
  recorder = new DynamoDbHistoryRecorder(connected, 400);
});
afterAll(async () => {
  consumer.close();
  await table.drop();
});

const pathOf = (id: string): string => `/sharing/v1/images/${id}/history`;
const show = (id: string, as: string, query = ''): Promise<TestResponse> =>
  service.request('GET', `${pathOf(id)}${query === '' ? '' : `?${query}`}`, { as });

const jsonPatch = { 'content-type': 'application/openstack-images-v2.1-json-patch' };

/** Reads every page by its `next` link. */
async function walk(id: string, as: string, query: string): Promise<readonly TestResponse[]> {
  const pages: TestResponse[] = [];
  for (let path: string | undefined = `${pathOf(id)}?${query}`; path !== undefined;) {
    const page: TestResponse = await service.request('GET', path, { as });
    expect(page.status).toBe(200);
    pages.push(page);
    path = page.body.next;
  }
  return pages;
}

const pending = { status: 'pending', expires_at: null };
const accepted = { status: 'accepted', expires_at: null };
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const byAlpha = (user: string | null) => ({ project_id: 'alpha', user_id: user, via: 'http' });
const byBeta = (user: string | null) => ({ project_id: 'beta', user_id: user, via: 'http' });

describe('an image that alpha shares with beta, makes private and deletes', () => {
  let id: string;

  beforeAll(async () => {
    id = randomUUID();
    await service.request('POST', '/v2/images', { as: 'alpha:member', body: { id } });
    await service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member: 'beta' } });
    await service.request('PUT', `/v2/images/${id}/members/beta`, { as: 'beta:member', body: { status: 'accepted' } });
    await service.request('DELETE', `/v2/images/${id}/members/beta`, { as: 'alpha:member' });
    await service.request('PATCH', `/v2/images/${id}`, {
      as: 'alpha:member',
      headers: jsonPatch,
      body: [{ op: 'replace', path: '/visibility', value: 'private' }],
    });
    await service.request('DELETE', `/v2/images/${id}`, { as: 'alpha:member' });
    await consumer.drain();
  });

  const ids = { image: expect.stringMatching(/:\d+$/), membership: expect.stringMatching(/^[0-9a-f-]{36}:\d+$/) };
  const common = { time, schema: '/sharing/v1/schemas/history-entry' };
  const ofBeta = { ...common, id: ids.membership, kind: 'membership', member_id: 'beta' };
  const ofImage = { ...common, id: ids.image, kind: 'image' };
  const memberEntries = (alice: string | null, bob: string | null) => [
    { ...ofBeta, before: null, after: pending, by: byAlpha(alice) },
    { ...ofBeta, before: pending, after: accepted, by: byBeta(bob) },
    { ...ofBeta, before: accepted, after: null, by: byAlpha(alice) },
  ];
  const imageEntries = (alice: string | null) => {
    const by = byAlpha(alice);
    const [shared, hidden] = [
      { visibility: 'shared', owner: 'alpha' },
      { visibility: 'private', owner: 'alpha' },
    ];
    return [
      { ...ofImage, before: null, after: shared, by },
      { ...ofImage, before: shared, after: hidden, by },
      { ...ofImage, before: hidden, after: null, by },
    ];
  };
  const users = ['user-of-alpha', 'user-of-beta'] as const;

  test.each([
    ['its owner sees all entries, and the users of its own project', 'alpha:reader', [users[0], null], true],
    ['an admin sees all entries and users', 'root:admin', users, true],
    ['the former member sees its own entries and users', 'beta:reader', [null, users[1]], false],
  ] as const)('%s', async (_what, as, [alice, bob], seesImage) => {
    const { status, body } = await show(id, as);

    const entries = [...(seesImage ? imageEntries(alice) : []), ...memberEntries(alice, bob)];
    expect([status, body]).toEqual([
      200,
      {
        history: expect.arrayContaining(entries),
        first: pathOf(id),
        schema: '/sharing/v1/schemas/history',
      },
    ]);
    expect(body.history).toHaveLength(entries.length);
    const times = body.history.map((entry: { time: string }) => entry.time);
    expect(times).toEqual(times.toSorted().reverse());
  });

  test.each([
    ['alpha:reader', 'beta'],
    ['root:admin', 'beta'],
    ['beta:reader', 'beta'],
  ])('%s narrows it to the entries of one project', async (as, member) => {
    const { status, body } = await show(id, as, `member_id=${member}`);

    expect(status).toBe(200);
    expect(body.first).toBe(`${pathOf(id)}?member_id=${member}`);
    expect(body.history.map((entry: { member_id: string }) => entry.member_id)).toEqual(['beta', 'beta', 'beta']);
  });

  test('a project without entries has an empty list, for those who see all', async () => {
    const { status, body } = await show(id, 'alpha:reader', 'member_id=gamma');

    expect([status, body.history, body.next]).toEqual([200, [], undefined]);
  });

  test.each([
    ['a stranger', 'gamma:reader', ''],
    ['a stranger that asks for a member', 'gamma:reader', 'member_id=beta'],
    ['a stranger that asks for itself', 'gamma:reader', 'member_id=gamma'],
    ['a stranger that asks for a time', 'gamma:reader', `at=${timestamp(new Date())}`],
    ['the owner without a role', 'alpha:', ''],
    ['the former member without a role', 'beta:', ''],
  ])('%s finds no image', async (_what, as, query) => {
    const { status, body } = await show(id, as, query);

    expect([status, body.error, body.message]).toEqual([404, 'image-not-found', `No image found with ID ${id}.`]);
  });

  test('a member that asks for another project finds no member', async () => {
    const { status, body } = await show(id, 'beta:reader', 'member_id=alpha');

    expect([status, body.error]).toEqual([404, 'member-not-found']);
  });

  test('an image that was never created has no history, even for an admin', async () => {
    const { status, body } = await show(randomUUID(), 'root:admin');

    expect([status, body.error]).toEqual([404, 'image-not-found']);
  });

  test.each([1, 2, 4, 5, 6])(
    'its pages of %i entries are the whole history, and only the last has no next',
    async (limit) => {
      const all = (await show(id, 'alpha:reader')).body.history;

      const pages = await walk(id, 'alpha:reader', `limit=${limit}`);

      expect(pages.flatMap(({ body }) => body.history)).toEqual(all);
      expect(pages).toHaveLength(Math.ceil(6 / limit));
      expect(new Set(pages.map(({ body }) => body.first))).toEqual(new Set([`${pathOf(id)}?limit=${limit}`]));
    },
  );

  test('a page of a former member after its last entry is empty', async () => {
    const entries = await history.findEntries(id as ImageId, 'beta' as ProjectId, undefined, 10);

    const { status, body } = await show(id, 'beta:reader', `marker=${markerOf(entries.at(-1)!)}`);

    expect([status, body.history, body.next]).toEqual([200, [], undefined]);
  });

  test('a page of 0 entries is empty', async () => {
    const { status, body } = await show(id, 'alpha:reader', 'limit=0');

    expect([status, body.history, body.next]).toEqual([200, [], undefined]);
  });
});

test('a current member without entries has an empty history', async () => {
  const { id } = await seedImage(table, { owner: 'alpha', members: [{ project: 'beta', status: 'pending' }] });

  const { status, body } = await show(id, 'beta:reader');

  expect([status, body.history]).toEqual([200, []]);
});

test('a new owner sees what happened before the transfer, and the old owner only its own memberships', async () => {
  const id = randomUUID();
  await service.request('POST', '/v2/images', { as: 'alpha:member', body: { id } });
  await service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member: 'beta' } });
  await service.request('PATCH', `/v2/images/${id}`, {
    as: 'root:admin',
    headers: jsonPatch,
    body: [{ op: 'replace', path: '/owner', value: 'omega' }],
  });
  await consumer.drain();

  const [newOwner, oldOwner] = [await show(id, 'omega:reader'), await show(id, 'alpha:member')];

  expect(newOwner.body.history).toHaveLength(3);
  expect([oldOwner.status, oldOwner.body.error]).toEqual([404, 'image-not-found']);
});

test('a tombstone without an owner leaves the history to admins and former members', async () => {
  const id = randomUUID() as ImageId;
  await recorder.record([membershipEntry(id, {})]);
  await service.request('POST', '/v2/images', { as: 'alpha:member', body: { id } });
  await service.request('DELETE', `/v2/images/${id}`, { as: 'alpha:member' });
  await plantAttributes(table, imageKey(id), { owner: undefined });

  const seen = await Promise.all(['root:admin', 'beta:reader', 'alpha:member'].map((as) => show(id, as)));

  expect(seen.map(({ status }) => status)).toEqual([200, 200, 404]);
});

describe('a query with', () => {
  let id: string;
  beforeAll(async () => {
    ({ id } = await seedImage(table, { owner: 'alpha' }));
  });

  const position = (text: string): string => `marker=${Buffer.from(text).toString('base64url')}`;
  const day = 24 * 3600 * 1000;
  const inDays = (days: number): string => timestamp(new Date(Date.now() + days * day));
  const projectForm = 'must be a project id of 1 to 255 characters without "/", "?" and control characters.';
  const atForm = '"at" must be a time in UTC in the form 2026-12-31T12:00:00Z.';
  const unknownMarker = '"marker" is unknown; use the "next" link of the previous page.';

  test.each([
    [
      'an unknown parameter',
      'memberid=beta',
      'The parameter "memberid" is unknown; the parameters are "member_id", "at", "limit", "marker".',
    ],
    ['a project id that no project has', 'member_id=a%2Fb', `"member_id" ${projectForm}`],
    ['an empty project id', 'member_id=', `"member_id" ${projectForm}`],
    ['a negative limit', 'limit=-1', '"limit" must be a whole number, 0 or greater.'],
    ['a limit that is no number', 'limit=x', '"limit" must be a whole number, 0 or greater.'],
    ['an empty time', 'at=', atForm],
    ['a time without a zone', 'at=2026-11-23T12:00:00', atForm],
    ['a time in another zone', 'at=2026-11-23T12:00:00%2B02:00', atForm],
    ['a day', 'at=2026-11-23', atForm],
    ['a day that does not exist', 'at=2026-02-30T12:00:00Z', atForm],
    ['a time in the year 10000', 'at=%2B10000-01-01T00:00:00Z', atForm],
    ['a time with milliseconds', 'at=2026-11-23T12:00:00.000Z', atForm],
    ['a time in the future', `at=${inDays(1)}`, '"at" must not be in the future.'],
    ['the last time of all', 'at=9999-12-31T23:59:59Z', '"at" must not be in the future.'],
    [
      'a time before the retention',
      `at=${inDays(-401)}`,
      '"at" must be within the last 400 days, for which the history is kept.',
    ],
    ['an empty marker', 'marker=', unknownMarker],
    ['a marker that is not of this form', 'marker=a.b', unknownMarker],
    ['a marker with another text', position('a b c'), unknownMarker],
    ['a marker with an invalid time', position('2026-13-23T12:00:00Z 1 x'), unknownMarker],
    ['a marker with an unsafe number', position('2026-11-23T12:00:00Z 9999999999999999 x'), unknownMarker],
    ['a marker with a further word', position('2026-11-23T12:00:00Z 1 x y'), unknownMarker],
    ['a marker with leading zeros', position('2026-11-23T12:00:00Z 01 x'), unknownMarker],
    ['a marker and a time', `at=${inDays(0)}&marker=a%2Fb`, `"marker" ${projectForm}`],
  ])('%s is refused', async (_what, query, message) => {
    const { status, body } = await show(id, 'alpha:reader', query);

    expect([status, body.error, body.message]).toEqual([400, 'invalid-request', message]);
  });

  test('a limit above 100 has 100', async () => {
    const imageId = id as ImageId;
    await recorder.record(Array.from({ length: 101 }, (_, sequence) => membershipEntry(imageId, { sequence })));

    const { status, body } = await show(id, 'alpha:reader', 'limit=1000000');

    expect([status, body.history.length, typeof body.next]).toEqual([200, 100, 'string']);
  });
});

const start = Date.now() - 100 * 24 * 3600 * 1000;
/** The time some hours after the start of the story. */
const hour = (hours: number): Timestamp => timestamp(new Date(start + hours * 3600 * 1000));
const secondBefore = (at: Timestamp): Timestamp => timestamp(new Date(Date.parse(at) - 1000));

const actor: Actor = { projectId: 'alpha' as ProjectId, userId: 'alice', via: 'http' };
const state = (status: MemberStatus, expiresAt?: Timestamp) => ({ status, expiresAt });
const membershipEntry = (imageId: ImageId, fields: Partial<MembershipEntry>): MembershipEntry => ({
  kind: 'membership',
  imageId,
  memberId: 'beta' as ProjectId,
  subject: 'membership',
  sequence: 1,
  time: hour(1),
  actor,
  before: undefined,
  after: state('pending'),
  ...fields,
});
const imageEntry = (imageId: ImageId, fields: Partial<ImageEntry>): ImageEntry => ({
  kind: 'image',
  imageId,
  subject: imageId,
  sequence: 1,
  time: hour(0),
  actor,
  before: undefined,
  after: undefined,
  ...fields,
});

describe('the access at a time', () => {
  let id: ImageId;
  const access = (visibility: ImageAccess['visibility'], owner: string): ImageAccess => ({
    visibility,
    owner: owner as ProjectId,
  });
  /** The story: hour and member, state before and after. */
  const changes: readonly (readonly [number, string, MembershipEntry['before'], MembershipEntry['after']])[] = [
    [1, 'beta', undefined, state('pending')],
    [2, 'beta', state('pending'), state('accepted')],
    [3, 'gamma', undefined, state('pending', hour(6))],
    [5, 'beta', state('accepted'), undefined],
    [8, 'gamma', state('pending', hour(6)), undefined], // swept two hours after its end
    [9, 'beta', undefined, state('pending')],
    [10, 'beta', state('pending'), state('rejected')],
  ];

  beforeAll(async () => {
    // The present: owned by omega, beta has rejected, and delta is a member since before the first entry of the history.
    ({ id } = await seedImage(table, {
      owner: 'omega',
      createdAt: hour(0),
      members: [
        { project: 'beta', status: 'rejected' },
        { project: 'delta', status: 'accepted' },
      ],
    }));
    await plantAttributes(table, membershipKey('beta' as ProjectId, id), { created_at: hour(9), updated_at: hour(10) });
    await plantAttributes(table, membershipKey('delta' as ProjectId, id), { created_at: hour(0), updated_at: hour(0) });
    await recorder.record([
      imageEntry(id, { time: hour(0), after: access('shared', 'alpha') }),
      imageEntry(id, {
        time: hour(4),
        sequence: 2,
        before: access('shared', 'alpha'),
        after: access('private', 'alpha'),
      }),
      imageEntry(id, {
        time: hour(7),
        sequence: 3,
        before: access('private', 'alpha'),
        after: access('shared', 'omega'),
      }),
      ...changes.map(([at, member, before, after], sequence) =>
        membershipEntry(id, { time: hour(at), memberId: member as ProjectId, sequence, before, after }),
      ),
    ]);
  });

  const beta = (status: string) => ({ member_id: 'beta', status, expires_at: null });
  const gamma = { member_id: 'gamma', status: 'pending', expires_at: hour(6) };
  const delta = { member_id: 'delta', status: 'accepted', expires_at: null };
  const shared = (owner: string) => ({ visibility: 'shared', owner });
  const hidden = { visibility: 'private', owner: 'alpha' };

  test.each([
    ['before the creation', secondBefore(hour(0)), null, []],
    ['of the creation', hour(0), shared('alpha'), [delta]],
    ['just before an offer', secondBefore(hour(1)), shared('alpha'), [delta]],
    ['of an offer', hour(1), shared('alpha'), [beta('pending'), delta]],
    ['of an answer', hour(2), shared('alpha'), [beta('accepted'), delta]],
    ['of an offer with an end', hour(3), shared('alpha'), [beta('accepted'), delta, gamma]],
    ['while the image is private', hour(4), hidden, [beta('accepted'), delta, gamma]],
    ['of a withdrawal', hour(5), hidden, [delta, gamma]],
    ['just before the end of an offer', secondBefore(hour(6)), hidden, [delta, gamma]],
    ['of the end of an offer that is swept later', hour(6), hidden, [delta]],
    ['of a transfer', hour(7), shared('omega'), [delta]],
    ['of the sweep', hour(8), shared('omega'), [delta]],
    ['of a second offer', hour(9), shared('omega'), [beta('pending'), delta]],
    ['of its answer', hour(10), shared('omega'), [beta('rejected'), delta]],
    ['of now', timestamp(new Date()), shared('omega'), [beta('rejected'), delta]],
  ])('%s', async (_what, at, image, members) => {
    const { status, body } = await show(id, 'omega:reader', `at=${at}`);

    const first = `${pathOf(id)}?${new URLSearchParams({ at }).toString()}`;
    expect([status, body]).toEqual([200, { at, image, members, first, schema: '/sharing/v1/schemas/access' }]);
  });

  test('in pages is the whole access, although a page can have fewer members than projects', async () => {
    const at = hour(5);

    const pages = await walk(id, 'omega:reader', `at=${at}&limit=1`);

    expect(pages.map(({ body }) => body.members)).toEqual([[], [delta], [gamma]]);
    expect(pages.map(({ body }) => body.image)).toEqual([hidden, hidden, hidden]);
  });

  test('of one project has that project only', async () => {
    const at = hour(3);

    const ofGamma = await show(id, 'omega:reader', `at=${at}&member_id=gamma`);
    const ofStranger = await show(id, 'omega:reader', `at=${at}&member_id=zeta`);

    expect([ofGamma.body.members, ofStranger.body.members]).toEqual([[gamma], []]);
    expect(ofGamma.body.next).toBeUndefined();
  });

  test.each([
    ['a member', 'beta:reader', hour(2), shared('alpha'), [beta('accepted')]],
    ['a member while the image was private', 'beta:reader', hour(4), null, [beta('accepted')]],
    ['a project after its membership', 'beta:reader', hour(7), null, []],
    ['a project whose membership has ended', 'gamma:reader', hour(7), null, []],
    ['a former member', 'gamma:reader', hour(3), shared('alpha'), [gamma]],
  ])('%s sees itself, and the image only if it could see the image then', async (_what, as, at, image, members) => {
    const { status, body } = await show(id, as, `at=${at}`);

    expect([status, body.image, body.members, body.next]).toEqual([200, image, members, undefined]);
  });

  test('is not shown of another project to a member', async () => {
    const { status, body } = await show(id, 'beta:reader', `at=${hour(3)}&member_id=gamma`);

    expect([status, body.error]).toEqual([404, 'member-not-found']);
  });
});
