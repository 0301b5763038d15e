import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { OverdueMembership, OverduePage } from '../../lambda/domain/repositories/expiry-repository.ts';
import { documentClient } from '../../lambda/dynamodb/connect-table.ts';
import { DynamoDbExpiryRepository } from '../../lambda/dynamodb/dynamodb-expiry-repository.ts';
import { DynamoDbMembershipRepository } from '../../lambda/dynamodb/dynamodb-membership-repository.ts';
import { Table } from '../../lambda/dynamodb/table.ts';
import { localCredentials, localRegion } from '../../infra/local/template/template-values.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { seedImage } from '../support/seed.ts';

let table: TestTable;
let wire: EngineProxy;
let expiry: DynamoDbExpiryRepository;
let memberships: DynamoDbMembershipRepository;

beforeAll(async () => {
  table = await createTestTable();
  wire = await startEngineProxy(table.endpoint);
  const client = documentClient({ endpoint: wire.endpoint, region: localRegion, credentials: localCredentials });
  const connected = new Table(client, table.tableName);
  expiry = new DynamoDbExpiryRepository(connected);
  memberships = new DynamoDbMembershipRepository(connected);
});
afterAll(async () => {
  await wire.stop();
  await table.drop();
});

const end = '2026-11-23T13:00:00Z' as Timestamp;
const endedAtSeconds = Date.parse(end) / 1000;
const secondsAfterEnd = (seconds: number) => new Date((endedAtSeconds + seconds) * 1000);
const shared = (ends: readonly (Timestamp | undefined)[]) =>
  seedImage(table, {
    owner: 'alpha',
    members: ends.map((expiresAt, n) => ({
      project: `member-${n}`,
      status: 'accepted',
      ...(expiresAt !== undefined && { expiresAt }),
    })),
  });

/** Returns all overdue memberships of an image in the order of their pages, and the number of these pages. */
async function overdue(imageId: string, until: Date) {
  const found: OverdueMembership[] = [];
  let pages = 0;
  for (const readFirst of expiry.findOverdue(until)) {
    for (let read: OverduePage['next'] = readFirst; read !== undefined;) {
      const page: OverduePage = await read();
      const ofImage = page.memberships.filter(
        (membership) => 'imageId' in membership && membership.imageId === imageId,
      );
      if (ofImage.length > 0) pages += 1;
      found.push(...ofImage);
      read = page.next;
    }
  }
  return { found, pages };
}

test('a membership is overdue from the second of its end on, and never without an end', async () => {
  const { id: imageId } = await shared([end, undefined]);

  const before = await overdue(imageId, new Date(secondsAfterEnd(0).getTime() - 1));
  const at = await overdue(imageId, secondsAfterEnd(0));

  expect(before.found).toEqual([]);
  expect(at.found).toEqual([{ imageId, memberId: 'member-0', endedAtSeconds }]);
});

test('the earliest end is first', async () => {
  const [second, first] = ['2026-11-23T13:00:02Z', '2026-11-23T13:00:01Z'] as Timestamp[];
  const { id } = await shared([second, end, first]);

  const { found } = await overdue(id, secondsAfterEnd(60));

  expect(found.map((membership) => membership.endedAtSeconds - endedAtSeconds)).toEqual([0, 1, 2]);
});

test('pages have a hundred memberships, even if all end in the same second', async () => {
  const { id } = await shared(Array<Timestamp>(250).fill(end));

  const { found, pages } = await overdue(id, secondsAfterEnd(1));

  expect(new Set(found.map((membership) => 'memberId' in membership && membership.memberId)).size).toBe(250);
  expect([found.length, pages]).toEqual([250, 3]);
});

test('an expired, withdrawn or prolonged membership is overdue no more', async () => {
  const image = await shared([end, end, end, end]);
  const { id: imageId } = image;
  const member = (n: number) => ({ imageId, memberId: `member-${n}` as never });
  const actor = { projectId: image.owner, userId: 'alice', via: 'http' } as const;
  await memberships.expire({ ...member(0), at: secondsAfterEnd(1) });
  await memberships.withdraw({ ...member(1), owner: image.owner, at: () => secondsAfterEnd(-1), actor });
  await memberships.leave({ ...member(2), at: () => secondsAfterEnd(-1), actor });

  const { found } = await overdue(imageId, secondsAfterEnd(1));

  expect(found).toEqual([{ ...member(3), endedAtSeconds }]);
});

test('memberships of one image are in one part, and the parts together cost one query each', async () => {
  const parts = expiry.findOverdue(new Date(0));

  const { calls } = await wire.record(() => Promise.all(parts.map((read) => read())));

  expect(calls.map(({ action }) => action)).toEqual(Array(16).fill('Query'));
  expect(calls.map(({ response }) => response['ConsumedCapacity'].CapacityUnits)).toEqual(Array(16).fill(0.5));
});

test('a malformed key is returned as text', async () => {
  const item = { pk: 'PROJECT#', sk: `SHARED#${randomUUID()}`, expiry_shard: '0', ends_at: 1 };
  await table.client.send(new PutItemCommand({ TableName: table.tableName, Item: marshall(item) }));

  const pages = await Promise.all(expiry.findOverdue(new Date(1000)).map((read) => read()));

  expect(pages.flatMap((page) => page.memberships)).toEqual([
    { endedAtSeconds: 1, malformedKey: `PROJECT# / ${item.sk}` },
  ]);
});
