import { randomUUID } from 'node:crypto';
import { ItemCollectionSizeLimitExceededException } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HistoryEntry } from '../../../lambda/domain/history/history-entry.ts';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import { changeId } from '../../../lambda/domain/change.ts';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbHistoryRepository } from '../../../lambda/dynamodb/history/dynamodb-history-repository.ts';
import { createTestTable, type TestTable } from '../../support/engine.ts';
import { startService, type Service, type TestResponse } from '../../support/service.ts';
import { storedItems } from '../../support/stored-items.ts';
import { startConsumer, type Consumer } from './consumer.ts';

let table: TestTable;
let service: Service;
let consumer: Consumer;
let history: DynamoDbHistoryRepository;

beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
  consumer = await startConsumer(table);
  history = new DynamoDbHistoryRepository(connectTable(table.tableName), () => new Date());
});

afterAll(async () => {
  consumer.close();
  await table.drop();
});

beforeEach(async () => {
  consumer.historyMood = () => 'records';
  consumer.mood = (notifications) => notifications.map(() => true);
  await consumer.drain();
  for (const list of [consumer.published, consumer.deadLetters, consumer.logged]) list.length = 0;
});

const createImage = async (): Promise<ImageId> => {
  const id = randomUUID() as ImageId;
  await service.request('POST', '/v2/images', { as: 'alpha:member', body: { id } });
  return id;
};
const offer = (id: string, member: string): Promise<TestResponse> =>
  service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member } });
const answer = (id: string, member: string, status: string): Promise<TestResponse> =>
  service.request('PUT', `/v2/images/${id}/members/${member}`, { as: `${member}:member`, body: { status } });
const withdraw = (id: string, member: string): Promise<TestResponse> =>
  service.request('DELETE', `/v2/images/${id}/members/${member}`, { as: 'alpha:member' });
const patch = (id: string, path: string, value: unknown, as = 'alpha:member'): Promise<TestResponse> =>
  service.request('PATCH', `/v2/images/${id}`, {
    as,
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    body: [{ op: 'replace', path, value }],
  });
const remove = (id: string): Promise<TestResponse> =>
  service.request('DELETE', `/v2/images/${id}`, { as: 'alpha:member' });

const entriesOf = async (id: ImageId, memberId?: string): Promise<readonly HistoryEntry[]> =>
  (await history.findEntries(id, memberId as ProjectId | undefined, undefined, 1000)).toReversed();
const idOf = ({ subject, sequence }: HistoryEntry): string => changeId(subject, sequence);

/** Returns an entry in short: the subject, and the states before and after. */
const brief = (entry: HistoryEntry): string => {
  const state = (value: HistoryEntry['before']): string =>
    value === undefined ? '-' : 'status' in value ? value.status : `${value.visibility} of ${value.owner}`;
  return `${entry.kind === 'image' ? 'image' : entry.memberId}: ${state(entry.before)} > ${state(entry.after)}`;
};

describe('the history of an image', () => {
  test('has an entry for every change of a membership and every change of access to the image', async () => {
    const id = await createImage();
    await offer(id, 'beta');
    await answer(id, 'beta', 'accepted');
    await answer(id, 'beta', 'accepted'); // changes nothing
    await patch(id, '/name', 'renamed');
    await patch(id, '/os_hidden', true);
    await patch(id, '/visibility', 'community');
    await patch(id, '/owner', 'omega', 'root:admin');
    await patch(id, '/owner', 'alpha', 'root:admin');
    await patch(id, '/visibility', 'shared');
    await withdraw(id, 'beta');
    await offer(id, 'gamma');
    await remove(id);

    await consumer.drain();

    expect((await entriesOf(id)).map(brief).toSorted()).toEqual(
      [
        'image: - > shared of alpha',
        'beta: - > pending',
        'beta: pending > accepted',
        'image: shared of alpha > community of alpha',
        'image: community of alpha > community of omega',
        'image: community of omega > community of alpha',
        'image: community of alpha > shared of alpha',
        'beta: accepted > -',
        'gamma: - > pending',
        'gamma: pending > -',
        'image: shared of alpha > -',
      ].toSorted(),
    );
    expect((await entriesOf(id, 'gamma')).map(brief)).toEqual(['gamma: - > pending', 'gamma: pending > -']);
  });

  test('has the ids, times, sequences and actors of the notifications', async () => {
    const id = await createImage();
    await offer(id, 'beta');
    await answer(id, 'beta', 'rejected');

    await consumer.drain();

    const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);
    const entries = (await entriesOf(id)).map((entry) => ({
      id: idOf(entry),
      time: entry.time,
      sequence: entry.sequence,
      by: {
        project: entry.actor.projectId,
        user: entry.actor.userId,
        via: entry.actor.via,
        request_id: entry.actor.requestId,
      },
    }));
    const notifications = consumer.published.map(({ id: each, time, sequence, by }) => ({
      id: each,
      time,
      sequence,
      by,
    }));
    expect(entries.toSorted(byId)).toEqual(notifications.toSorted(byId));
  });

  test('expires completely', async () => {
    const id = await createImage();
    await offer(id, 'beta');

    await consumer.drain();

    const items = (await storedItems(table)).filter(({ pk }) => String(pk).startsWith(`HISTORY#${id}`));
    expect(items).toHaveLength(5);
    expect(items.filter(({ expires_at: at }) => !Number.isSafeInteger(at))).toEqual([]);
  });
});

describe('a batch', () => {
  test('whose changes cannot be recorded publishes nothing and is retried from its first change', async () => {
    const id = await createImage();
    await offer(id, 'beta');
    let refusals = 1;
    consumer.historyMood = () => ((refusals -= 1) >= 0 ? 'refuses' : 'records');

    await consumer.drain();

    expect(consumer.logged[0]).toMatchObject({ level: 'error', published: 0, cause: 'The history is away.' });
    expect(consumer.published.map(({ type }) => type)).toEqual(['image.create', 'image.member.create']);
    expect((await entriesOf(id)).map(brief).toSorted()).toEqual(['beta: - > pending', 'image: - > shared of alpha']);
  });

  test('with a change of an image whose history is full publishes everything, and the change is counted', async () => {
    const full = connectTable(table.tableName);
    full.sendBatch = () =>
      Promise.reject(new ItemCollectionSizeLimitExceededException({ message: 'It is full.', $metadata: {} }));
    const limited = await startConsumer(table, full);
    await limited.drain();
    limited.published.length = limited.logged.length = 0;
    const id = await createImage();
    await offer(id, 'beta');

    await limited.drain();

    expect(limited.published.map(({ type }) => type)).toEqual(['image.create', 'image.member.create']);
    expect(limited.logged).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'history full', images: [id], UnrecordedChanges: 2 }),
    );
    limited.close();
  });
});

describe('a consumer that is killed and retried at any point', () => {
  const moods = fc.infiniteStream(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant('records' as const) },
      { weight: 2, arbitrary: fc.constantFrom('killed before' as const, 'killed after' as const, 'refuses' as const) },
    ),
  );
  const publishing = fc.infiniteStream(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant('takes all' as const) },
      { weight: 1, arbitrary: fc.constantFrom('killed before' as const, 'killed after' as const) },
    ),
  );
  const batchSizes = fc.infiniteStream(fc.integer({ min: 1, max: 9 }));

  test('records each published change once, with the same states', async () => {
    await fc.assert(
      fc.asyncProperty(moods, publishing, batchSizes, async (historyMoods, busMoods, sizes) => {
        await consumer.drain();
        consumer.published.length = 0;
        const id = await createImage();
        for (const member of ['beta', 'gamma']) {
          await offer(id, member);
          await answer(id, member, 'accepted');
          await answer(id, member, 'pending');
        }
        await withdraw(id, 'beta');
        await offer(id, 'beta');
        await patch(id, '/visibility', 'private');
        await remove(id);
        consumer.historyMood = () => historyMoods.next().value;
        consumer.mood = (notifications) => {
          const mood = busMoods.next().value;
          return mood === 'takes all' ? notifications.map(() => true) : mood;
        };

        await consumer.drain(() => sizes.next().value);

        consumer.historyMood = () => 'records';
        consumer.mood = (notifications) => notifications.map(() => true);
        const published = [...new Set(consumer.published.map(({ id: each }) => each))].toSorted();
        const entries = await entriesOf(id);
        expect(entries.map(idOf).toSorted()).toEqual(published);
        for (const member of ['beta', 'gamma']) {
          const ofMember = await entriesOf(id, member);
          expect(ofMember).toEqual(entries.filter((entry) => entry.kind === 'membership' && entry.memberId === member));
          expect(ofMember.map(({ before }) => before)).toEqual([
            undefined,
            ...ofMember.slice(0, -1).map(({ after }) => after),
          ]);
        }
      }),
      { numRuns: 15, seed: 20261130, endOnFailure: true },
    );
  });
});
