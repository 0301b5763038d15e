import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { connectTable } from '../../lambda/dynamodb/connect-table.ts';
import { DynamoDbMembershipRepository } from '../../lambda/dynamodb/dynamodb-membership-repository.ts';
import { imageKey, membershipKey, standingAnswersKey } from '../../lambda/dynamodb/keys.ts';
import { seedImage, type SeededMember } from '../support/seed.ts';
import type { TestResponse } from '../support/service.ts';
import { storedItems } from '../support/stored-items.ts';
import { brokenInvariants } from './invariants.ts';
import { assertAnswered, isTransactionOn, itemAt, plantAttributes, startWorld, type Call } from './world.ts';

/** The service with a quota of three members. */
const world = await startWorld(3);
const { table } = world;
const request: typeof world.request = (...sent) => world.request(...sent);
afterAll(() => world.close());
beforeEach(() => world.reset());

const beta = 'beta' as ProjectId;
const owner = 'alpha:member';
const later = '2999-12-31T23:59:59Z';
const anImage = async (...members: readonly SeededMember[]): Promise<ImageId> =>
  (await seedImage(table, { owner: 'alpha', members })).id;
const member = (project: string): SeededMember => ({ project, status: 'accepted' });
const endedMember = (project: string): SeededMember => ({ ...member(project), expiresAt: '2026-01-02T00:00:00Z' });

const imagePath = (id: string): string => `/v2/images/${id}`;
const offer = (id: string, to: string): Promise<TestResponse> =>
  request('POST', `${imagePath(id)}/members`, { as: owner, body: { member: to } });
const leave = (id: string): Promise<TestResponse> =>
  request('DELETE', `/sharing/v1/memberships/${id}`, { as: 'beta:member' });
const replace = (as: string, id: string, path: string, value: string): Promise<TestResponse> =>
  request('PATCH', imagePath(id), {
    as,
    body: [{ op: 'replace', path, value }],
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
  });
const recordOf = (id: ImageId) => itemAt(table, imageKey(id));

describe('a membership whose end has passed', () => {
  test('is refused like none in every request of its project, also for a write', async () => {
    const id = await anImage(endedMember('beta'), member('gamma'));
    const requests: readonly (readonly [string, string, unknown?])[] = [
      ['GET', imagePath(id)],
      ['GET', `${imagePath(id)}/file`],
      ['GET', `${imagePath(id)}/members`],
      ['GET', `${imagePath(id)}/members/beta`],
      ['PUT', `${imagePath(id)}/members/beta`, { status: 'rejected' }],
      ['PUT', `${imagePath(id)}/members/beta`, { status: 'accepted' }],
      ['DELETE', `${imagePath(id)}/members/beta`],
      ['PUT', `${imagePath(id)}/tags/golden`],
      ['POST', `${imagePath(id)}/import`, { method: { name: 'web-download', uri: 'https://images.example.com/x' } }],
      ['PUT', `/sharing/v1/images/${id}/members/beta/expiry`, { expires_at: later }],
      ['DELETE', `/sharing/v1/memberships/${id}`],
    ];
    const before = await storedItems(table);

    const responses = await Promise.all(
      requests.map(([method, path, body]) => request(method, path, { as: 'beta:member', body })),
    );

    expect(responses.map(({ status, body }) => [status, body.error])).toEqual(
      requests.map(() => [404, 'image-not-found']),
    );
    expect(await storedItems(table)).toEqual(before);
  });

  test('cannot be answered, prolonged or withdrawn by its owner or an admin', async () => {
    const id = await anImage(endedMember('beta'));
    const path = `${imagePath(id)}/members/beta`;

    const responses = [
      await request('PUT', path, { as: 'root:admin', body: { status: 'rejected' } }),
      await request('PUT', `/sharing/v1/images/${id}/members/beta/expiry`, { as: owner, body: { expires_at: later } }),
      await request('DELETE', path, { as: owner }),
    ];

    expect(responses.map(({ status, body }) => [status, body.error])).toEqual(
      responses.map(() => [404, 'member-not-found']),
    );
  });

  test('remains without effect after its image was private and is shared again', async () => {
    const id = await anImage(endedMember('beta'), member('gamma'));

    assertAnswered(await replace(owner, id, '/visibility', 'private'), 200);
    assertAnswered(await replace(owner, id, '/visibility', 'shared'), 200);

    const responses = ['beta', 'gamma'].map((project) => request('GET', imagePath(id), { as: `${project}:member` }));
    expect((await Promise.all(responses)).map(({ status }) => status)).toEqual([404, 200]);
  });

  test('does not hinder the transfer of the image to its project, which can be offered it again', async () => {
    const id = await anImage(endedMember('beta'), member('gamma'));

    assertAnswered(await replace('root:admin', id, '/owner', 'beta'), 200);

    const list = await request('GET', '/v2/images?visibility=all&member_status=all', { as: 'beta:member' });
    expect(list.body.images.map((image: { id: string }) => image.id)).toEqual([id]);
    const response = await request('POST', `${imagePath(id)}/members`, { as: 'beta:member', body: { member: 'beta' } });
    assertAnswered(response, 200);
    expect(await recordOf(id)).toMatchObject({ owner: 'beta', member_count: 2 });
    expect(brokenInvariants(await storedItems(table))).toEqual([]);
  });

  test.each(['private', 'deleted'])(
    'is withdrawn by a change that makes its image %s, with many others',
    async (change) => {
      const ended = Array.from({ length: 120 }, (_, n) => endedMember(`member-${n}`));
      const id = await anImage(...ended, member('beta'));
      const makeChange = () =>
        change === 'private'
          ? replace(owner, id, '/visibility', 'private')
          : request('DELETE', imagePath(id), { as: owner });
      const held = await world.hold(isTransactionOn('MEMBER#'), makeChange);
      // The sweeper ends one of them before the first transaction of the change.
      const memberships = new DynamoDbMembershipRepository(connectTable(table.tableName));
      await memberships.expire({ imageId: id, memberId: 'member-7' as ProjectId, at: new Date() });

      const response = await held.release();

      expect(response.status).toBe(change === 'private' ? 200 : 204);
      const items = await storedItems(table);
      const actors = items.filter(({ status, pk }) => status === undefined && pk.startsWith('PROJECT#member-'));
      expect(actors.map(({ updated_by: { via } }) => via)).toEqual(Array(120).fill('expiry'));
      expect((await recordOf(id))?.['member_count']).toBe(change === 'private' ? 1 : undefined);
      expect(brokenInvariants(items)).toEqual([]);
    },
  );

  test('is ended once by offers at the same time that replace it', async () => {
    const id = await anImage(endedMember('beta'));
    const held = await world.hold(isTransactionOn('SHARED#'), () => offer(id, 'beta'));
    assertAnswered(await offer(id, 'beta'), 200);
    assertAnswered(await leave(id), 204);

    assertAnswered(await held.release(), 200);

    expect(await recordOf(id)).toMatchObject({ member_count: 1 });
    expect(brokenInvariants(await storedItems(table))).toEqual([]);
  });

  test('makes room for as many offers at the same time as have ended', async () => {
    const id = await anImage(endedMember('beta'), endedMember('gamma'), member('delta'));

    const responses = await Promise.all(['a', 'b', 'c', 'd'].map((project) => offer(id, project)));

    expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 413, 413]);
    expect(await recordOf(id)).toMatchObject({ member_count: 3 });
  });
});

test('a member that leaves during the deletion of the image is counted once', async () => {
  const id = await anImage(member('beta'), member('gamma'));
  const held = await world.hold(isTransactionOn('MEMBER#'), () => request('DELETE', imagePath(id), { as: owner }));
  assertAnswered(await leave(id), 204);

  assertAnswered(await held.release(), 204);

  expect(await recordOf(id)).toHaveProperty('deleted_at');
  expect(brokenInvariants(await storedItems(table))).toEqual([]);
});

test('an end that is set while the image becomes private does not keep the membership from it', async () => {
  const id = await anImage(member('beta'), member('gamma'));
  const held = await world.hold(isTransactionOn('SHARED#'), () => replace(owner, id, '/visibility', 'private'));
  const path = `/sharing/v1/images/${id}/members/beta/expiry`;
  assertAnswered(await request('PUT', path, { as: owner, body: { expires_at: later } }), 200);

  assertAnswered(await held.release(), 200);

  expect(await itemAt(table, membershipKey(beta, id))).toMatchObject({ visibility: 'private' });
  expect(brokenInvariants(await storedItems(table))).toEqual([]);
});

describe('standing answers', () => {
  const key = standingAnswersKey(beta);
  const setStandingAnswer = (status: string): Promise<TestResponse> =>
    request('PUT', '/sharing/v1/standing-answers/alpha', { as: 'beta:member', body: { status } });

  /** Changes the standing answer before each write of an offer. */
  const changeBeforeEachWrite = async (call: Call): Promise<undefined> => {
    if (!isTransactionOn('SHARED#')(call)) return;
    const { answers, version } = (await itemAt(table, key))!;
    const status = answers['PROJECT#alpha'].status === 'accepted' ? 'rejected' : 'accepted';
    await plantAttributes(table, key, {
      answers: { 'PROJECT#alpha': { ...answers['PROJECT#alpha'], status } },
      version: version + 1,
    });
  };

  test('that change before every write of an offer do not prevent it: it is pending', async () => {
    const id = await anImage();
    assertAnswered(await setStandingAnswer('accepted'), 200);
    world.proxy.intercept(changeBeforeEachWrite);

    const response = await offer(id, 'beta');

    expect([response.status, response.body.status]).toEqual([200, 'pending']);
  });
});
