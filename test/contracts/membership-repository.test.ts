import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { ProjectId } from '../../lambda/domain/ids.ts';
import type { Image } from '../../lambda/domain/image.ts';
import type { Answer, Offer, Withdrawal } from '../../lambda/domain/repositories/membership-repository.ts';
import {
  memberStatuses,
  stateOf,
  type Membership,
  type MembershipState,
  type MemberStatus,
} from '../../lambda/domain/membership.ts';
import { membershipKey, offerKey } from '../../lambda/dynamodb/keys.ts';
import { anImage } from '../lambda/domain/an-image.ts';
import { actor, answeredAt, now, offeredAt, openRepositories, type Repositories } from './open-repositories.ts';

let repositories: Repositories;
beforeAll(async () => {
  repositories = await openRepositories();
});
afterAll(() => repositories.close());

const alpha = 'alpha' as ProjectId;
const beta = 'beta' as ProjectId;
const gamma = 'gamma' as ProjectId;

const offer = (image: Image, change: Partial<Offer> = {}) =>
  repositories.memberships.offer({
    image,
    memberId: beta,
    quota: 128,
    expiresAt: undefined,
    standingAnswer: undefined,
    at: offeredAt,
    actor,
    ...change,
  });
const answer = (image: Image, change: Partial<Answer> = {}) =>
  repositories.memberships.answer({
    imageId: image.id,
    memberId: beta,
    status: 'accepted',
    excludedOwner: beta,
    at: () => answeredAt,
    actor,
    ...change,
  });
const withdraw = (image: Image, change: Partial<Withdrawal> = {}) =>
  repositories.memberships.withdraw({
    imageId: image.id,
    memberId: beta,
    owner: alpha,
    at: () => now,
    actor,
    ...change,
  });
const stored = (image: Image, memberId = beta) => repositories.item(membershipKey(memberId, image.id));

/** Changes the current state of an image. */
async function change({ id }: Image, attributes: Partial<Image>): Promise<void> {
  const before = (await repositories.read(id)).image!;
  if ((await repositories.images.update(before, { ...before, ...attributes }, actor)) === 'conflict') {
    throw new Error('The image was not changed.');
  }
}

/** States that differ from a membership in one respect each. */
function otherStates(membership: Membership): readonly MembershipState[] {
  const state = stateOf(membership);
  return [
    { ...state, id: randomUUID() },
    { ...state, status: state.status === 'rejected' ? 'pending' : 'rejected' },
    { ...state, updatedAt: '2026-11-23T12:44:59Z' },
    { ...state, updatedAt: '' },
    { ...state, expiresAt: '2026-11-24T00:00:01Z' },
    { ...state, expiresAt: state.expiresAt === '' ? '2026-11-24T00:00:02Z' : '' },
  ];
}

/** Creates an image and offers it to beta, which answers unless its status is pending. */
async function shared(status: MemberStatus = 'pending', attributes: Partial<Image> = {}): Promise<Image> {
  const image = await repositories.image(attributes);
  await repositories.share(image, 'beta', status);
  return image;
}

describe('offer', () => {
  test('a project becomes a member, pending', async () => {
    const { image, read } = repositories;
    const created = await image();

    const offered = await offer(created);

    const membership = {
      id: expect.any(String),
      imageId: created.id,
      memberId: 'beta',
      status: 'pending',
      createdAt: offeredAt,
      updatedAt: offeredAt,
      offeredBy: 'alpha',
      answeredAt: undefined,
      expiresAt: undefined,
    };
    expect(offered).toEqual(membership);
    expect(await read(created.id)).toEqual({ image: { ...created, memberCount: 1 }, membership });
  });

  test.each([
    'b',
    '𝒟'.repeat(250),
    `${'é'.repeat(245)}${'x'.repeat(10)}`,
    '100%',
    'a#b',
    'a b',
    'a+b',
    'PROJECT#beta',
    '名前',
    '~',
    '"\\',
    '..x',
  ])('the project %j can be offered an image, answer and leave', async (id) => {
    const { image, read } = repositories;
    const memberId = id as ProjectId;
    const created = await image();

    const offered = await offer(created, { memberId });
    const answered = await answer(created, { memberId, excludedOwner: memberId });
    const withdrawn = await withdraw(created, { memberId });

    expect(offered?.memberId).toBe(id);
    expect(answered).toMatchObject({ outcome: 'changed', membership: { memberId: id, status: 'accepted' } });
    expect(withdrawn).toBe(true);
    expect(await read(created.id, id)).toEqual({ image: created, membership: undefined });
  });

  test('project ids are told apart by case', async () => {
    const { image, read } = repositories;
    const created = await image();
    await offer(created);

    const offered = await offer(created, { memberId: 'BETA' as ProjectId });

    expect(offered).toMatchObject({ memberId: 'BETA' });
    expect((await read(created.id)).image?.memberCount).toBe(2);
  });

  test.each(memberStatuses)('a member whose answer is %s keeps it when offered the image again', async (status) => {
    const image = await shared(status);
    const before = await repositories.read(image.id);

    const offered = await offer(image, { quota: -1 });

    expect(offered).toBeUndefined();
    expect(await repositories.read(image.id)).toEqual(before);
  });

  const meanwhile: readonly { what: string; attributes: Partial<Image> }[] = [
    { what: 'private', attributes: { visibility: 'private' } },
    { what: 'community', attributes: { visibility: 'community' } },
    { what: 'public', attributes: { visibility: 'public' } },
    { what: 'hidden, which the membership would not say', attributes: { hidden: true } },
    { what: "another project's", attributes: { owner: gamma } },
  ];

  test.each(meanwhile)('an image that is meanwhile $what is not offered', async ({ attributes }) => {
    const image = await repositories.image();
    await change(image, attributes);

    const offered = await offer(image);

    expect(offered).toBeUndefined();
    expect(await repositories.read(image.id)).toMatchObject({ image: { memberCount: 0 }, membership: undefined });
  });

  test.each(['private', 'community', 'public'] as const)('a %s image is not offered', async (visibility) => {
    const image = await repositories.image({ visibility });

    const offered = await offer(image);

    expect(offered).toBeUndefined();
    expect(await repositories.read(image.id)).toEqual({ image, membership: undefined });
  });

  test('a deleted or missing image is not offered', async () => {
    const deleted = await repositories.image();
    await repositories.images.delete(deleted, actor);

    const offered = [await offer(deleted), await offer(anImage())];

    expect(offered).toEqual([undefined, undefined]);
    expect(await repositories.read(deleted.id)).toEqual({ image: undefined, membership: undefined });
  });

  test.each([
    { quota: 2, outcomes: [true, true, false] },
    { quota: 0, outcomes: [false, false, false] },
    { quota: -1, outcomes: [true, true, true] },
  ])('three offers under a quota of $quota have the outcomes $outcomes', async ({ quota, outcomes }) => {
    const image = await repositories.image();

    const held = [];
    for (const memberId of ['one', 'two', 'three'] as ProjectId[]) {
      held.push((await offer(image, { memberId, quota })) !== undefined);
    }

    expect(held).toEqual(outcomes);
    const { image: found, memberIds } = await repositories.images.findOffers(image.id, 1000);
    expect([found?.memberCount, memberIds.length]).toEqual(Array(2).fill(outcomes.filter(Boolean).length));
  });

  test('a withdrawal makes room under the quota', async () => {
    const image = await shared();
    await withdraw(image);

    const offered = await offer(image, { memberId: gamma, quota: 1 });

    expect(offered).toMatchObject({ memberId: 'gamma', status: 'pending' });
  });

  test('the actor and the format are stored with the offer', async () => {
    const image = await repositories.image();

    await offer(image, { actor: { projectId: 'ops' as ProjectId, userId: 'root', via: 'command' } });

    const by = { project: 'ops', user: 'root', via: 'command' };
    expect(await stored(image)).toMatchObject({ format: 1, updated_by: by, member_id: 'beta', image_id: image.id });
    expect(await repositories.item(offerKey(image.id, beta))).toMatchObject({ format: 1 });
  });
});

describe('answer', () => {
  const transitions = memberStatuses.flatMap((from) => memberStatuses.map((to) => ({ from, to })));

  test.each(transitions)('$from may become $to', async ({ from, to }) => {
    const image = await shared(from);
    const before = (await repositories.read(image.id)).membership!;
    const at = '2026-11-24T00:00:00Z' as Timestamp;

    const answered = await answer(image, { status: to, at: () => at });

    const membership = from === to ? before : { ...before, status: to, updatedAt: at, answeredAt: at };
    expect(answered).toEqual({ outcome: from === to ? 'unchanged' : 'changed', membership });
    expect(await repositories.read(image.id)).toEqual({ image: { ...image, memberCount: 1 }, membership });
  });

  test.each(['pending', 'accepted'] as const)('only a member answers, whatever it answers: %s', async (status) => {
    const image = await shared();

    const answered = await answer(image, { memberId: gamma, excludedOwner: gamma, status });

    expect(answered).toBe('condition-failed');
    expect(await repositories.read(image.id, 'gamma')).toMatchObject({ membership: undefined });
    expect(await stored(image, gamma)).toBeUndefined();
  });

  test.each([...memberStatuses])('after the offer was withdrawn the answer %s is refused', async (status) => {
    const image = await shared('accepted');
    await withdraw(image);
    const before = await stored(image);

    const answered = await answer(image, { status });

    expect(answered).toBe('condition-failed');
    expect(await stored(image)).toEqual(before);
  });

  const visibilities = ['private', 'community', 'public'] as const;
  const answers = visibilities.flatMap((visibility) => memberStatuses.map((status) => ({ visibility, status })));

  test.each(answers)('of an image that is now $visibility the answer $status is refused', async (now) => {
    const image = await shared('accepted');
    await change(image, { visibility: now.visibility });
    const before = (await repositories.read(image.id)).membership;

    const answered = await answer(image, { status: now.status });

    expect(answered).toBe('condition-failed');
    expect((await repositories.read(image.id)).membership).toEqual(before);
  });

  test.each(memberStatuses)("the owner's project, itself a member, is refused the answer %s", async (status) => {
    const image = await repositories.image({ owner: beta });
    await repositories.share(image, 'beta');

    const answered = await answer(image, { status, excludedOwner: beta });

    expect(answered).toBe('condition-failed');
    expect((await repositories.read(image.id)).membership).toMatchObject({ status: 'pending' });
  });

  test("an admin answers for the owner's project too", async () => {
    const image = await repositories.image({ owner: beta });
    await repositories.share(image, 'beta');

    const answered = await answer(image, { excludedOwner: undefined });

    expect(answered).toMatchObject({ outcome: 'changed', membership: { status: 'accepted' } });
  });

  test('a member that has become the owner is refused', async () => {
    const image = await shared();
    await change(image, { owner: beta });

    const answered = await answer(image);

    expect(answered).toBe('condition-failed');
  });

  test.each([{ hidden: true }, { protected: true }, { name: 'renamed' }])(
    'of an image that is now %j the answer is taken',
    async (attributes) => {
      const image = await shared();
      await change(image, attributes);

      const answered = await answer(image);

      expect(answered).toMatchObject({ outcome: 'changed' });
    },
  );

  test('the actor is stored with the answer, and an answer that changes nothing is not stored', async () => {
    const image = await shared();

    await answer(image, { actor: { projectId: beta, userId: 'bob', via: 'http' } });
    const first = await stored(image);
    await answer(image, { actor: { projectId: beta, userId: 'eve', via: 'http' } });

    expect(first).toMatchObject({ format: 1, updated_by: { project: 'beta', user: 'bob', via: 'http' } });
    expect(await stored(image)).toEqual(first);
  });
});

describe('answer of the expected membership', () => {
  test.each(memberStatuses)('the expected membership is answered: %s', async (status) => {
    const image = await shared('accepted');
    const before = (await repositories.read(image.id)).membership!;
    const at = '2026-11-24T00:00:00Z' as Timestamp;

    const answered = await answer(image, { status, expected: stateOf(before), at: () => at });

    const membership = { ...before, ...(status !== 'accepted' && { status, updatedAt: at, answeredAt: at }) };
    expect(answered).toEqual({ outcome: status === 'accepted' ? 'unchanged' : 'changed', membership });
    expect((await repositories.read(image.id)).membership).toEqual(membership);
  });

  test.each(memberStatuses)('a membership in another state is not answered: %s', async (status) => {
    const image = await shared('accepted');
    const before = await stored(image);
    const { membership } = await repositories.read(image.id);

    for (const expected of otherStates(membership!)) {
      expect(await answer(image, { status, expected })).toBe('condition-failed');
    }
    expect(await stored(image)).toEqual(before);
  });

  test('a later membership of the same second is not answered', async () => {
    const image = await shared();
    const { membership } = await repositories.read(image.id);
    await withdraw(image);
    await offer(image);

    const answered = await answer(image, { expected: stateOf(membership!) });

    expect(answered).toBe('condition-failed');
    expect((await repositories.read(image.id)).membership).toEqual({ ...membership, id: expect.any(String) });
  });

  test('a membership with an end is answered before its end only', async () => {
    const image = await repositories.image();
    const expiresAt = '2026-11-23T13:30:00Z' as Timestamp;
    const offered = await offer(image, { expiresAt });
    const answerAt = (at: string) => answer(image, { expected: stateOf(offered!), at: () => at as Timestamp });

    expect(await answerAt(expiresAt)).toBe('condition-failed');
    expect(await answerAt('2026-11-23T13:29:59Z')).toMatchObject({ outcome: 'changed' });
  });
});

describe('answer by a command', () => {
  const byCommand = (image: Image, change: Partial<Answer> = {}) => {
    const entry = { id: randomUUID(), projectId: beta, digest: 'digest', redriveCount: 0 };
    return repositories.wired.commandRecords.repositoriesFor(entry).memberships.answer({
      imageId: image.id,
      memberId: beta,
      status: 'accepted',
      excludedOwner: beta,
      at: () => answeredAt,
      actor,
      ...change,
    });
  };
  /** Runs an action immediately before or after the command's transaction. */
  const around = (when: 'before' | 'after', act: () => Promise<unknown>): void => {
    repositories.wire.intercept(({ action }) => {
      if (action !== 'TransactWriteItems') return undefined;
      repositories.wire.intercept(undefined);
      return when === 'before' ? act().then(() => undefined) : { afterwards: () => act().then(() => 'go on' as const) };
    });
  };

  test('the result is the written membership, regardless of later changes', async () => {
    const image = await shared();
    const { membership } = await repositories.read(image.id);
    around('after', async () => {
      await withdraw(image);
      await offer(image, { at: '2026-11-23T12:59:00Z' as Timestamp });
    });

    const answered = await byCommand(image);

    const written = { ...membership, status: 'accepted', updatedAt: answeredAt, answeredAt };
    expect(answered).toEqual({ outcome: 'changed', membership: written });
    expect((await repositories.read(image.id)).membership).toMatchObject({ status: 'pending' });
  });

  test('only the membership that was read is answered', async () => {
    const image = await shared();
    around('before', async () => {
      await withdraw(image);
      await offer(image);
    });

    const answered = await byCommand(image);

    expect(answered).toBe('condition-failed');
    expect((await repositories.read(image.id)).membership).toMatchObject({ status: 'pending' });
  });

  test('a refusal remains a refusal although the status is the same afterwards', async () => {
    const image = await shared();
    around('before', async () => {
      await answer(image);
    });

    const answered = await byCommand(image);

    expect(answered).toBe('condition-failed');
  });

  test.each(memberStatuses)('the same answer %s again is unchanged and writes nothing', async (status) => {
    const image = await shared(status);
    const before = await stored(image);

    const answered = await byCommand(image, { status });

    expect(answered).toMatchObject({ outcome: 'unchanged', membership: { status } });
    expect(await stored(image)).toEqual(before);
  });

  test('a project that is not or no longer a member is refused', async () => {
    const image = await shared('accepted');
    await withdraw(image);

    const answered = [await byCommand(image), await byCommand(image, { memberId: gamma, excludedOwner: gamma })];

    expect(answered).toEqual(['condition-failed', 'condition-failed']);
  });
});

describe('withdraw', () => {
  test.each(memberStatuses)('an offer whose answer is %s ends', async (status) => {
    const image = await shared(status);

    const withdrawn = await withdraw(image);

    expect(withdrawn).toBe(true);
    expect(await repositories.read(image.id)).toEqual({ image, membership: undefined });
    expect((await repositories.images.findOffers(image.id, 1000)).memberIds).toEqual([]);
  });

  test('a withdrawn membership has no status and no list entry, and expires in 90 days', async () => {
    const image = await shared('accepted');
    const { sequence } = (await stored(image))!;
    const admin = { projectId: 'ops' as ProjectId, userId: 'root', via: 'http' as const };

    await withdraw(image, { actor: admin, owner: undefined });

    const left = (await stored(image))!;
    expect(left).toMatchObject({
      format: 1,
      sequence: Number(sequence) + 1,
      updated_by: { project: 'ops', user: 'root', via: 'http' },
      updated_at: '2026-11-23T13:00:00Z',
      expires_at: Date.parse('2027-02-21T13:00:00Z') / 1000,
    });
    for (const absent of ['status', 'listed', 'pending', 'rejected']) expect(left).not.toHaveProperty(absent);
  });

  test('the expected membership ends, in any other state it does not', async () => {
    const image = await shared('accepted');
    const before = await repositories.read(image.id);

    for (const expected of otherStates(before.membership!)) expect(await withdraw(image, { expected })).toBe(false);
    expect(await repositories.read(image.id)).toEqual(before);
    expect(await withdraw(image, { expected: stateOf(before.membership!) })).toBe(true);
    expect(await repositories.read(image.id)).toEqual({ image, membership: undefined });
  });

  test('an offer is withdrawn once', async () => {
    const image = await shared();
    await withdraw(image);
    const left = await stored(image);

    const withdrawn = await withdraw(image);

    expect(withdrawn).toBe(false);
    expect(await stored(image)).toEqual(left);
    expect((await repositories.read(image.id)).image?.memberCount).toBe(0);
  });

  const refusals: readonly { what: string; withdrawal?: Partial<Withdrawal>; attributes?: Partial<Image> }[] = [
    { what: 'by another project', withdrawal: { owner: beta } },
    { what: 'of no member', withdrawal: { memberId: gamma } },
    { what: 'of an image that is now private', attributes: { visibility: 'private' } },
    {
      what: 'of an image that is now private, by an admin',
      withdrawal: { owner: undefined },
      attributes: { visibility: 'private' },
    },
    { what: 'of an image that is now community', attributes: { visibility: 'community' } },
    { what: 'of an image that is now public', attributes: { visibility: 'public' } },
    { what: 'by the former owner', attributes: { owner: gamma } },
  ];

  test.each(refusals)('a withdrawal $what is refused', async ({ withdrawal = {}, attributes }) => {
    const image = await shared('accepted');
    if (attributes) await change(image, attributes);
    const before = await repositories.read(image.id);

    const withdrawn = await withdraw(image, withdrawal);

    expect(withdrawn).toBe(false);
    expect(await repositories.read(image.id)).toEqual(before);
    expect(before.image?.memberCount).toBe(1);
  });

  test('a withdrawal from a missing image creates no item', async () => {
    const image = anImage();

    const withdrawn = await withdraw(image, { owner: undefined });

    expect(withdrawn).toBe(false);
    expect(await stored(image)).toBeUndefined();
  });
});

describe('an offer after a withdrawal', () => {
  test('is a new pending membership with the current time', async () => {
    const image = await shared('accepted');
    const first = await stored(image);
    await withdraw(image);

    const offered = await offer(image, { at: answeredAt });

    const second = await stored(image);
    expect(offered).toMatchObject({ status: 'pending', createdAt: answeredAt, updatedAt: answeredAt });
    expect((await repositories.read(image.id)).membership).toEqual(offered);
    expect(second?.['membership_id']).not.toBe(first?.['membership_id']);
    expect(second).not.toHaveProperty('expires_at');
    expect(await repositories.item(offerKey(image.id, beta))).toMatchObject({
      membership_id: second?.['membership_id'],
    });
  });

  test('continues the sequence, which increases by one with every change and nothing else', async () => {
    const image = await repositories.image();
    const steps: (() => Promise<unknown>)[] = [
      () => offer(image),
      () => answer(image),
      () => answer(image, { status: 'rejected' }),
      () => withdraw(image),
      () => offer(image),
      () => withdraw(image),
      () => offer(image),
      () => answer(image),
    ];
    const repeated: (() => Promise<unknown>)[] = [() => offer(image), () => answer(image, { memberId: gamma })];

    const sequence: number[] = [];
    for (const step of steps) {
      await step();
      for (const again of repeated) await again();
      sequence.push(Number((await stored(image))!['sequence']));
    }

    // After a withdrawal the repeated offer is one more change.
    const first = sequence[0]!;
    expect(sequence.map((each) => each - first)).toEqual([0, 1, 2, 4, 4, 6, 6, 7]);
  });
});
