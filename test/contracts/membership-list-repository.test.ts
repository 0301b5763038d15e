import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../lambda/domain/clock.ts';
import type { ListCandidate, ListSource } from '../../lambda/domain/image-list.ts';
import type { ProjectId } from '../../lambda/domain/ids.ts';
import type { Image } from '../../lambda/domain/image.ts';
import { memberStatuses, type MemberStatus } from '../../lambda/domain/membership.ts';
import { offerSource } from '../../lambda/domain/offer-list.ts';
import { actor, answeredAt, now, offeredAt, openRepositories, type Repositories } from './open-repositories.ts';

let repositories: Repositories;
beforeAll(async () => {
  repositories = await openRepositories();
});
afterAll(() => repositories.close());

/** Returns a project that no other test uses. */
let projects = 0;
const aProject = (): ProjectId => `project-${(projects += 1)}` as ProjectId;

/** An end that has passed at the current time of the repositories, by one second or not at all. */
const passed = ['2026-11-23T12:59:59Z', '2026-11-23T13:00:00Z'] as const;
const notPassed = '2026-11-23T13:00:01Z';

/** Offers an image to a project until this time. */
async function offerUntil(image: Image, memberId: ProjectId, expiresAt: string): Promise<void> {
  const end = expiresAt as Timestamp;
  const offer = { image, memberId, quota: -1, standingAnswer: undefined, at: offeredAt, actor };
  if ((await repositories.memberships.offer({ ...offer, expiresAt: end })) === undefined) throw new Error('Refused.');
}

const withdraw = (image: Image, memberId: ProjectId) =>
  repositories.memberships.withdraw({ imageId: image.id, memberId, owner: undefined, at: () => now, actor });
const answer = ({ id: imageId }: Image, memberId: ProjectId, status: MemberStatus) =>
  repositories.memberships.answer({ imageId, memberId, status, excludedOwner: undefined, at: () => answeredAt, actor });

const sourceOf = (project: ProjectId, status: MemberStatus | 'all' = 'pending', owner?: ProjectId): ListSource =>
  offerSource(project, { status, owner, hidden: false });

const candidatesOf = async (source: ListSource): Promise<readonly ListCandidate[]> =>
  (await repositories.lists.candidates([source], 'desc', undefined, 100)).candidates;
const idsOf = (candidates: readonly ListCandidate[]): readonly string[] =>
  candidates.map(({ position }) => position.id);

describe('the candidates of offers', () => {
  test('are those of other projects that have not ended', async () => {
    const member = aProject();
    const offered = await repositories.image();
    await repositories.share(offered, member);
    await repositories.share(await repositories.image({ owner: member }), member);
    for (const end of passed) await offerUntil(await repositories.image(), member, end);
    const limited = await repositories.image();
    await offerUntil(limited, member, notPassed);

    const found = await candidatesOf(sourceOf(member));
    const ofAnyStatus = await candidatesOf(sourceOf(member, 'all'));

    expect(idsOf(found).toSorted()).toEqual([offered.id, limited.id].toSorted());
    expect(idsOf(ofAnyStatus)).toEqual(idsOf(found));
  });

  test('are narrowed to an owner', async () => {
    const [member, owner] = [aProject(), aProject()];
    const offered = await repositories.image({ owner });
    await repositories.share(offered, member);
    await repositories.share(await repositories.image(), member);

    const found = await candidatesOf(sourceOf(member, 'pending', owner));

    expect(idsOf(found)).toEqual([offered.id]);
  });

  test('behind a few excluded ones take queries of growing size', async () => {
    const member = aProject();
    const second = (n: number) => `2026-11-23T12:00:${String(n).padStart(2, '0')}Z` as Timestamp;
    const oldest = await repositories.image({ createdAt: second(0) });
    await repositories.share(oldest, member);
    for (let n = 1; n < 29; n += 1) {
      await repositories.share(await repositories.image({ owner: member, createdAt: second(n) }), member);
    }
    const { wire, wired } = repositories;

    const { result, calls } = await wire.record(() => wired.lists.candidates([sourceOf(member)], 'desc', undefined, 1));

    expect(idsOf(result.candidates)).toEqual([oldest.id]);
    expect(result.next).toBeUndefined();
    expect(calls.map(({ request }) => request['Limit'])).toEqual([2, 4, 8, 16]);
  });

  test('end after a maximum number of queries, at the last entry that was read', async () => {
    const member = aProject();
    const own: Image[] = [];
    for (let n = 0; n < 12; n += 1) {
      own.push(await repositories.image({ owner: member, createdAt: `2026-11-23T12:00:${10 + n}Z` as Timestamp }));
      await repositories.share(own.at(-1)!, member);
    }
    const { wire, wired } = repositories;
    wire.intercept(({ action, request }) => (action === 'Query' ? { request: { ...request, Limit: 1 } } : undefined));

    const { result, calls } = await wire.record(() => wired.lists.candidates([sourceOf(member)], 'asc', undefined, 1));
    wire.intercept(undefined);

    expect(result).toEqual({ candidates: [], next: { id: own[7]!.id, createdAt: own[7]!.createdAt } });
    expect(calls).toHaveLength(8);
  });
});

describe('offers', () => {
  test('are the images and the memberships of their candidates, with the size of all items', async () => {
    const member = aProject();
    const image = await repositories.image({ name: 'it', properties: { blob: 'x'.repeat(10_000) } });
    await offerUntil(image, member, notPassed);

    const { offers, bytes } = await repositories.membershipLists.offers(member, await candidatesOf(sourceOf(member)));

    const membership = {
      id: expect.any(String),
      imageId: image.id,
      memberId: member,
      status: 'pending',
      createdAt: offeredAt,
      updatedAt: offeredAt,
      offeredBy: actor.projectId,
      answeredAt: undefined,
      expiresAt: notPassed,
    };
    expect(offers).toEqual([{ image: { ...image, memberCount: 1 }, membership }]);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(13_000);
  });

  test('and memberships are undefined once they no longer belong to the list, in the order of their candidates', async () => {
    const member = aProject();
    const images: Image[] = [];
    for (let n = 0; n < 6; n += 1) {
      images.push(await repositories.image({ createdAt: `2026-11-23T12:00:0${n}Z` as Timestamp }));
      await repositories.share(images[n]!, member);
    }
    const [withdrawn, answered, unshared, hidden, deleted, offered] = images as [
      Image,
      Image,
      Image,
      Image,
      Image,
      Image,
    ];
    const { candidates } = await repositories.lists.candidates([sourceOf(member)], 'asc', undefined, 10);
    const read = async ({ id }: Image) => (await repositories.read(id)).image!;
    await withdraw(withdrawn, member);
    await answer(answered, member, 'accepted');
    await repositories.images.update(await read(unshared), { ...(await read(unshared)), visibility: 'private' }, actor);
    await repositories.images.update(await read(hidden), { ...(await read(hidden)), hidden: true }, actor);
    await repositories.images.delete(await read(deleted), actor);

    const { offers } = await repositories.membershipLists.offers(member, candidates);
    const { memberships } = await repositories.membershipLists.memberships(member, candidates);

    const idOf = (imageId: string | undefined) => imageId;
    expect(offers.map((offer) => idOf(offer?.image.id))).toEqual([...Array(5).fill(undefined), offered.id]);
    // An image that is not shared or hidden keeps its memberships.
    expect(memberships.map((membership) => idOf(membership?.imageId))).toEqual([
      ...[undefined, undefined, unshared.id, hidden.id, undefined],
      offered.id,
    ]);
  });

  test('that have ended since the index was read are undefined', async () => {
    const member = aProject();
    const image = await repositories.image();
    await offerUntil(image, member, passed[1]);
    const candidates = [{ position: image, sources: [sourceOf(member)] }];

    const { offers } = await repositories.membershipLists.offers(member, candidates);
    const { memberships } = await repositories.membershipLists.memberships(member, candidates);

    expect([offers, memberships]).toEqual([[undefined], [undefined]]);
  });

  test('of no candidates cost no call', async () => {
    const { wire, wired } = repositories;

    const { result, calls } = await wire.record(() => wired.membershipLists.offers(aProject(), []));

    expect([result, calls]).toEqual([{ offers: [], bytes: 0 }, []]);
  });
});

describe('a count', () => {
  test('is that of one status, without ended offers, own images, hidden images and images that are not shared', async () => {
    const member = aProject();
    for (const [n, status] of memberStatuses.entries()) {
      for (let times = 0; times <= n; times += 1) await repositories.share(await repositories.image(), member, status);
    }
    for (const end of passed) await offerUntil(await repositories.image(), member, end);
    await repositories.share(await repositories.image({ owner: member }), member);
    await repositories.share(await repositories.image({ hidden: true }), member);
    const image = await repositories.image();
    await repositories.share(image, member);
    const before = { ...image, memberCount: 1 };
    await repositories.images.update(before, { ...before, visibility: 'private' }, actor);

    const counts = await Promise.all(
      ([...memberStatuses, 'all'] as const).map((status) => repositories.lists.count(sourceOf(member, status), 10)),
    );

    expect(counts).toEqual([1, 2, 3, 6].map((count) => ({ count, isExact: true })));
  });

  test.each([
    { max: 2, count: 2, isExact: false },
    { max: 3, count: 3, isExact: true },
    { max: 4, count: 3, isExact: true },
  ])('of 3 offers up to $max is $count, exact: $isExact', async ({ max, ...expected }) => {
    const member = aProject();
    for (let n = 0; n < 3; n += 1) await repositories.share(await repositories.image(), member);

    expect(await repositories.lists.count(sourceOf(member), max)).toEqual(expected);
  });

  test('is inexact after a maximum number of queries', async () => {
    const member = aProject();
    await repositories.share(await repositories.image({ createdAt: '2026-11-23T12:00:00Z' as Timestamp }), member);
    for (let n = 0; n < 12; n += 1) await repositories.share(await repositories.image({ owner: member }), member);
    const { wire, wired } = repositories;
    wire.intercept(({ action, request }) => (action === 'Query' ? { request: { ...request, Limit: 2 } } : undefined));

    const { result, calls } = await wire.record(() => wired.lists.count(sourceOf(member), 10));
    wire.intercept(undefined);

    expect(result.isExact).toBe(false);
    expect(calls).toHaveLength(3);
    expect(new Set(calls.map(({ request }) => request['Select']))).toEqual(new Set(['COUNT']));
  });
});

describe('the members of images', () => {
  test('are all memberships that have not ended, by image', async () => {
    const [one, two, none] = [await repositories.image(), await repositories.image(), await repositories.image()];
    const [member, other] = [aProject(), aProject()];
    await repositories.share(one, member, 'accepted');
    await repositories.share(one, other);
    await repositories.share(two, member, 'rejected');
    await offerUntil(two, other, passed[0]);
    await repositories.share(none, member);
    await withdraw(none, member);

    const members = await repositories.membershipLists.members([one.id, two.id, none.id], 10);

    const statuses = [...members].map(([id, { memberships, hasMore }]) => [
      id,
      memberships.map(({ memberId, status }) => `${memberId} ${status}`).toSorted(),
      hasMore,
    ]);
    expect(statuses).toEqual([
      [one.id, [`${member} accepted`, `${other} pending`].toSorted(), false],
      [two.id, [`${member} rejected`], false],
      [none.id, [], false],
    ]);
  });

  test('are a maximum number of each image', async () => {
    const image = await repositories.image();
    for (let n = 0; n < 3; n += 1) await repositories.share(image, aProject());
    const read = async (max: number) => {
      const { memberships, hasMore } = (await repositories.membershipLists.members([image.id], max)).get(image.id)!;
      return [memberships.length, hasMore];
    };

    expect([await read(2), await read(3)]).toEqual([
      [2, true],
      [3, false],
    ]);
  });

  test('of no images cost no call', async () => {
    const { wire, wired } = repositories;

    const { result, calls } = await wire.record(() => wired.membershipLists.members([], 10));

    expect([result, calls]).toEqual([new Map(), []]);
  });
});
