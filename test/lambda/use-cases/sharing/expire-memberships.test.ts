import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { localCredentials, localRegion } from '../../../../infra/local/template/template-values.ts';
import { timestamp, type Timestamp } from '../../../../lambda/domain/clock.ts';
import type { ImageId, ProjectId } from '../../../../lambda/domain/ids.ts';
import type { Image } from '../../../../lambda/domain/image.ts';
import { connectTable } from '../../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbExpiryRepository } from '../../../../lambda/dynamodb/dynamodb-expiry-repository.ts';
import { DynamoDbImageRepository } from '../../../../lambda/dynamodb/dynamodb-image-repository.ts';
import { DynamoDbMembershipRepository } from '../../../../lambda/dynamodb/dynamodb-membership-repository.ts';
import { membershipKey, offerKey } from '../../../../lambda/dynamodb/keys.ts';
import { withTimeLimit } from '../../../../lambda/runtime/request-context.ts';
import { createExpireMemberships, type ExpiryReport } from '../../../../lambda/use-cases/sharing/expire-memberships.ts';
import { brokenInvariants } from '../../../promises/invariants.ts';
import { itemAt, plantAttributes, plantDeletion, plantItems } from '../../../promises/world.ts';
import { createTestTable, type TestTable } from '../../../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../../../support/engine-proxy.ts';
import { seedImage, seedImages } from '../../../support/seed.ts';
import { storedItems } from '../../../support/stored-items.ts';
import { startConsumer } from '../../events/consumer.ts';

const now = new Date('2026-11-23T13:00:00Z');
const ended = '2026-11-23T12:59:00Z' as Timestamp;
const deadline = new Date('2026-11-23T13:00:50Z');

let table: TestTable;
let proxy: EngineProxy;
let memberships: DynamoDbMembershipRepository;
let images: DynamoDbImageRepository;
let expireMemberships: ReturnType<typeof createExpireMemberships>;

beforeEach(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  // The stream consumer of these tests reads the same variables.
  Object.assign(process.env, {
    AWS_REGION: localRegion,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
  });
  const connected = connectTable(table.tableName);
  memberships = new DynamoDbMembershipRepository(connected);
  images = new DynamoDbImageRepository(connected, () => now);
  expireMemberships = expireWith({});
});

afterEach(async () => {
  await proxy.stop();
  await table.drop();
});

/** @param limit - time for one membership in milliseconds, by default enough for the thousandth on a busy machine */
const expireWith = ({ clock = () => now, limit = 30_000 }) =>
  createExpireMemberships({
    expiry: new DynamoDbExpiryRepository(connectTable(table.tableName)),
    memberships: { expire: (membership) => withTimeLimit(limit, () => memberships.expire(membership)) },
    clock,
  });

const nothing: ExpiryReport = {
  expired: 0,
  skipped: 0,
  failed: 0,
  unread: 0,
  isComplete: true,
  oldestOverdueSeconds: 0,
  failures: [],
};

const membersEnding = (count: number, expiresAt: Timestamp = ended) =>
  Array.from({ length: count }, (_, n) => ({ project: `member-${n}`, status: 'accepted' as const, expiresAt }));
const imageWith = (count: number, expiresAt?: Timestamp) =>
  seedImage(table, { owner: 'alpha', members: membersEnding(count, expiresAt) });
const member = (n: number) => `member-${n}` as ProjectId;
const membership = ({ id }: Image, n: number) => itemAt(table, membershipKey(member(n), id));
/** Returns the projects whose membership of an image is stored with a status. */
const members = async ({ id }: Image): Promise<readonly string[]> =>
  (await storedItems(table))
    .filter(({ image_id: imageId, status }) => imageId === id && status !== undefined)
    .map(({ member_id: memberId }) => memberId as string);
const memberCount = async ({ id }: Image) => (await images.find(id, [])).image?.memberCount;
/** The response of DynamoDB to a transaction that conflicts with another request on its first item. */
const conflict = {
  status: 400,
  response: {
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }, { Code: 'None' }],
  },
};
const isExpiryOf = (call: Parameters<Parameters<EngineProxy['intercept']>[0] & object>[0], project: string): boolean =>
  call.action === 'TransactWriteItems' && JSON.stringify(call.request).includes(`"PROJECT#${project}"`);

test('a run without overdue memberships costs sixteen queries', async () => {
  await imageWith(2, '2026-11-23T13:00:01Z' as Timestamp);
  await proxy.record(() => Promise.resolve());

  const { result, calls } = await proxy.record(() => expireMemberships({ deadline }));

  expect(result).toEqual(nothing);
  expect(calls.map(({ action }) => action)).toEqual(Array(16).fill('Query'));
});

test('one run ends a thousand memberships of one image and of many', async () => {
  await imageWith(500);
  await seedImages(table, { owner: 'alpha', count: 250, members: membersEnding(2) });

  const report = await expireMemberships({ deadline });

  expect(report).toEqual({ ...nothing, expired: 1000 });
  const items = await storedItems(table);
  expect(items.filter(({ sk }) => sk === 'IMAGE').map(({ member_count: count }) => count)).toEqual(Array(251).fill(0));
  expect(brokenInvariants(items)).toEqual([]);
}, 180_000);

test('an ended membership has the actor "expiry" of the owner and is in no index', async () => {
  const image = await imageWith(1);
  const before = await membership(image, 0);

  await expireMemberships({ deadline });

  const after = await membership(image, 0);
  expect(after).toMatchObject({
    sequence: (before!['sequence'] as number) + 1,
    updated_at: timestamp(now),
    updated_by: { project: 'alpha', user: 'expiry', via: 'expiry' },
  });
  for (const attribute of ['status', 'ends_at', 'expiry_shard', 'listed', 'list_key']) {
    expect(after).not.toHaveProperty(attribute);
  }
});

test('memberships that are malformed end no run: all others are ended, and the report has the causes', async () => {
  const image = await imageWith(20);
  const other = await imageWith(3);
  for (const n of [0, 7]) await plantAttributes(table, membershipKey(member(n), image.id), { created_at: 'yesterday' });
  await plantItems(table, [{ pk: 'PROJECT#', sk: 'SHARED#x', expiry_shard: image.id.at(-1), ends_at: 1 }]);

  const report = await expireMemberships({ deadline });

  expect(report).toEqual({
    ...nothing,
    expired: 21,
    failed: 3,
    oldestOverdueSeconds: Math.floor(now.getTime() / 1000) - 1,
    failures: expect.arrayContaining([
      { membership: { endedAtSeconds: 1, malformedKey: 'PROJECT# / SHARED#x' }, cause: expect.any(Error) },
      ...[0, 7].map((n) => ({
        membership: { endedAtSeconds: Date.parse(ended) / 1000, imageId: image.id, memberId: member(n) },
        cause: expect.objectContaining({ message: expect.stringContaining('"created_at" is not a timestamp') }),
      })),
    ]),
  });
  expect((await members(image)).toSorted()).toEqual([member(0), member(7)]);
  expect(await members(other)).toEqual([]);
});

test('an image that is always contended costs the time of three memberships, and other images wait for none', async () => {
  // In the same part of the index, and before all others.
  const idOf = () => `${randomUUID().slice(0, -1)}a` as ImageId;
  const busy = await seedImage(table, {
    owner: 'alpha',
    attributes: { id: idOf() },
    members: membersEnding(150, '2026-11-23T12:00:00Z' as Timestamp),
  });
  const other = await seedImage(table, { owner: 'alpha', attributes: { id: idOf() }, members: membersEnding(2) });
  proxy.intercept((call) =>
    call.action === 'TransactWriteItems' && JSON.stringify(call.request).includes(busy.id) ? conflict : undefined,
  );

  const report = await expireWith({ limit: 300 })({ deadline });

  expect(report).toMatchObject({
    expired: 2,
    failed: 3,
    isComplete: false,
    oldestOverdueSeconds: 3600,
    failures: Array(3).fill({ cause: { code: 'try-again-later' } }),
  });
  expect(await members(busy)).toHaveLength(150);
  expect(await members(other)).toEqual([]);
});

test('a single membership that is always contended delays no other membership of its image', async () => {
  const image = await imageWith(20);
  proxy.intercept((call) => (isExpiryOf(call, 'member-3') ? conflict : undefined));

  const report = await expireWith({ limit: 2000 })({ deadline });

  expect(report).toMatchObject({ expired: 19, failed: 1, isComplete: true, oldestOverdueSeconds: 60 });
  expect(await members(image)).toEqual([member(3)]);
});

test('a report has at most ten failures', async () => {
  const image = await imageWith(12);
  for (let n = 0; n < 12; n += 1)
    await plantAttributes(table, membershipKey(member(n), image.id), { created_at: undefined });

  const { failed, failures } = await expireMemberships({ deadline });

  expect([failed, failures.length]).toEqual([12, 10]);
});

test('a membership that is prolonged between the read and the write stays', async () => {
  const image = await imageWith(1);
  const later = '2026-11-23T14:00:00Z';
  proxy.intercept((call) => {
    if (!isExpiryOf(call, 'member-0')) return undefined;
    proxy.intercept(undefined);
    return plantAttributes(table, membershipKey(member(0), image.id), { ends_at: Date.parse(later) / 1000 }).then(
      () => undefined,
    );
  });

  const report = await expireMemberships({ deadline });

  expect(report).toEqual({ ...nothing, skipped: 1, oldestOverdueSeconds: 60 });
  expect(await membership(image, 0)).toMatchObject({ status: 'accepted', ends_at: Date.parse(later) / 1000 });
  expect(await memberCount(image)).toBe(1);
});

test('a membership that the index still shows after its end is skipped', async () => {
  const image = await imageWith(2);
  proxy.intercept(async (call) => {
    if (call.action !== 'BatchGetItem' || !JSON.stringify(call.request).includes('PROJECT#member-0')) return undefined;
    proxy.intercept(undefined);
    await plantDeletion(table, membershipKey(member(0), image.id));
    await plantDeletion(table, offerKey(image.id, member(0)));
    return undefined;
  });

  const report = await expireMemberships({ deadline });

  expect(report).toMatchObject({ expired: 1, skipped: 1, failed: 0, failures: [] });
});

test('two runs at once end each membership once, with one notification and an exact member count', async () => {
  const consumer = await startConsumer(table);
  const image = await seedImage(table, {
    owner: 'alpha',
    members: [...membersEnding(40), { project: 'beta', status: 'accepted' }],
  });
  await consumer.drain();
  consumer.published.length = 0;

  const reports = await Promise.all([expireMemberships({ deadline }), expireMemberships({ deadline })]);
  await consumer.drain();
  consumer.close();

  const sum = (count: (report: ExpiryReport) => number) => reports.reduce((total, report) => total + count(report), 0);
  expect([sum(({ expired }) => expired), sum(({ failed }) => failed)]).toEqual([40, 0]);
  expect(consumer.published.map(({ type }) => type)).toEqual(Array(40).fill('image.member.delete'));
  expect(new Set(consumer.published.map(({ id }) => id)).size).toBe(40);
  expect(await memberCount(image)).toBe(1);
  expect(brokenInvariants(await storedItems(table))).toEqual([]);
});

test('at the deadline a run ends and reports the oldest membership that remains', async () => {
  const image = await imageWith(5);
  let calls = 0;
  const expireUntilDeadline = expireWith({ clock: () => ((calls += 1) > 6 ? deadline : now) });

  const report = await expireUntilDeadline({ deadline });

  expect(report).toMatchObject({ failed: 0, isComplete: false, oldestOverdueSeconds: 110 });
  expect(report.expired).toBeLessThan(5);
  expect(await members(image)).toHaveLength(5 - report.expired);
});

test('a part that cannot be read ends no other', async () => {
  const [first, second] = [await imageWith(1), await imageWith(1)];
  const shardOf = ({ id }: Image) => id.at(-1)!;
  proxy.intercept((call) =>
    call.action === 'Query' && JSON.stringify(call.request).includes(`{"S":"${shardOf(first)}"}`)
      ? { status: 400, response: { __type: 'AccessDeniedException', message: 'no' } }
      : undefined,
  );

  const report = await expireMemberships({ deadline });

  const isSameShard = shardOf(first) === shardOf(second);
  expect(report).toMatchObject({ expired: isSameShard ? 0 : 1, unread: 1, failures: [{ membership: undefined }] });
  expect(await members(first)).toHaveLength(1);
});
