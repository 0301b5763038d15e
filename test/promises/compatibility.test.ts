import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { imageKey, membershipKey } from '../../lambda/dynamodb/keys.ts';
import { type CommandWorld, type Message, openCommandWorld } from '../lambda/events/command-world.ts';
import { storedItems, type StoredItem } from '../support/stored-items.ts';
import { imageApi, type ImageApi, owner } from './image-api.ts';
import { brokenInvariants } from './invariants.ts';
import { assertAnswered, itemAt, plantDeletion, plantItems } from './world.ts';

const ids = {
  shared: '5a000000-0000-4000-8000-000000000001',
  hidden: '5a000000-0000-4000-8000-000000000002',
  public: '5a000000-0000-4000-8000-000000000003',
  community: '5a000000-0000-4000-8000-000000000004',
  deleted: '5a000000-0000-4000-8000-000000000005',
  changing: '5a000000-0000-4000-8000-000000000006',
} as const;

const commandOf = (fields: object): Message => ({
  body: JSON.stringify({ version: 1, user: 'robot', project: 'alpha', image_id: ids.shared, ...fields }),
});
const executed = commandOf({ id: 'executed', command: 'offer-image', member_id: 'zeta' });
const refused = commandOf({ id: 'refused', command: 'offer-image', member_id: 'beta' });

let world: CommandWorld;
let api: ImageApi;
beforeAll(async () => {
  world = await openCommandWorld();
  api = imageApi(world.service);
});
afterAll(() => world.close());

/** Stores one item of each kind. */
async function storeEveryKind(): Promise<void> {
  const properties = { os_distro: 'debian' };
  await api.create({ id: ids.shared, name: 'golden', tags: ['lts'], min_disk: 5, ...properties });
  for (const project of ['beta', 'gamma', 'delta', 'epsilon'])
    assertAnswered(await api.offer(ids.shared, project), 200);
  assertAnswered(await api.answer(ids.shared, 'beta', 'accepted'), 200);
  assertAnswered(await api.answer(ids.shared, 'delta', 'rejected'), 200);
  assertAnswered(await api.withdraw(ids.shared, 'epsilon'), 204);
  await api.create({ id: ids.hidden, os_hidden: true });
  await api.create({ id: ids.public, visibility: 'public' }, 'alpha:admin');
  await api.create({ id: ids.community, visibility: 'community' });
  await api.create({ id: ids.deleted });
  assertAnswered(await api.remove(ids.deleted), 204);
  expect(await world.deliver(executed, refused)).toEqual([]);

  await api.create({ id: ids.changing, name: 'unfinished' });
  assertAnswered(await api.offer(ids.changing, 'beta'), 200);
  let calls = 0;
  // The request reads the image and stores the pending change.
  world.proxy.intercept(() => {
    calls += 1;
    return calls <= 2 ? undefined : { status: 400, response: { __type: 'AccessDeniedException' } };
  });
  assertAnswered(await api.patch(ids.changing, { os_hidden: true }), 500);
  world.proxy.intercept(undefined);
}

/** The items that version 0.1.0 stored in {@link storeEveryKind}. */
const earlierItems = JSON.parse(
  readFileSync(join(import.meta.dirname, 'items-0.1.0.json'), 'utf8'),
) as readonly StoredItem[];

async function emptyTable(): Promise<void> {
  for (const { pk, sk } of await storedItems(world.table)) await plantDeletion(world.table, { pk, sk });
}

/** Returns every item except the command records, which depend on no image. */
const withoutCommands = async (): Promise<readonly StoredItem[]> =>
  (await storedItems(world.table)).filter(({ sk }) => sk !== 'COMMAND');

/** Returns the attributes of items with the types of their values, by key and attribute. */
const formatOf = (items: readonly StoredItem[]) =>
  Object.fromEntries(
    items.map(({ pk, sk, ...attributes }) => [
      `${pk} ${sk}`,
      Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, typeof value])),
    ]),
  );

describe('the items of version 0.1.0', () => {
  beforeEach(async () => {
    await emptyTable();
    await plantItems(world.table, earlierItems);
    world.replies.length = 0;
  });

  test('have all attributes among those that this version stores, so that a rollback can read them', async () => {
    await emptyTable();

    await storeEveryKind();

    expect(formatOf(await storedItems(world.table))).toMatchObject(formatOf(earlierItems));
  });

  test('agree with each other by the rules of this version', () => {
    const items = earlierItems.filter(({ sk }) => sk !== 'COMMAND');

    expect(brokenInvariants(items, { changesMayBePending: true })).toEqual([]);
  });

  test('are shown and listed', async () => {
    const { body } = assertAnswered(await api.show(ids.shared), 200);

    expect(body).toMatchObject({ name: 'golden', tags: ['lts'], min_disk: 5, os_distro: 'debian', owner: 'alpha' });
    expect(await api.members(ids.shared)).toEqual({
      beta: 'accepted',
      gamma: 'pending',
      delta: 'rejected',
      zeta: 'pending',
    });
    expect(await api.list('beta:member', '?visibility=shared')).toEqual([ids.shared]);
    expect(await api.list('gamma:member', '?visibility=shared&member_status=pending')).toEqual([ids.shared]);
    expect(await api.list('delta:member', '?visibility=shared&member_status=rejected')).toEqual([ids.shared]);
    expect(await api.list('epsilon:member')).toEqual([ids.public]);
    expect(await api.list('alpha:member', '?os_hidden=true')).toEqual([ids.hidden]);
    expect(await api.list('root:admin', '?visibility=community')).toEqual([ids.community]);
  });

  test('are changed: an answer, a withdrawal and a new offer after a withdrawal', async () => {
    const membership = membershipKey('epsilon' as ProjectId, ids.shared as ImageId);
    const { sequence } = (await itemAt(world.table, membership))!;

    assertAnswered(await api.answer(ids.shared, 'gamma', 'accepted'), 200);
    assertAnswered(await api.withdraw(ids.shared, 'beta'), 204);
    assertAnswered(await api.offer(ids.shared, 'epsilon'), 200);

    expect(await api.members(ids.shared)).toEqual({
      gamma: 'accepted',
      delta: 'rejected',
      epsilon: 'pending',
      zeta: 'pending',
    });
    expect(await itemAt(world.table, membership)).toMatchObject({ status: 'pending', sequence: sequence + 1 });
  });

  test('get and lose an end, and are left by their member', async () => {
    const end = '2999-01-01T00:00:00Z';
    const membership = membershipKey('gamma' as ProjectId, ids.shared as ImageId);
    const { sequence } = (await itemAt(world.table, membership))!;

    const { body: limited } = assertAnswered(await api.changeExpiry(ids.shared, 'gamma', end), 200);
    const { body: unlimited } = assertAnswered(await api.changeExpiry(ids.shared, 'gamma', null), 200);

    expect([limited.expires_at, limited.status]).toEqual([end, 'pending']);
    expect([unlimited.expires_at, unlimited.status]).toEqual([null, 'pending']);
    expect(await itemAt(world.table, membership)).toMatchObject({ status: 'pending', sequence: sequence + 2 });
    assertAnswered(await api.leave(ids.shared, 'beta'), 204);
    assertAnswered(await api.leave(ids.shared, 'delta'), 204);
    expect(await api.members(ids.shared)).toEqual({ gamma: 'pending', zeta: 'pending' });
    expect(brokenInvariants(await withoutCommands(), { changesMayBePending: true })).toEqual([]);
  });

  test('are offered by a standing answer and until a time, also to a project whose offer was withdrawn', async () => {
    const end = '2999-01-01T00:00:00Z';
    assertAnswered(await api.setStandingAnswer('epsilon', 'alpha', 'accepted'), 200);

    const { body } = assertAnswered(await api.offerUntil(ids.shared, 'epsilon', end), 200);

    expect([body.status, body.expires_at]).toEqual(['accepted', end]);
    expect(brokenInvariants(await withoutCommands(), { changesMayBePending: true })).toEqual([]);
  });

  test('are published with their changes, without what they do not have', async () => {
    await world.notifications.drain();
    world.notifications.published.length = 0;
    assertAnswered(await api.answer(ids.shared, 'gamma', 'accepted'), 200);
    assertAnswered(await api.leave(ids.shared, 'gamma'), 204);

    await world.notifications.drain();

    expect(world.notifications.published.map(({ type, before, after }) => [type, before, after])).toEqual([
      ['image.member.update', { status: 'pending' }, { status: 'accepted' }],
      ['image.member.delete', { status: 'accepted' }, null],
    ]);
  });

  test('are imported into, and their notifications have a status', async () => {
    await world.notifications.drain();
    world.notifications.published.length = 0;
    assertAnswered(await api.patch(ids.shared, { disk_format: 'raw', container_format: 'bare' }), 200);
    assertAnswered(await api.import(ids.shared), 202);

    await world.notifications.drain();

    const { body } = assertAnswered(await api.show(ids.shared), 200);
    expect(body).toMatchObject({ status: 'importing', name: 'golden', size: null });
    expect(world.notifications.published.map(({ before, after }) => [before?.['status'], after?.['status']])).toEqual([
      ['queued', 'queued'],
      ['queued', 'importing'],
    ]);
    expect(world.notifications.startedImports.map(({ imageId }) => imageId)).toEqual([ids.shared]);
  });

  test('keep the id of a deleted image from being reused', async () => {
    const { status } = await api.request('POST', '/v2/images', { as: owner, body: { id: ids.deleted } });

    expect(status).toBe(409);
  });

  test('keep an executed command from acting again, and a refused one from another outcome', async () => {
    const before = await storedItems(world.table);

    await world.deliver(executed, refused);

    expect(await storedItems(world.table)).toEqual(before);
  });

  test('contain a pending change, which is completed', async () => {
    assertAnswered(await api.patch(ids.changing, { name: 'completed' }), 200);

    expect(await itemAt(world.table, imageKey(ids.changing as ImageId))).not.toHaveProperty('pending_change');
    expect(await itemAt(world.table, membershipKey('beta' as ProjectId, ids.changing as ImageId))).toMatchObject({
      os_hidden: true,
    });
    expect(brokenInvariants(await withoutCommands())).toEqual([]);
  });
});
