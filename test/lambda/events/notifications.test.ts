import { randomUUID } from 'node:crypto';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DynamoDBRecord } from 'aws-lambda';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbMembershipRepository } from '../../../lambda/dynamodb/dynamodb-membership-repository.ts';
import { membershipKey, offerKey } from '../../../lambda/dynamodb/keys.ts';
import type { Notification } from '../../../lambda/events/notification.ts';
import { deadLetterBody } from '../../../lambda/events/stream-handler.ts';
import { plantAttributes } from '../../promises/world.ts';
import { createTestTable, type TestTable } from '../../support/engine.ts';
import { seedImages } from '../../support/seed.ts';
import { startService, type TestResponse, type Service } from '../../support/service.ts';
import { openTestStream } from '../../support/table-stream.ts';
import { startConsumer, type Consumer } from './consumer.ts';

let table: TestTable;
let service: Service;
let consumer: Consumer;

beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
  consumer = await startConsumer(table);
});

afterAll(async () => {
  consumer.close();
  await table.drop();
});

beforeEach(async () => {
  consumer.mood = (notifications) => notifications.map(() => true);
  consumer.queues = () => Promise.resolve();
  consumer.remaining = 5800;
  await consumer.drain();
  for (const list of [consumer.published, consumer.scheduledCompletions, consumer.deadLetters, consumer.logged])
    list.length = 0;
});

const createImage = async (name: string): Promise<string> => {
  const id = randomUUID();
  await service.request('POST', '/v2/images', { as: 'alpha:member', body: { id, name } });
  return id;
};
const offer = (id: string, member: string): Promise<TestResponse> =>
  service.request('POST', `/v2/images/${id}/members`, { as: 'alpha:member', body: { member } });
const answer = (id: string, member: string, status: string): Promise<TestResponse> =>
  service.request('PUT', `/v2/images/${id}/members/${member}`, { as: `${member}:member`, body: { status } });
const withdraw = (id: string, member: string): Promise<TestResponse> =>
  service.request('DELETE', `/v2/images/${id}/members/${member}`, { as: 'alpha:member' });
const offerUntil = (id: string, member: string, end: string): Promise<TestResponse> =>
  service.request('POST', '/sharing/v1/offers', {
    as: 'alpha:member',
    body: { offers: [{ image_id: id, member_id: member, expires_at: end }] },
  });
const changeExpiry = (id: string, member: string, end: string | null): Promise<TestResponse> =>
  service.request('PUT', `/sharing/v1/images/${id}/members/${member}/expiry`, {
    as: 'alpha:member',
    body: { expires_at: end },
  });
const leave = (id: string, member: string): Promise<TestResponse> =>
  service.request('DELETE', `/sharing/v1/memberships/${id}`, { as: `${member}:member` });
/** Moves the end of a membership into the past. The next offer to its project withdraws it. */
const passEnd = async (id: string, member: string): Promise<void> => {
  const end = { ends_at: Date.parse('2026-01-01T00:00:00Z') / 1000 };
  await plantAttributes(table, offerKey(id as ImageId, member as ProjectId), end);
  await plantAttributes(table, membershipKey(member as ProjectId, id as ImageId), end);
};
const patch = (id: string, path: string, value: unknown): Promise<TestResponse> =>
  service.request('PATCH', `/v2/images/${id}`, {
    as: 'alpha:member',
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    body: [{ op: 'replace', path, value }],
  });
const transfer = (id: string, owner: string): Promise<TestResponse> =>
  service.request('PATCH', `/v2/images/${id}`, {
    as: 'root:admin',
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    body: [{ op: 'replace', path: '/owner', value: owner }],
  });
const remove = (id: string): Promise<TestResponse> =>
  service.request('DELETE', `/v2/images/${id}`, { as: 'alpha:member' });

/** Returns the image fields of every notification of a membership. */
const imagesTold = () =>
  consumer.published.filter(({ member }) => member !== undefined).map(({ type, image }) => [type, image] as const);

describe('published notifications', () => {
  test('contain every change of an offer, from the creation of its image to its end', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    await answer(id, 'beta', 'accepted');
    await answer(id, 'beta', 'accepted'); // changes nothing, so nothing is published
    await withdraw(id, 'beta');
    await offer(id, 'beta');
    await remove(id);

    await consumer.drain();

    const image = { id, name: 'golden', owner: 'alpha' };
    const requestId = expect.stringMatching(/^req-[0-9a-f-]{36}$/);
    const by = { project: 'alpha', user: 'user-of-alpha', via: 'http', request_id: requestId };
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const [first, , , second] = consumer.published.filter(({ member }) => member !== undefined);
    // Both memberships have ended when their changes are published.
    const imageOfMember = { ...image, name: null };
    const facts = { owner: 'alpha', visibility: 'shared', os_hidden: false, status: 'queued' };
    const told = (membership: Notification | undefined, more: number, rest: object) => ({
      version: 1,
      id: `${membership!.member!.membership_id}:${membership!.sequence + more}`,
      sequence: membership!.sequence + more,
      image: imageOfMember,
      member: { id: 'beta', membership_id: membership!.member!.membership_id },
      time,
      ...rest,
    });
    expect(consumer.published.filter(({ member }) => member === undefined)).toEqual([
      { version: 1, id: `${id}:1`, type: 'image.create', sequence: 1, image, before: null, after: facts, by, time },
      { version: 1, id: `${id}:3`, type: 'image.delete', sequence: 3, image, before: facts, after: null, by, time },
    ]);
    expect(consumer.published.filter(({ member }) => member !== undefined)).toEqual([
      told(first, 0, { type: 'image.member.create', before: null, after: { status: 'pending' }, by }),
      told(first, 1, {
        type: 'image.member.update',
        before: { status: 'pending' },
        after: { status: 'accepted' },
        by: { project: 'beta', user: 'user-of-beta', via: 'http', request_id: requestId },
      }),
      told(first, 2, { type: 'image.member.delete', before: { status: 'accepted' }, after: null, by }),
      told(second, 0, { type: 'image.member.create', before: null, after: { status: 'pending' }, by }),
      told(second, 1, { type: 'image.member.delete', before: { status: 'pending' }, after: null, by }),
    ]);
    expect(second!.member!.membership_id).not.toBe(first!.member!.membership_id);
    expect(second!.sequence).toBe(first!.sequence + 3);
  });

  test('of an end, its changes and its passing contain the end, and the last one is by "expiry"', async () => {
    const id = await createImage('golden');
    const end = '2999-01-01T00:00:00Z';
    const laterEnd = '2999-12-31T23:59:59Z';
    await offerUntil(id, 'beta', end);
    await changeExpiry(id, 'beta', laterEnd);
    await changeExpiry(id, 'beta', laterEnd); // changes nothing, so nothing is published
    await answer(id, 'beta', 'accepted');
    await changeExpiry(id, 'beta', null);
    await changeExpiry(id, 'beta', end);
    await passEnd(id, 'beta');
    await offer(id, 'beta');

    await consumer.drain();

    const changes = consumer.published.filter(({ member }) => member !== undefined);
    const past = '2026-01-01T00:00:00Z';
    const users = { alpha: 'user-of-alpha', beta: 'user-of-beta' };
    expect(changes.map(({ type, before, after, by }) => [type, before, after, by.user, by.via])).toEqual([
      ['image.member.create', null, { status: 'pending', expires_at: end }, users.alpha, 'http'],
      [
        'image.member.update',
        { status: 'pending', expires_at: end },
        { status: 'pending', expires_at: laterEnd },
        users.alpha,
        'http',
      ],
      [
        'image.member.update',
        { status: 'pending', expires_at: laterEnd },
        { status: 'accepted', expires_at: laterEnd },
        users.beta,
        'http',
      ],
      [
        'image.member.update',
        { status: 'accepted', expires_at: laterEnd },
        { status: 'accepted' },
        users.alpha,
        'http',
      ],
      ['image.member.update', { status: 'accepted' }, { status: 'accepted', expires_at: end }, users.alpha, 'http'],
      ['image.member.delete', { status: 'accepted', expires_at: past }, null, 'expiry', 'expiry'],
      ['image.member.create', null, { status: 'pending' }, users.alpha, 'http'],
    ]);
    const [first] = changes;
    expect(changes.map(({ sequence }) => sequence - first!.sequence)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(changes.map(({ id: each }) => each)).toEqual(
      changes.map(({ member, sequence }) => `${member!.membership_id}:${sequence}`),
    );
    expect(new Set(changes.slice(0, 6).map(({ member }) => member!.membership_id)).size).toBe(1);
    expect(changes[6]!.member!.membership_id).not.toBe(first!.member!.membership_id);
    expect(changes[5]!.by).toEqual({ project: 'alpha', user: 'expiry', via: 'expiry', request_id: null });
  });

  test('of an offer that a standing answer decides on say so, and later ones do not', async () => {
    const id = await createImage('golden');
    await service.request('PUT', '/sharing/v1/standing-answers/alpha', {
      as: 'beta:member',
      body: { status: 'accepted' },
    });
    await offer(id, 'beta');
    await offer(id, 'gamma');
    await answer(id, 'beta', 'rejected');
    await leave(id, 'beta');
    await service.request('DELETE', '/sharing/v1/standing-answers/alpha', { as: 'beta:member' });
    await offer(id, 'beta');

    await consumer.drain();

    const changes = consumer.published.filter(({ member }) => member !== undefined);
    expect(
      changes.map(({ type, member, before, after, by, standing_answer: standing }) => [
        `${type.split('.').at(-1)} ${member!.id} by ${by.project}`,
        before?.['status'],
        after?.['status'],
        standing,
      ]),
    ).toEqual([
      ['create beta by alpha', undefined, 'accepted', true],
      ['create gamma by alpha', undefined, 'pending', undefined],
      ['update beta by beta', 'accepted', 'rejected', undefined],
      ['delete beta by beta', 'rejected', undefined, undefined],
      ['create beta by alpha', undefined, 'pending', undefined],
    ]);
    expect(changes.filter((change) => 'standing_answer' in change).length).toBe(1);
    // The item with the standing answers is no change of an image or a membership.
    expect(consumer.deadLetters).toEqual([]);
    expect(consumer.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('of an end and a standing answer have the same content if they are published again', async () => {
    const id = await createImage('golden');
    // A project of no other test, whose offers would be accepted too.
    await service.request('PUT', '/sharing/v1/standing-answers/alpha', {
      as: 'decided:member',
      body: { status: 'accepted' },
    });
    await offerUntil(id, 'decided', '2999-01-01T00:00:00Z');
    await changeExpiry(id, 'decided', '2998-01-01T00:00:00Z');
    await passEnd(id, 'decided');
    await offer(id, 'decided');
    let isKilled = false;
    consumer.mood = (notifications) => {
      if (isKilled) return notifications.map(() => true);
      isKilled = true;
      return 'killed after';
    };

    await consumer.drain();

    const byId = Map.groupBy(consumer.published, (notification) => notification.id);
    const repeated = [...byId.values()].filter((each) => each.length > 1);
    expect(repeated.length).toBeGreaterThan(0);
    for (const [first, ...others] of repeated) for (const other of others) expect(other).toEqual(first);
    expect([...byId.keys()].filter((each) => !each.startsWith(id)).length).toBe(4);
  });

  test('contain the request id of the response that acknowledged the change', async () => {
    const id = await createImage('golden');
    const headers = { 'x-openstack-request-id': 'my-own' };
    await service.request('POST', `/v2/images/${id}/members`, {
      as: 'alpha:member',
      body: { member: 'beta' },
      headers,
    });
    const { headers: response } = await answer(id, 'beta', 'accepted');
    await withdraw(id, 'beta');
    const { headers: deletion } = await remove(id);

    await consumer.drain();

    expect(consumer.published.map(({ type, by }) => [type, by.request_id])).toEqual([
      ['image.create', expect.stringMatching(/^req-/)],
      ['image.member.create', 'req-my-own'],
      ['image.member.update', response['x-openstack-request-id']],
      ['image.member.delete', expect.stringMatching(/^req-/)],
      ['image.delete', deletion['x-openstack-request-id']],
    ]);
  });

  test('of a fan-out contain the id of the request that started it', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    const { headers } = await remove(id);

    await consumer.drain();

    const ends = consumer.published.filter(({ type }) => type.endsWith('delete'));
    expect(ends.map(({ by }) => by.request_id)).toEqual(Array(2).fill(headers['x-openstack-request-id']));
  });

  test('of a change that was stored without a request id have none', async () => {
    const id = await createImage('golden');
    await table.client.send(
      new UpdateItemCommand({
        TableName: table.tableName,
        Key: { pk: { S: `IMAGE#${id}` }, sk: { S: 'IMAGE' } },
        UpdateExpression: 'REMOVE updated_by.request_id ADD version :one',
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    );

    await consumer.drain();

    expect(consumer.published.at(-1)!.by).toEqual({
      project: 'alpha',
      user: 'user-of-alpha',
      via: 'http',
      request_id: null,
    });
  });

  test('contain the name of the image as long as the project is a member', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    await consumer.drain();
    await answer(id, 'beta', 'accepted');
    await patch(id, '/name', 'silver');

    await consumer.drain();

    expect(imagesTold()).toEqual([
      ['image.member.create', { id, name: 'golden', owner: 'alpha' }],
      ['image.member.update', { id, name: 'silver', owner: 'alpha' }],
    ]);
  });

  test('contain nothing of an image that is newer than the end of the membership', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    await answer(id, 'beta', 'accepted');
    await withdraw(id, 'beta');
    await patch(id, '/name', 'secret');
    await transfer(id, 'omega');

    await consumer.drain();

    expect(imagesTold()).toEqual(
      ['create', 'update', 'delete'].map((verb) => [`image.member.${verb}`, { id, name: null, owner: 'alpha' }]),
    );
    expect(JSON.stringify(consumer.published.filter(({ member }) => member !== undefined))).not.toMatch(/secret|omega/);
  });

  test('of an ended membership contain nothing of its image that is newer than its `expires_at`', async () => {
    const ended = { status: 'accepted', expiresAt: '2026-02-01T00:00:00Z' } as const;
    const members = [
      { ...ended, project: 'beta' },
      { ...ended, project: 'alpha' },
      { ...ended, project: 'omega' },
    ];
    const [given, deleted] = await seedImages(table, { owner: 'alpha', count: 2, members });
    await transfer(given!.id, 'omega');
    await transfer(deleted!.id, 'omega');

    await service.request('DELETE', `/v2/images/${deleted!.id}`, { as: 'omega:member' });
    const memberships = new DynamoDbMembershipRepository(connectTable(table.tableName));
    for (const { project } of members)
      await memberships.expire({ imageId: given!.id, memberId: project as ProjectId, at: new Date() });

    await consumer.drain();
    const ends = consumer.published.filter(({ type }) => type === 'image.member.delete');
    expect(ends.map(({ image, by }) => ({ owner: image.owner, by }))).toEqual(
      Array(6).fill({
        owner: 'alpha',
        by: { project: 'alpha', user: 'expiry', via: 'expiry', request_id: null },
      }),
    );
  });

  test('contain no image name for a membership that ended before the current one', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    await withdraw(id, 'beta');
    await patch(id, '/name', 'silver');
    await offer(id, 'beta');

    await consumer.drain();

    expect(imagesTold().map(([type, { name }]) => [type, name])).toEqual([
      ['image.member.create', null],
      ['image.member.delete', null],
      ['image.member.create', 'silver'],
    ]);
  });

  test.each(['private', 'community'])(
    'the name of an image that has become %s, if everybody may see it',
    async (visibility) => {
      const id = await createImage('golden');
      await offer(id, 'beta');
      await patch(id, '/visibility', visibility);
      await patch(id, '/name', 'silver');

      await consumer.drain();

      expect(imagesTold().map(([, { name }]) => name)).toEqual([visibility === 'private' ? null : 'silver']);
    },
  );

  test.each([
    ['private and back', '/visibility', 'private', 'shared'],
    ['hidden and shown again', '/os_hidden', true, false],
  ])('an image with members that is made %s: one notification for each way', async (_what, path, there, back) => {
    const id = await createImage('golden');
    for (const member of ['beta', 'gamma']) await offer(id, member);
    await consumer.drain();
    consumer.published.length = 0;

    await patch(id, path, there);
    await patch(id, path, back);
    await consumer.drain();

    const attribute = path.slice(1);
    expect(
      consumer.published.map(({ type, before, after }) => [type, before?.[attribute], after?.[attribute]]),
    ).toEqual([
      ['image.update', back, there],
      ['image.update', there, back],
    ]);
  });

  test('the completion of each fan-out is scheduled once', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    await patch(id, '/os_hidden', true);
    await remove(id);

    await consumer.drain();

    expect(consumer.scheduledCompletions).toEqual([
      { id, version: 2 },
      { id, version: 4 },
    ]);
  });
});

describe('the bus fails to publish', () => {
  test('one notification: the later ones of its membership wait for it, others do not', async () => {
    const [one, other] = [await createImage('one'), await createImage('other')];
    await offer(one, 'beta');
    await answer(one, 'beta', 'accepted');
    await offer(other, 'beta');
    let refusals = 1;
    consumer.mood = (notifications) =>
      notifications.map(({ image, member }) => !(image.id === one && member !== undefined && (refusals -= 1) >= 0));

    await consumer.drain();

    const told = consumer.published.map(({ type, image }) => `${image.name}: ${type}`);
    expect(told.filter((each) => each.startsWith('one'))).toEqual([
      'one: image.create',
      'one: image.member.create',
      'one: image.member.update',
    ]);
    expect(told.indexOf('other: image.member.create')).toBeLessThan(told.indexOf('one: image.member.create'));
  });

  test('one of its memberships: the end of an image waits for theirs', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    await answer(id, 'beta', 'accepted');
    await remove(id);
    let refusals = 2;
    consumer.mood = (notifications) =>
      notifications.map(({ type }) => type !== 'image.member.update' || (refusals -= 1) < 0);

    await consumer.drain();

    expect(consumer.published.map(({ type }) => type).slice(-3)).toEqual([
      'image.member.update',
      'image.member.delete',
      'image.delete',
    ]);
  });

  test('one permanently: it is reported when it is the first, and Lambda separates it from the others', async () => {
    const [one, other] = [await createImage('one'), await createImage('other')];
    const records = [...(await recordsOf(one)), ...(await recordsOf(other))];
    consumer.mood = (notifications) => notifications.map(({ image }) => image.id !== other);

    const failed = await consumer.invoke(records);
    const rest = consumer.invoke(records.toReversed());

    expect(failed).toEqual([records[1]!.dynamodb!.SequenceNumber]);
    await expect(rest).rejects.toThrow(
      'The first of 2 records failed and blocks the others: the event bus did not publish it: ThrottlingException.',
    );
    expect(await consumer.invoke([records[1]!])).toEqual([records[1]!.dynamodb!.SequenceNumber]);
  });

  test('a dozen permanently: the others are published', async () => {
    const ids = await Promise.all(Array.from({ length: 14 }, (_, n) => createImage(String(n))));
    const records = await recordsOf(...ids);
    const refused = records.slice(0, 12).map(({ dynamodb }) => dynamodb!.Keys!['pk']!.S);
    consumer.remaining = 6000;
    consumer.mood = (notifications) => notifications.map(({ image }) => !refused.includes(`IMAGE#${image.id}`));

    const invoking = consumer.invoke(records);

    await expect(invoking).rejects.toThrow('The first of 14 records failed and blocks the others');
    expect(consumer.published).toHaveLength(2);
  });

  test('everything: the batch is retried from its first record', async () => {
    const id = await createImage('golden');
    await offer(id, 'beta');
    const records = await recordsOf(id);
    consumer.mood = (notifications) => notifications.map(() => false);

    const failed = await consumer.invoke(records);

    expect(failed).toEqual([records[0]!.dynamodb!.SequenceNumber]);
    expect(consumer.published).toEqual([]);
  });
});

/** Returns the stream records of images and their memberships. */
async function recordsOf(...imageIds: readonly string[]) {
  const stream = await openTestStream(table);
  const all = [];
  for (let page = await stream.next(); page.length > 0; page = await stream.next()) all.push(...page);
  stream.close();
  const told = imageIds.flatMap((id) => [`IMAGE#${id} IMAGE`, `PROJECT#beta SHARED#${id}`]);
  return all.filter(({ dynamodb }) => {
    const { pk, sk } = dynamodb!.Keys!;
    return told.includes(`${pk!.S} ${sk!.S}`);
  });
}

describe('an unknown or malformed record', () => {
  const record = (sk: string, image: object, eventName: 'INSERT' | 'REMOVE' = 'INSERT') => ({
    eventName,
    dynamodb: {
      Keys: { pk: { S: 'PROJECT#beta' }, sk: { S: sk } },
      [eventName === 'INSERT' ? 'NewImage' : 'OldImage']: {
        pk: { S: 'PROJECT#beta' },
        sk: { S: sk },
        format: { N: '1' },
        ...image,
      },
      SequenceNumber: '7',
    },
  });

  test.each([
    ['an item of an unknown kind', 'FUTURE#1', {}, 'PROJECT#beta / FUTURE#1'],
    ['an item of a later format', 'SHARED#1', { format: { N: '2' } }, 'PROJECT#beta / SHARED#1, format 2'],
  ])('%s is skipped and counted', async (_what, sk, image, item) => {
    const failed = await consumer.invoke([record(sk, image)]);

    expect(failed).toEqual([]);
    expect(consumer.published).toEqual([]);
    expect(consumer.logged[0]).toMatchObject({ message: 'unknown item', item, UnknownStreamRecords: 1 });
  });

  test('a malformed membership is sent to the dead-letter queue with the reason, and later records are published', async () => {
    const id = await createImage('golden');
    const poison = record('SHARED#1', { sequence: { S: 'many' } });

    const failed = await consumer.invoke([poison, ...(await recordsOf(id))]);

    expect(failed).toEqual([]);
    expect(consumer.deadLetters).toEqual([
      { record: poison, reason: 'Item PROJECT#beta / SHARED#1: "sequence" is not a number.' },
    ]);
    expect(consumer.published.map(({ type }) => type)).toEqual(['image.create']);
  });

  test('a call to a briefly unavailable queue is retried, and later records are published', async () => {
    const id = await createImage('golden');
    let refusals = 2;
    consumer.remaining = 10_000;
    consumer.queues = () => ((refusals -= 1) < 0 ? Promise.resolve() : Promise.reject(new Error('The queue is away.')));

    const failed = await consumer.invoke([record('SHARED#1', { sequence: {} }), ...(await recordsOf(id))]);

    expect(failed).toEqual([]);
    expect(consumer.deadLetters).toHaveLength(1);
    expect(consumer.published).toHaveLength(1);
  });

  test('an unavailable queue does not prevent the notifications of other records', async () => {
    const id = await createImage('golden');
    consumer.queues = () => Promise.reject(new Error('The queue is away.'));

    const invoking = consumer.invoke([record('SHARED#1', { sequence: {} }), ...(await recordsOf(id))]);

    await expect(invoking).rejects.toThrow('The first of 2 records failed and blocks the others: The queue is away.');
    expect(consumer.published).toHaveLength(1);
  });

  test('the dead letter of a record is an event with it, valid for JSON and SQS', () => {
    const poison = record('SHARED#1', { name: { S: 'a\uffff\ufffe' } }) as DynamoDBRecord;
    const large = record('SHARED#1', { name: { S: 'é'.repeat(130_000) } }) as DynamoDBRecord;

    const messages = [poison, large].map(deadLetterBody);

    expect(messages[0]).not.toMatch(/[\ufffe\uffff]/);
    expect(JSON.parse(messages[0]!)).toEqual({ Records: [poison] });
    expect(JSON.parse(messages[1]!)).toEqual({
      Records: [{ eventName: 'INSERT', dynamodb: { Keys: large.dynamodb!.Keys, SequenceNumber: '7' } }],
    });
  });

  test.each([
    ['a withdrawn membership that expires', 'SHARED#1'],
    ['an entry of a list that goes', 'OWNED#1'],
  ])('%s publishes nothing', async (_what, sk) => {
    const failed = await consumer.invoke([record(sk, {}, 'REMOVE')]);

    expect([failed, consumer.published, consumer.deadLetters]).toEqual([[], [], []]);
  });
});

/** A step of a story over two images and three projects. */
type Step =
  | { readonly does: 'offer' | 'withdraw'; readonly image: number; readonly member: string }
  | { readonly does: 'answer'; readonly image: number; readonly member: string; readonly status: string }
  | { readonly does: 'rename' | 'hide' | 'publish' | 'delete'; readonly image: number };

const image = fc.constantFrom(0, 1);
const member = fc.constantFrom('beta', 'gamma', 'delta');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('offer' as const), image, member }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('answer' as const),
      image,
      member,
      status: fc.constantFrom('pending', 'accepted', 'rejected'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('withdraw' as const), image, member }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constantFrom('rename' as const, 'hide' as const, 'publish' as const), image }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('delete' as const), image }) },
);

const story = fc.record({
  steps: fc.array(step, { minLength: 5, maxLength: 30 }),
  batchSizes: fc.infiniteStream(fc.integer({ min: 1, max: 25 })),
  // The behavior of the bus in each call.
  moods: fc.infiniteStream(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('takes all' as const) },
      { weight: 1, arbitrary: fc.constantFrom('killed before' as const, 'killed after' as const) },
      { weight: 2, arbitrary: fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }) },
    ),
  ),
});

const settings = { numRuns: 25, seed: 20261123, endOnFailure: true };

describe('random changes with a failing bus and a killed consumer', () => {
  test('the notifications of each membership and image are its acknowledged changes', async () => {
    await fc.assert(
      fc.asyncProperty(story, async ({ steps, batchSizes, moods }) => {
        await consumer.drain();
        consumer.published.length = 0;
        const ids = [await createImage('0'), await createImage('1')];
        const model = new Model(ids);
        consumer.mood = (notifications) => {
          const mood = moods.next().value;
          return Array.isArray(mood) ? mood : mood === 'takes all' ? notifications.map(() => true) : mood;
        };

        for (const each of steps) {
          model.acknowledge(each, await act(ids[each.image]!, each));
          if (batchSizes.next().value > 20) await consumer.drain(() => batchSizes.next().value);
        }
        await consumer.drain(() => batchSizes.next().value);

        expect(asReceived(consumer.published)).toEqual(model.told);
      }),
      settings,
    );
  });

  test('parallel answers, withdrawals and new offers: each notification continues from the previous one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), fc.nat(), async (steps, width) => {
        await consumer.drain();
        consumer.published.length = 0;
        const ids = [await createImage('0'), await createImage('1')];
        const steady = steps.filter(({ does }) => does !== 'delete');

        for (let n = 0; n < steady.length; n += 2 + (width % 4)) {
          await Promise.all(steady.slice(n, n + 2 + (width % 4)).map((each) => act(ids[each.image]!, each)));
        }
        await consumer.drain(() => 7);

        for (const told of Object.values(Object.groupBy(consumer.published, orderOf))) {
          const states = told!.map(({ before }) => before);
          expect(states).toEqual([null, ...told!.slice(0, -1).map(({ after }) => after)]);
          const first = told![0]!.sequence;
          if (told![0]!.member) expect(told!.map(({ sequence }) => sequence)).toEqual(told!.map((_, n) => first + n));
        }
      }),
      { ...settings, numRuns: 15 },
    );
  });
});

const orderOf = ({ image: { id }, member: of }: Notification): string => `${id} ${of?.id ?? ''}`;

const act = (id: string, each: Step): Promise<TestResponse> => {
  switch (each.does) {
    case 'offer':
      return offer(id, each.member);
    case 'answer':
      return answer(id, each.member, each.status);
    case 'withdraw':
      return withdraw(id, each.member);
    case 'rename':
      return patch(id, '/name', randomUUID());
    case 'hide':
      return patch(id, '/os_hidden', true);
    case 'publish':
      return patch(id, '/visibility', 'community');
    case 'delete':
      return remove(id);
  }
};

/** Returns the types of all published notifications without duplicates, by ordering key. */
function asReceived(published: readonly Notification[]): Record<string, string[]> {
  const seen = new Set<string>();
  const received: Record<string, string[]> = {};
  for (const each of published) {
    if (seen.has(each.id)) continue;
    seen.add(each.id);
    (received[orderOf(each)] ??= []).push(`${each.type} ${stateOf(each)}`.trim());
  }
  return received;
}

const stateOf = ({ after, member }: Notification): string =>
  (after as Record<string, string> | null)?.[member ? 'status' : 'visibility'] ?? '';

/** Returns the notifications that the acknowledged changes require. */
class Model {
  readonly told: Record<string, string[]> = {};
  readonly #ids: readonly string[];
  readonly #members = new Map<string, string>();
  readonly #facts = new Map<string, { visibility: string; hidden: boolean }>();

  constructor(ids: readonly string[]) {
    this.#ids = ids;
    for (const id of ids) {
      this.#facts.set(id, { visibility: 'shared', hidden: false });
      this.#tell(`${id} `, 'image.create shared');
    }
  }

  acknowledge(each: Step, { status }: TestResponse): void {
    const id = this.#ids[each.image]!;
    const facts = this.#facts.get(id)!;
    if (status >= 300) return;
    switch (each.does) {
      case 'offer':
        this.#member(`${id} ${each.member}`, 'pending', 'create');
        return;
      case 'answer':
        if (this.#members.get(`${id} ${each.member}`) === each.status) return;
        this.#member(`${id} ${each.member}`, each.status, 'update');
        return;
      case 'withdraw':
        this.#member(`${id} ${each.member}`, undefined, 'delete');
        return;
      case 'hide':
      case 'rename':
      case 'publish':
        if (each.does === 'publish') facts.visibility = 'community';
        this.#tell(`${id} `, `image.update ${facts.visibility}`);
        return;
      case 'delete':
        for (const key of [...this.#members.keys()].filter((one) => one.startsWith(id))) {
          this.#member(key, undefined, 'delete');
        }
        this.#tell(`${id} `, 'image.delete');
        return;
    }
  }

  #member(key: string, status: string | undefined, verb: string): void {
    if (status === undefined) this.#members.delete(key);
    else this.#members.set(key, status);
    this.#tell(key, `image.member.${verb} ${status ?? ''}`.trim());
  }

  #tell(key: string, what: string): void {
    (this.told[key] ??= []).push(what);
  }
}
