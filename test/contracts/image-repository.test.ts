import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { ProjectId } from '../../lambda/domain/ids.ts';
import type { Image } from '../../lambda/domain/image.ts';
import { memberStatuses } from '../../lambda/domain/membership.ts';
import { imageKey, membershipKey } from '../../lambda/dynamodb/keys.ts';
import { anImage } from '../lambda/domain/an-image.ts';
import { actor, now, offeredAt, openRepositories, type Repositories } from './open-repositories.ts';

let repositories: Repositories;
beforeAll(async () => {
  repositories = await openRepositories();
});
afterAll(() => repositories.close());

const beta = 'beta' as ProjectId;
const newcomer = 'newcomer' as ProjectId;
const admin = { ...actor, projectId: 'ops' as ProjectId, userId: 'root' };
const by = { project: 'ops', user: 'root', via: 'http' };
const later = '2026-11-23T14:00:00Z' as Timestamp;

describe('find', () => {
  test('an image is found as it was created', async () => {
    const { images } = repositories;
    const image = anImage({
      name: 'Ubuntu «24.04» 🐧',
      owner: '項目-ア' as ProjectId,
      visibility: 'community',
      hidden: true,
      protected: true,
      minDisk: 20,
      minRam: 2147483647,
      diskFormat: 'qcow2',
      containerFormat: 'bare',
      tags: ['b', 'a', ''],
      properties: { os_distro: 'ubuntu', 'a.b/c': '', 名前: '値' },
    });

    const created = await images.create(image, actor);

    expect(created).toBe(true);
    expect(await images.find(image.id, [])).toEqual({ imageId: image.id, image, memberships: new Map() });
  });

  test('an image is found with the memberships of the requested projects', async () => {
    const { images, image, share } = repositories;
    const { id } = await image();
    for (const memberId of ['beta', 'gamma', 'delta']) await share(anImage({ id }), memberId);

    const found = await images.find(id, [beta, 'delta' as ProjectId, 'nobody' as ProjectId, beta]);

    const membership = {
      id: expect.any(String),
      imageId: id,
      status: 'pending',
      createdAt: offeredAt,
      updatedAt: offeredAt,
      offeredBy: 'alpha',
      answeredAt: undefined,
      expiresAt: undefined,
    };
    expect(found.memberships).toEqual(
      new Map([
        ['beta', { ...membership, memberId: 'beta' }],
        ['delta', { ...membership, memberId: 'delta' }],
      ]),
    );
  });

  test('a missing image has no record and no memberships', async () => {
    const { id } = anImage();

    const found = await repositories.images.find(id, [beta]);

    expect(found).toEqual({ imageId: id, image: undefined, memberships: new Map() });
  });
});

describe('create', () => {
  test('an id is used once, and its image remains unchanged', async () => {
    const { images, image, read } = repositories;
    const first = await image({ name: 'first' });

    const created = await images.create(anImage({ id: first.id, owner: beta, name: 'second' }), actor);

    expect(created).toBe(false);
    expect((await read(first.id)).image).toEqual(first);
  });

  test('the id of a deleted image is never reused', async () => {
    const { images, image, read, item } = repositories;
    const deleted = await image();
    await images.delete(deleted, admin);

    const created = await images.create(anImage({ id: deleted.id }), actor);

    expect(created).toBe(false);
    expect((await read(deleted.id)).image).toBeUndefined();
    expect(await item(imageKey(deleted.id))).toEqual({
      ...imageKey(deleted.id),
      format: 1,
      id: deleted.id,
      owner: 'alpha',
      version: 2,
      deleted_at: '2026-11-23T13:00:00Z',
      updated_by: by,
    });
  });
});

describe('update', () => {
  const changes: Partial<Image> = {
    name: 'renamed',
    protected: true,
    minDisk: 1,
    minRam: 2,
    diskFormat: 'raw',
    containerFormat: 'ova',
    tags: ['new'],
    properties: { new: 'yes' },
    updatedAt: later,
  };
  const facts: Partial<Image>[] = [
    {},
    { hidden: true },
    { owner: 'delta' as ProjectId },
    { visibility: 'private' },
    { visibility: 'community' },
    { visibility: 'public', owner: 'delta' as ProjectId, hidden: true },
  ];

  test.each(facts)('everything about an image without members changes at once, with %j', async (fact) => {
    const { images, image, read, item } = repositories;
    const before = await image({ properties: { old: 'yes' }, tags: ['old'] });
    const after = { ...before, ...changes, ...fact };

    const written = await images.update(before, after, admin);

    expect(written).toEqual({ ...after, version: 2 });
    expect((await read(before.id)).image).toEqual(written);
    expect(await item(imageKey(before.id))).toMatchObject({ format: 1, updated_by: by });
  });

  test.each(facts)('everything about an image with members changes, with %j', async (fact) => {
    const { images, image, read, share } = repositories;
    const created = await image();
    await share(created, 'beta');
    const before = (await read(created.id)).image!;
    const after = { ...before, ...changes, ...fact };

    const written = await images.update(before, after, admin);

    const { image: found, membership } = await read(before.id);
    expect(written).toEqual(found);
    expect(found).toEqual({ ...after, memberCount: 1, version: expect.any(Number) });
    expect(found!.version).toBeGreaterThan(1);
    expect(membership).toMatchObject({ status: 'pending', createdAt: offeredAt, updatedAt: offeredAt });
  });

  test.each([{ name: 'renamed' }, { hidden: true }, { visibility: 'private' as const }])(
    'an image that changed since it was read stays as it is, instead of %j',
    async (change) => {
      const { images, image, read } = repositories;
      const before = await image();
      await images.update(before, { ...before, minRam: 1 }, actor);

      const outcome = await images.update(before, { ...before, ...change }, actor);

      expect(outcome).toBe('conflict');
      expect((await read(before.id)).image).toEqual({ ...before, minRam: 1, version: 2 });
    },
  );

  test('an update conflicts with an offer since the image was read', async () => {
    const { images, image, read, share } = repositories;
    const before = await image();
    await share(before, 'beta');

    const outcome = await images.update(before, { ...before, visibility: 'private' }, actor);

    expect(outcome).toBe('conflict');
    expect((await read(before.id)).image).toEqual({ ...before, memberCount: 1 });
  });

  test('a deleted or missing image is not created by an update', async () => {
    const { images, image, read } = repositories;
    const deleted = await image();
    await images.delete(deleted, actor);
    const never = anImage();

    const outcomes = [
      await images.update(deleted, { ...deleted, name: 'back' }, actor),
      await images.update(deleted, { ...deleted, hidden: true }, actor),
      await images.update(never, { ...never, name: 'made' }, actor),
    ];

    expect(outcomes).toEqual(['conflict', 'conflict', 'conflict']);
    expect((await read(deleted.id)).image).toBeUndefined();
    expect((await read(never.id)).image).toBeUndefined();
  });

  test('more members than fit a transaction follow their image out of `shared` and back, with their statuses', async () => {
    const { images, image, share, read } = repositories;
    const created = await image();
    const members = Array.from({ length: 120 }, (_, n) => `member-${n}` as ProjectId);
    await Promise.all(members.map((memberId, n) => share(created, memberId, memberStatuses[n % 3])));
    const shared = (await read(created.id)).image!;

    await images.update(shared, { ...shared, visibility: 'private' }, actor);
    const unshared = await Promise.all(members.map((memberId) => answers(created, memberId)));
    const asPrivate = (await read(created.id)).image!;
    await images.update(asPrivate, { ...asPrivate, visibility: 'shared' }, actor);

    expect(unshared).toEqual(members.map(() => 'condition-failed'));
    const found = await images.findMemberships(created.id, members);
    expect(new Map(found.map(({ memberId, status }) => [memberId, status]))).toEqual(
      new Map(members.map((memberId, n) => [memberId, memberStatuses[n % 3]])),
    );
    expect(await Promise.all(members.map((memberId) => answers(created, memberId)))).toEqual(
      members.map(() => 'accepted'),
    );
  });
});

describe('findOffers and findMemberships', () => {
  test('an image is found with every project that it is offered to', async () => {
    const { images, memberships, image, share, read } = repositories;
    const created = await image();
    for (const memberId of ['beta', 'gamma', '𝒟'.repeat(250)]) await share(created, memberId, 'accepted');
    const gamma = 'gamma' as ProjectId;
    await memberships.withdraw({ imageId: created.id, memberId: gamma, owner: undefined, at: () => now, actor });

    const found = await images.findOffers(created.id, 1000);

    expect(found).toEqual({ image: (await read(created.id)).image, memberIds: ['beta', '𝒟'.repeat(250)] });
    expect(await images.findMemberships(created.id, [beta, gamma, 'nobody' as ProjectId])).toEqual([
      expect.objectContaining({ memberId: 'beta', status: 'accepted' }),
    ]);
  });

  test('a missing image has no offers', async () => {
    const found = await repositories.images.findOffers(anImage().id, 1000);

    expect(found).toEqual({ image: undefined, memberIds: [] });
  });
});

describe('delete', () => {
  test('an image that changed since it was read is not deleted', async () => {
    const { images, image, read } = repositories;
    const before = await image();
    await images.update(before, { ...before, protected: true }, actor);

    const outcome = await images.delete(before, actor);

    expect(outcome).toBe('conflict');
    expect((await read(before.id)).image).toEqual({ ...before, protected: true, version: 2 });
  });

  test('an offer since the image was read does not remain after the deletion', async () => {
    const { images, image, share, read } = repositories;
    const before = await image();
    await share(before, 'beta');

    const outcome = await images.delete(before, actor);

    expect(outcome).toBe('conflict');
    expect(await read(before.id)).toMatchObject({ image: { memberCount: 1 }, membership: { status: 'pending' } });
  });

  test.each([
    { visibility: 'shared', count: 60 }, // more than fit a transaction
    { visibility: 'private', count: 2 },
  ] as const)(
    'with a $visibility image its $count memberships end, each told as its end',
    async ({ visibility, count }) => {
      const { images, image, share, read, item } = repositories;
      const created = await image();
      const members = Array.from({ length: count }, (_, n) => `member-${n}` as ProjectId);
      await Promise.all(members.map((memberId) => share(created, memberId, 'accepted')));
      const shared = (await read(created.id)).image!;
      if (visibility === 'private') await images.update(shared, { ...shared, visibility }, actor);
      const sequences = await Promise.all(members.map(sequenceOf(created)));

      const outcome = await images.delete((await read(created.id)).image!, admin);

      expect(outcome).toBe('written');
      expect(await images.findOffers(created.id, 1000)).toEqual({ image: undefined, memberIds: [] });
      expect(await images.findMemberships(created.id, members)).toEqual([]);
      expect(await Promise.all(members.map(sequenceOf(created)))).toEqual(sequences.map((sequence) => sequence + 1));
      expect(await item(membershipKey(members[1]!, created.id))).toMatchObject({ updated_by: by });
    },
  );
});

describe('an incomplete change', () => {
  const cases: readonly { change: string; from?: Partial<Image>; to?: Partial<Image> }[] = [
    { change: 'leaving `shared`', to: { visibility: 'private' } },
    { change: 'becoming public', to: { visibility: 'public' } },
    { change: 'returning to `shared`', from: { visibility: 'private' }, to: { visibility: 'shared' } },
    { change: 'hiding', to: { hidden: true } },
    { change: 'another owner', to: { owner: 'delta' as ProjectId } },
    { change: 'deletion' },
  ];

  test.each(cases)('$change: is finished from wherever it was left', async ({ from = {}, to }) => {
    const { images, wired, wire, memberships, image, share, read } = repositories;
    const begin = async () => {
      const created = await image();
      for (const memberId of ['beta', 'gamma']) await share(created, memberId, 'accepted');
      const shared = (await read(created.id)).image!;
      if (Object.keys(from).length > 0) await images.update(shared, { ...shared, ...from }, actor);
      return (await read(created.id)).image!;
    };
    const change = (repository: Repositories['images'], before: Image) =>
      to === undefined ? repository.delete(before, admin) : repository.update(before, { ...before, ...to }, admin);

    for (let allowed = 1, broken = true; broken; allowed += 1) {
      const before = await begin();
      let left = allowed;
      wire.intercept(({ action }) => {
        const writes = action === 'UpdateItem' || action === 'TransactWriteItems';
        if (!writes || (left -= 1) >= 0) return undefined;
        return { status: 400, response: { __type: 'ValidationException', message: 'broken off' } };
      });
      broken = await change(wired.images, before).then(
        () => false,
        () => true,
      );
      wire.intercept(undefined);

      const half = (await read(before.id)).image;
      if (broken) {
        expect(half?.pendingChange).toMatchObject({ actor: admin });
        const open = { quota: -1, expiresAt: undefined, standingAnswer: undefined };
        const offered = await memberships.offer({ image: half!, memberId: newcomer, ...open, at: offeredAt, actor });
        expect(offered).toBeUndefined();
        await Promise.all([images.completePendingChange(half!), images.completePendingChange(half!)]);
        await images.completePendingChange(half!);
      }

      const { image: done, membership } = await read(before.id, 'gamma');
      const expected = to && { ...before, ...to, version: expect.any(Number) };
      expect([done, membership?.status]).toEqual([expected, to && 'accepted']);
      const mayAnswer = done?.visibility === 'shared';
      expect(await answers(before, 'beta', 'rejected')).toBe(mayAnswer ? 'rejected' : 'condition-failed');
    }
  });
});

/** Answers as a member. Returns its status afterwards, or that the answer was refused. */
async function answers(image: Image, member: string, status: 'accepted' | 'rejected' = 'accepted'): Promise<string> {
  const memberId = member as ProjectId;
  const answer = { imageId: image.id, memberId, status, excludedOwner: memberId, at: () => later, actor };
  const answered = await repositories.memberships.answer(answer);
  return answered === 'condition-failed' ? answered : answered.membership.status;
}

const sequenceOf =
  (image: Image) =>
  async (memberId: ProjectId): Promise<number> =>
    Number((await repositories.item(membershipKey(memberId, image.id)))?.['sequence']);
