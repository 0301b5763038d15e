import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { timestamp, type Timestamp } from '../../lambda/domain/clock.ts';
import type { MembershipEntry } from '../../lambda/domain/history/history-entry.ts';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import type { MemberStatus } from '../../lambda/domain/membership.ts';
import { connectTable } from '../../lambda/dynamodb/connect-table.ts';
import { DynamoDbHistoryRecorder } from '../../lambda/dynamodb/history/dynamodb-history-recorder.ts';
import { startConsumer, type Consumer } from '../lambda/events/consumer.ts';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { releaseTogether, roundsOf, startEngineProxy, unitsOf, type EngineProxy } from '../support/engine-proxy.ts';
import { seedImage, type SeededMember } from '../support/seed.ts';
import { startService, type RequestOptions, type Service, type TestResponse } from '../support/service.ts';

// What the history costs: the stream consumer, which writes it, and the requests that read it. Counts the calls and the
// units between the service and the engine.

let table: TestTable;
let proxy: EngineProxy;
let service: Service;
let consumer: Consumer;
let recorder: DynamoDbHistoryRecorder;
beforeAll(async () => {
  table = await createTestTable();
  proxy = await startEngineProxy(table.endpoint);
  proxy.intercept(releaseTogether());
  service = await startService(proxy.endpoint, table.tableName, -1);
  consumer = await startConsumer(table);
  recorder = new DynamoDbHistoryRecorder(connectTable(table.tableName), 400);
});
afterAll(async () => {
  consumer.close();
  await proxy.stop();
  await table.drop();
});

/** Runs an operation. Returns its result, its calls by round trip, such as `Query + Query, BatchGetItem`, and its units. */
async function costOf<Result>(operation: () => Promise<Result>) {
  const { result, calls } = await proxy.record(operation);
  const rounds = roundsOf(calls).map((round) => {
    const actions = [...Map.groupBy(round, ({ action }) => action)].sort(([a], [b]) => (a < b ? -1 : 1));
    return actions.map(([action, same]) => (same.length === 1 ? action : `${same.length} ${action}`)).join(' + ');
  });
  return { result, cost: rounds.join(', '), units: unitsOf(calls), calls };
}

const request = (method: string, path: string, options: RequestOptions): Promise<TestResponse> =>
  service.request(method, path, options);
const v21 = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
const patch = (id: string, path: string, value: unknown): Promise<TestResponse> =>
  request('PATCH', `/v2/images/${id}`, {
    as: 'alpha:member',
    headers: v21,
    body: [{ op: 'replace', path, value }],
  });

describe('the history of a change is written with', () => {
  const newImage = async (): Promise<string> => {
    const id = randomUUID();
    await request('POST', '/v2/images', { as: 'alpha:member', body: { id } });
    return id;
  };
  const offered = async (): Promise<string> => {
    const id = await newImage();
    await request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member: 'beta' } });
    return id;
  };
  const changes: readonly (readonly [
    what: string,
    arrange: () => Promise<string>,
    change: (id: string) => Promise<unknown>,
    items: number,
  ])[] = [
    [
      'an offer',
      newImage,
      (id) => request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member: 'beta' } }),
      3,
    ],
    [
      'an answer',
      offered,
      (id) => request('PUT', `/v2/images/${id}/members/beta`, { as: 'beta:member', body: { status: 'accepted' } }),
      2,
    ],
    ['a withdrawal', offered, (id) => request('DELETE', `/v2/images/${id}/members/beta`, { as: 'alpha:member' }), 3],
    ['a new visibility', newImage, (id) => patch(id, '/visibility', 'private'), 2],
    ['a new name', newImage, (id) => patch(id, '/name', 'renamed'), 0],
    ['a deletion', newImage, (id) => request('DELETE', `/v2/images/${id}`, { as: 'alpha:member' }), 2],
  ];

  test.each(changes)('one call for %s', async (_what, arrange, change, items) => {
    const id = await arrange();
    await consumer.drain();
    await change(id);

    const { calls } = await costOf(() => consumer.drain());

    const writes = calls.filter(({ action }) => action !== 'BatchGetItem');
    expect(writes.map(({ action }) => action)).toEqual(items === 0 ? [] : ['BatchWriteItem']);
    expect(unitsOf(writes)).toBe(items); // one unit for each item
  });
});

const day = 24 * 3600 * 1000;
const daysAgo = (days: number, second = 0): Timestamp => timestamp(new Date(Date.now() - days * day + second * 1000));

/** Entries of a member that is offered an image and answers again and again, one answer each second. */
const toggles = (imageId: string, memberId: string, count: number): readonly MembershipEntry[] =>
  Array.from({ length: count }, (_, n) => {
    const state = (status: MemberStatus) => ({ status, expiresAt: undefined });
    const statusOf = (index: number): MemberStatus => (index % 2 === 0 ? 'pending' : 'accepted');
    return {
      kind: 'membership',
      imageId: imageId as ImageId,
      memberId: memberId as ProjectId,
      subject: `membership-of-${memberId}`,
      sequence: n,
      time: daysAgo(10, n),
      actor: { projectId: memberId as ProjectId, userId: 'user', via: 'http' },
      before: n === 0 ? undefined : state(statusOf(n - 1)),
      after: state(statusOf(n)),
    };
  });

describe('a page of the history costs', () => {
  const members = (count: number): SeededMember[] =>
    Array.from({ length: count }, (_, n) => ({ project: `member-${String(n).padStart(3, '0')}`, status: 'pending' }));
  const withMembers = async (count: number) => {
    const image = await seedImage(table, { owner: 'alpha', members: members(count) });
    await recorder.record(members(Math.min(count, 25)).flatMap(({ project }) => toggles(image.id, project, 2)));
    return `/sharing/v1/images/${image.id}/history`;
  };
  const at = (): string => `at=${daysAgo(9)}`;

  test.each([
    ['the changes, for the owner', 'alpha', '', 'BatchGetItem, Query'],
    ['the changes, for an admin', 'root', '', 'BatchGetItem, Query'],
    ['the changes of a member, for the owner', 'alpha', '?member_id=member-003', 'BatchGetItem, Query'],
    ['its own changes, for a member', 'member-003', '', 'BatchGetItem, Query'],
    ['the access of 25 of 40 members', 'alpha', `?${at()}`, 'BatchGetItem, 2 Query, BatchGetItem + Query, 25 Query'],
    [
      'the access of 40 members',
      'alpha',
      `?${at()}&limit=100`,
      'BatchGetItem, 2 Query, BatchGetItem + Query, 40 Query',
    ],
    ['the access of a member', 'alpha', `?${at()}&member_id=member-003`, 'BatchGetItem, BatchGetItem + Query, Query'],
    ['its own access, for a member', 'member-003', `?${at()}`, 'BatchGetItem, Query, BatchGetItem + Query, Query'],
  ])('for %s', async (_what, project, query, expected) => {
    const path = await withMembers(40);

    const { result, cost } = await costOf(() =>
      request('GET', `${path}${query}`, { as: `${project}:${project === 'root' ? 'admin' : 'reader'}` }),
    );

    expect([result.status, cost]).toEqual([200, expected]);
  });

  test('at most 50 parallel queries for the access of 100 members', async () => {
    const path = await withMembers(120);

    const { result, cost } = await costOf(() => request('GET', `${path}?${at()}&limit=100`, { as: 'alpha:reader' }));

    expect(result.body.members).toHaveLength(100);
    expect(cost).toBe('BatchGetItem, 2 Query, BatchGetItem + Query, 50 Query, 50 Query');
  });

  test('the same calls and units after 10 and after 3,000 changes of a member', async () => {
    const pathAfter = async (changes: number) => {
      const image = await seedImage(table, { owner: 'alpha', members: [{ project: 'beta', status: 'pending' }] });
      await recorder.record(toggles(image.id, 'beta', changes));
      return `/sharing/v1/images/${image.id}/history`;
    };
    const [few, many] = [await pathAfter(10), await pathAfter(3000)];
    const middle = daysAgo(10, 5);
    const requests = [
      ['alpha', '?limit=5'],
      ['beta', '?limit=5'],
      ['alpha', `?at=${middle}`],
      ['alpha', `?at=${daysAgo(11)}`],
      ['beta', `?at=${middle}`],
    ];

    for (const [project, query] of requests) {
      const ask = (path: string) => costOf(() => request('GET', `${path}${query}`, { as: `${project}:reader` }));
      const [ofFew, ofMany] = [await ask(few), await ask(many)];

      expect([ofFew.result.status, ofMany.result.status]).toEqual([200, 200]);
      expect([query, ofMany.cost, ofMany.units]).toEqual([query, ofFew.cost, ofFew.units]);
    }
  });

  test('the same for a page at any position', async () => {
    const image = await seedImage(table, { owner: 'alpha' });
    await recorder.record(toggles(image.id, 'beta', 500));
    const costs = [];

    for (let path: string | undefined = `/sharing/v1/images/${image.id}/history?limit=100`; path !== undefined;) {
      const asked: string = path;
      const { result, cost, units } = await costOf(() => request('GET', asked, { as: 'alpha:reader' }));
      costs.push([result.body.history.length, cost, Math.round(units)]);
      path = result.body.next;
    }

    expect(costs).toHaveLength(5);
    expect(costs.slice(0, -1)).toEqual(Array(4).fill(costs[0]));
  });

  test('a response that fits the gateway, whatever the ids are made of', async () => {
    const project = '"'.repeat(255) as ProjectId;
    const image = await seedImage(table, { owner: project });
    await recorder.record(
      toggles(image.id, project, 101).map((entry) => ({
        ...entry,
        actor: { projectId: project, userId: '\u{1F4BE}'.repeat(255), via: 'http' },
      })),
    );

    const { body } = await request('GET', `/sharing/v1/images/${image.id}/history?limit=100`, { as: 'root:admin' });

    expect(body.history).toHaveLength(100);
    expect(Buffer.byteLength(JSON.stringify(JSON.stringify(body)))).toBeLessThan(1_000_000);
  });
});
