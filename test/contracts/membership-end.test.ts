import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { timestamp, type Timestamp } from '../../lambda/domain/clock.ts';
import type { ProjectId } from '../../lambda/domain/ids.ts';
import type { Image, Visibility } from '../../lambda/domain/image.ts';
import { memberStatuses, type Membership, type MemberStatus } from '../../lambda/domain/membership.ts';
import type {
  ExpiryChange,
  MembershipRepository,
  Offer,
} from '../../lambda/domain/repositories/membership-repository.ts';
import { membershipKey, offerKey } from '../../lambda/dynamodb/keys.ts';
import type { Item } from '../../lambda/dynamodb/table.ts';
import { anImage } from '../lambda/domain/an-image.ts';
import { actor, offeredAt, openRepositories, type Repositories } from './open-repositories.ts';

let repositories: Repositories;
beforeAll(async () => {
  repositories = await openRepositories();
});
afterEach(() => {
  repositories.wire.intercept(undefined);
});
afterAll(() => repositories.close());

const alpha = 'alpha' as ProjectId;
const beta = 'beta' as ProjectId;
const betasActor = { ...actor, projectId: beta, userId: 'bob' };

/** The end of the memberships, and the seconds around it. The clock of the repositories says `end`. */
const end = '2026-11-23T13:00:00Z' as Timestamp;
const before = '2026-11-23T12:59:59Z' as Timestamp;
const laterEnd = '2027-03-31T12:00:00Z' as Timestamp;
const latestEnd = '2027-12-31T12:00:00Z' as Timestamp;
const endSeconds = Date.parse(end) / 1000;
const dateOf = (time: Timestamp): Date => new Date(time);

/** Times around the end, and whether the membership exists then. */
const around = [
  { when: 'one second before', at: new Date('2026-11-23T12:59:59.999Z'), exists: true },
  { when: 'at', at: dateOf(end), exists: false },
  { when: 'within the second of', at: new Date('2026-11-23T13:00:00.999Z'), exists: false },
  { when: 'long after', at: dateOf(laterEnd), exists: false },
] as const;

/** Ends to which another end can change. */
const otherEnds = [
  { what: 'later', expiresAt: laterEnd },
  { what: 'none', expiresAt: undefined },
] as const;

const offer = (image: Image, change: Partial<Offer> = {}) =>
  repositories.memberships.offer({
    image,
    memberId: beta,
    quota: 128,
    expiresAt: end,
    standingAnswer: undefined,
    at: offeredAt,
    actor,
    ...change,
  });
const answer = (image: Image, at: Timestamp, status: MemberStatus, memberships = repositories.memberships) =>
  memberships.answer({
    imageId: image.id,
    memberId: beta,
    status,
    excludedOwner: beta,
    at: () => at,
    actor: betasActor,
  });
const withdraw = (image: Image, at: Date) =>
  repositories.memberships.withdraw({ imageId: image.id, memberId: beta, owner: alpha, at: () => at, actor });
const leave = (image: Image, at: Date) =>
  repositories.memberships.leave({ imageId: image.id, memberId: beta, at: () => at, actor: betasActor });
const expire = (image: Image, at: Date, memberships: MembershipRepository = repositories.memberships) =>
  memberships.expire({ imageId: image.id, memberId: beta, at });
const changeExpiry = (membership: Membership, change: Partial<ExpiryChange> = {}) =>
  repositories.memberships.changeExpiry({
    membership,
    owner: alpha,
    expiresAt: laterEnd,
    at: () => before,
    actor,
    ...change,
  });

const stored = ({ id }: Image): Promise<Item | undefined> => repositories.item(membershipKey(beta, id));
const storedOffer = ({ id }: Image): Promise<Item | undefined> => repositories.item(offerKey(id, beta));
const memberCount = async ({ id }: Image): Promise<number | undefined> =>
  (await repositories.read(id)).image?.memberCount;
/** Everything that is stored of an image and beta's membership of it. */
const everything = async (image: Image) => [
  await repositories.images.find(image.id, []),
  await storedOffer(image),
  await stored(image),
];

/** Offers a new image to beta, with an end unless another is given, and answers before the end. */
async function shared(
  status: MemberStatus = 'pending',
  expiresAt: Timestamp = end,
): Promise<{ readonly image: Image; readonly membership: Membership }> {
  const image = await repositories.image();
  const membership = await offer(image, { expiresAt });
  if (membership === undefined) throw new Error('The offer was refused.');
  if (status === 'pending') return { image, membership };
  const answered = await answer(image, before, status);
  if (answered === 'condition-failed') throw new Error('The answer was refused.');
  return { image, membership: answered.membership };
}

async function changeVisibility({ id }: Image, visibility: Visibility): Promise<void> {
  const read = (await repositories.read(id)).image!;
  await repositories.images.update(read, { ...read, visibility }, actor);
}

/** Runs an action once, immediately before the next transaction of the wired repositories. */
function beforeTransaction(act: () => Promise<unknown>): void {
  repositories.wire.intercept(async ({ action }) => {
    if (action !== 'TransactWriteItems') return undefined;
    repositories.wire.intercept(undefined);
    await act();
    return undefined;
  });
}

describe('an offer with an end', () => {
  test('is a membership with this end, which its two items store', async () => {
    const { image, membership } = await shared('pending', laterEnd);

    const seconds = Date.parse(laterEnd) / 1000;
    expect(membership).toEqual({
      id: expect.any(String),
      imageId: image.id,
      memberId: beta,
      status: 'pending',
      createdAt: offeredAt,
      updatedAt: offeredAt,
      offeredBy: alpha,
      answeredAt: undefined,
      expiresAt: laterEnd,
    });
    expect((await repositories.read(image.id)).membership).toEqual(membership);
    expect(await stored(image)).toMatchObject({ ends_at: seconds, expiry_shard: image.id.at(-1), offered_by: 'alpha' });
    expect(await storedOffer(image)).toMatchObject({ ends_at: seconds, membership_id: membership.id });
  });

  test('has no time to live, which would delete a membership that still exists', async () => {
    const { image } = await shared();

    expect(await stored(image)).not.toHaveProperty('expires_at');
    expect(await storedOffer(image)).not.toHaveProperty('expires_at');
  });

  test('is not found from the second of its end on, and an offer that ends a second later is', async () => {
    const ended = await shared();
    const living = await shared('pending', '2026-11-23T13:00:01Z' as Timestamp);

    expect((await repositories.read(ended.image.id)).membership).toBeUndefined();
    expect((await repositories.read(living.image.id)).membership).toEqual(living.membership);
    expect(await repositories.images.findMemberships(ended.image.id, [beta])).toEqual([]);
    expect(await repositories.images.findMemberships(living.image.id, [beta])).toEqual([living.membership]);
  });

  test('is counted after its end until it is withdrawn, and no other offer replaces it', async () => {
    const { image } = await shared();

    const offered = await offer(image, { at: end, expiresAt: undefined });

    expect(offered).toBeUndefined();
    expect(await memberCount(image)).toBe(1);
  });

  test('is stored without an end if it has none', async () => {
    const image = await repositories.image();

    await offer(image, { expiresAt: undefined });

    for (const item of [await stored(image), await storedOffer(image)]) {
      expect(item).toBeDefined();
      expect(item).not.toHaveProperty('ends_at');
      expect(item).not.toHaveProperty('expiry_shard');
    }
  });
});

describe.each(around)('$when its end', ({ at, exists }) => {
  test.each(memberStatuses)('the answer to a pending membership can be %s only while it exists', async (status) => {
    const { image, membership } = await shared();
    const stored = await everything(image);
    const time = timestamp(at);

    const answered = await answer(image, time, status);

    if (!exists) expect(answered).toBe('condition-failed');
    else if (status === 'pending') expect(answered).toEqual({ outcome: 'unchanged', membership });
    else
      expect(answered).toEqual({
        outcome: 'changed',
        membership: { ...membership, status, updatedAt: time, answeredAt: time },
      });
    if (!exists) expect(await everything(image)).toEqual(stored);
  });

  test('a command can answer only while it exists', async () => {
    const { image } = await shared();
    const record = { id: randomUUID(), projectId: beta, digest: 'digest', redriveCount: 0 };

    const answered = await answer(
      image,
      timestamp(at),
      'accepted',
      repositories.commandRecords.repositoriesFor(record).memberships,
    );

    expect(answered === 'condition-failed').toBe(!exists);
    expect((await stored(image))?.['status']).toBe(exists ? 'accepted' : 'pending');
  });

  test.each([
    ['withdrawn', withdraw],
    ['left', leave],
  ])('a membership can be %s only while it exists', async (_what, act) => {
    const { image } = await shared('accepted');
    const before = await everything(image);

    const ended = await act(image, at);

    expect(ended).toBe(exists);
    if (exists) expect(await memberCount(image)).toBe(0);
    else expect(await everything(image)).toEqual(before);
  });

  test.each(otherEnds)('its end can become $what only while it exists', async ({ expiresAt }) => {
    const { image, membership } = await shared('accepted');
    const before = await everything(image);

    const changed = await changeExpiry(membership, { expiresAt, at: () => timestamp(at) });

    expect(changed).toEqual(exists ? { ...membership, expiresAt, updatedAt: timestamp(at) } : undefined);
    if (!exists) expect(await everything(image)).toEqual(before);
  });

  test('it expires only if it no longer exists', async () => {
    const { image } = await shared('accepted');
    const before = await everything(image);

    const expired = await expire(image, at);

    expect(expired).toBe(!exists);
    if (exists) expect(await everything(image)).toEqual(before);
    else expect(await memberCount(image)).toBe(0);
  });
});

describe('leave', () => {
  const visibilities = ['shared', 'private', 'community', 'public'] as const;
  const everyCase = memberStatuses.flatMap((status) => visibilities.map((visibility) => ({ status, visibility })));

  test.each(everyCase)('a member whose status is $status leaves an image that is $visibility', async (given) => {
    const { image } = await shared(given.status, laterEnd);
    if (given.visibility !== 'shared') await changeVisibility(image, given.visibility);

    const left = await leave(image, dateOf(before));

    expect(left).toBe(true);
    expect(await storedOffer(image)).toBeUndefined();
    expect(await memberCount(image)).toBe(0);
    expect((await repositories.read(image.id)).membership).toBeUndefined();
  });

  test('the membership is withdrawn by its member: without status, end and list entries', async () => {
    const { image } = await shared('accepted', laterEnd);
    const { sequence, membership_id: id } = (await stored(image))!;

    await leave(image, dateOf(before));

    const left = (await stored(image))!;
    expect(left).toMatchObject({
      membership_id: id,
      sequence: Number(sequence) + 1,
      updated_at: before,
      updated_by: { project: 'beta', user: 'bob', via: 'http' },
      expires_at: Date.parse(before) / 1000 + 90 * 24 * 3600,
    });
    for (const absent of ['status', 'listed', 'pending', 'rejected', 'list_key', 'ends_at', 'expiry_shard'])
      expect(left).not.toHaveProperty(absent);
  });

  test('a member leaves once', async () => {
    const { image } = await shared();
    await leave(image, dateOf(before));
    const left = await everything(image);

    const again = [await leave(image, dateOf(before)), await withdraw(image, dateOf(before))];

    expect(again).toEqual([false, false]);
    expect(await everything(image)).toEqual(left);
  });

  test('a project that is no member, or of a missing or deleted image, leaves nothing', async () => {
    const image = await repositories.image();
    const missing = anImage();
    const { image: deleted } = await shared();
    const read = (await repositories.read(deleted.id)).image!;
    await repositories.images.delete(read, actor);
    const remaining = await stored(deleted);

    const left = [];
    for (const each of [image, missing, deleted]) left.push(await leave(each, dateOf(before)));

    expect(left).toEqual([false, false, false]);
    expect(await memberCount(image)).toBe(0);
    expect(await stored(missing)).toBeUndefined();
    expect(await stored(deleted)).toEqual(remaining);
  });

  test('the owner leaves its own image', async () => {
    const image = await repositories.image({ owner: beta });
    await offer(image);

    const left = await leave(image, dateOf(before));

    expect(left).toBe(true);
    expect(await memberCount(image)).toBe(0);
  });
});

describe('change of the end', () => {
  test.each(memberStatuses)('a membership whose status is %s is prolonged and keeps it', async (status) => {
    const { image, membership } = await shared(status);
    const sequence = Number((await stored(image))?.['sequence']);

    const changed = await changeExpiry(membership);

    const seconds = Date.parse(laterEnd) / 1000;
    expect(changed).toEqual({ ...membership, expiresAt: laterEnd, updatedAt: before });
    expect((await repositories.read(image.id)).membership).toEqual(changed);
    expect(await stored(image)).toMatchObject({
      ends_at: seconds,
      expiry_shard: image.id.at(-1),
      sequence: sequence + 1,
    });
    expect(await storedOffer(image)).toMatchObject({ ends_at: seconds, membership_id: membership.id });
  });

  test('a membership without an end gets one, and loses it', async () => {
    const image = await repositories.image();
    const membership = (await offer(image, { expiresAt: undefined }))!;

    const limited = await changeExpiry(membership);
    const unlimited = await changeExpiry(limited!, { expiresAt: undefined });

    expect(limited).toEqual({ ...membership, expiresAt: laterEnd, updatedAt: before });
    expect(unlimited).toEqual({ ...membership, updatedAt: before });
    expect((await repositories.read(image.id)).membership).toEqual(unlimited);
    for (const item of [await stored(image), await storedOffer(image)]) {
      expect(item).not.toHaveProperty('ends_at');
      expect(item).not.toHaveProperty('expiry_shard');
    }
  });

  test('the actor is stored with it', async () => {
    const { image, membership } = await shared();

    await changeExpiry(membership, {
      owner: undefined,
      actor: { projectId: 'ops' as ProjectId, userId: 'root', via: 'http' },
    });

    expect(await stored(image)).toMatchObject({ updated_by: { project: 'ops', user: 'root', via: 'http' } });
  });

  type Meanwhile = readonly [what: string, act: (image: Image, membership: Membership) => Promise<unknown>];
  const meanwhile: readonly Meanwhile[] = [
    ['answered', (image) => answer(image, before, 'accepted')],
    ['withdrawn', (image) => withdraw(image, dateOf(before))],
    [
      'withdrawn and offered again',
      async (image) => {
        await withdraw(image, dateOf(before));
        await offer(image);
      },
    ],
    ['expired', (image) => expire(image, dateOf(laterEnd))],
    ['of a private image', (image) => changeVisibility(image, 'private')],
    ['of a public image', (image) => changeVisibility(image, 'public')],
    [
      "of another owner's image",
      async ({ id }) => {
        const image = (await repositories.read(id)).image!;
        await repositories.images.update(image, { ...image, owner: 'omega' as ProjectId }, actor);
      },
    ],
    ['of a deleted image', async ({ id }) => repositories.images.delete((await repositories.read(id)).image!, actor)],
  ];

  test.each(meanwhile)('a membership that is meanwhile %s keeps its end', async (_what, act) => {
    const image = await repositories.image();
    const membership = (await offer(image, { expiresAt: laterEnd }))!;
    await act(image, membership);
    const before = await everything(image);

    const changed = await changeExpiry(membership, { expiresAt: latestEnd });

    expect(changed).toBeUndefined();
    expect(await everything(image)).toEqual(before);
  });

  test('an admin changes the end on an image of any owner', async () => {
    const image = await repositories.image();
    const membership = (await offer(image, { expiresAt: laterEnd }))!;
    const read = (await repositories.read(image.id)).image!;
    await repositories.images.update(read, { ...read, owner: 'omega' as ProjectId }, actor);

    const changed = await changeExpiry(membership, { owner: undefined, expiresAt: latestEnd });

    expect(changed).toMatchObject({ expiresAt: latestEnd });
  });
});

describe('expire', () => {
  test('the membership is withdrawn by the actor "expiry" for the owner of the image', async () => {
    const { image } = await shared('accepted');
    const { sequence, membership_id: id } = (await stored(image))!;

    const expired = await expire(image, dateOf(end));

    const left = (await stored(image))!;
    expect(expired).toBe(true);
    expect(left).toMatchObject({
      membership_id: id,
      sequence: Number(sequence) + 1,
      updated_at: end,
      updated_by: { project: 'alpha', user: 'expiry', via: 'expiry' },
      expires_at: endSeconds + 90 * 24 * 3600,
    });
    for (const absent of ['status', 'listed', 'pending', 'rejected', 'list_key', 'ends_at', 'expiry_shard'])
      expect(left).not.toHaveProperty(absent);
    expect(left['updated_by']).not.toHaveProperty('request_id');
    expect(await storedOffer(image)).toBeUndefined();
    expect(await memberCount(image)).toBe(0);
  });

  test('it expires once', async () => {
    const { image } = await shared();
    await expire(image, dateOf(end));
    const left = await everything(image);

    const again = await expire(image, dateOf(end));

    expect(again).toBe(false);
    expect(await everything(image)).toEqual(left);
  });

  test.each(['private', 'community', 'public'] as const)(
    'of an image that is now %s it expires too',
    async (visibility) => {
      const image = await repositories.image();
      await offer(image, { expiresAt: laterEnd });
      await changeVisibility(image, visibility);

      const expired = await expire(image, dateOf(laterEnd));

      expect(expired).toBe(true);
      expect(await memberCount(image)).toBe(0);
    },
  );

  test('a membership without an end, a withdrawn and a missing one do not expire', async () => {
    const unlimited = await repositories.image();
    await offer(unlimited, { expiresAt: undefined });
    const { image: withdrawn } = await shared();
    await withdraw(withdrawn, dateOf(before));
    const never = await repositories.image();
    const items = async () => [await everything(unlimited), await everything(withdrawn), await everything(never)];
    const earlier = await items();

    const expired = [];
    for (const image of [unlimited, withdrawn, never, anImage()]) expired.push(await expire(image, dateOf(laterEnd)));

    expect(expired).toEqual([false, false, false, false]);
    expect(await items()).toEqual(earlier);
  });

  test.each(otherEnds)(
    'a membership whose end becomes $what between the read and the write does not expire',
    async ({ expiresAt }) => {
      const { image, membership } = await shared();
      beforeTransaction(() => changeExpiry(membership, { expiresAt }));

      const expired = await expire(image, dateOf(end), repositories.wired.memberships);

      expect(expired).toBe(false);
      expect((await repositories.read(image.id)).membership).toEqual({ ...membership, expiresAt, updatedAt: before });
      expect(await memberCount(image)).toBe(1);
    },
  );

  test('a membership that is withdrawn and offered again between the read and the write does not expire', async () => {
    const { image } = await shared();
    let offered: Membership | undefined;
    beforeTransaction(async () => {
      await withdraw(image, dateOf(before));
      offered = await offer(image, { expiresAt: laterEnd });
    });

    const expired = await expire(image, dateOf(end), repositories.wired.memberships);

    expect(expired).toBe(false);
    expect((await repositories.read(image.id)).membership).toEqual(offered);
  });

  test('an answer between the read and the write does not keep it from expiring', async () => {
    const { image } = await shared();
    beforeTransaction(() => answer(image, before, 'accepted'));

    const expired = await expire(image, dateOf(end), repositories.wired.memberships);

    expect(expired).toBe(true);
    expect(await memberCount(image)).toBe(0);
  });
});

describe('a new offer', () => {
  const ends: readonly [string, (image: Image) => Promise<boolean>][] = [
    ['its end', (image) => expire(image, dateOf(end))],
    ['its member has left', (image) => leave(image, dateOf(before))],
    ['its withdrawal', (image) => withdraw(image, dateOf(before))],
  ];

  test.each(ends)('after %s has nothing of the earlier membership but its sequence', async (_what, act) => {
    const image = await repositories.image();
    await repositories.standingAnswers.replace(
      beta,
      await repositories.standingAnswers.find(beta),
      [{ owner: alpha, status: 'accepted', createdAt: offeredAt, updatedAt: offeredAt }],
      betasActor,
    );
    const first = await offer(image, { standingAnswer: 'accepted' });
    await answer(image, before, 'rejected');
    expect(await stored(image)).toMatchObject({
      standing_answer: true,
      answered_at: before,
      write_id: expect.any(String),
    });
    const { sequence } = (await stored(image))!;
    expect(await act(image)).toBe(true);

    const offered = await offer(image, {
      expiresAt: undefined,
      at: end,
      actor: { projectId: 'ops' as ProjectId, userId: 'root', via: 'command', requestId: 'order' },
    });

    const key = `shared#${image.createdAt}#${image.id}`;
    expect(offered?.id).not.toBe(first?.id);
    expect(await stored(image)).toEqual({
      ...membershipKey(beta, image.id),
      format: 1,
      membership_id: offered?.id,
      image_id: image.id,
      member_id: 'beta',
      status: 'pending',
      created_at: end,
      updated_at: end,
      updated_by: { project: 'ops', user: 'root', via: 'command', request_id: 'order' },
      offered_by: 'ops',
      sequence: Number(sequence) + 2,
      owner: 'alpha',
      visibility: 'shared',
      os_hidden: false,
      list_key: key,
      pending: key,
    });
    expect(await storedOffer(image)).toEqual({
      ...offerKey(image.id, beta),
      format: 1,
      membership_id: offered?.id,
      created_at: end,
    });
  });

  test('without an earlier membership has a sequence that begins at the current time in milliseconds', async () => {
    const image = await repositories.image();
    await offer(image);

    expect(Number((await stored(image))?.['sequence'])).toBe(Date.parse(offeredAt) + 1);
  });
});

describe('at the second of the end', () => {
  const rounds = 25;

  test('of an answer and the end one comes first, and an expired membership is not answered', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { image } = await shared();

      const [answered, expired] = await Promise.all([
        answer(image, round % 2 === 0 ? before : end, 'accepted'),
        expire(image, dateOf(end)),
      ]);

      expect(expired).toBe(true);
      if (round % 2 === 1) expect(answered).toBe('condition-failed');
      expect(await stored(image)).not.toHaveProperty('status');
      expect(await memberCount(image)).toBe(0);
      expect(await storedOffer(image)).toBeUndefined();
    }
  });

  test('of a prolonging and the end one is applied and the other is not', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { image, membership } = await shared();

      const [changed, expired] = await Promise.all([changeExpiry(membership), expire(image, dateOf(end))]);

      expect([changed === undefined, expired]).toEqual(expired ? [true, true] : [false, false]);
      expect((await repositories.read(image.id)).membership).toEqual(changed);
      expect(await memberCount(image)).toBe(expired ? 0 : 1);
    }
  });

  test('of an end, a leaving and a withdrawal one is applied', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { image } = await shared('accepted');

      const ended = await Promise.all([
        expire(image, dateOf(end)),
        leave(image, dateOf(before)),
        withdraw(image, dateOf(before)),
      ]);

      expect(ended.filter(Boolean)).toEqual([true]);
      expect(await memberCount(image)).toBe(0);
    }
  });
});
