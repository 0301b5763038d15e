import { expect, test } from '@jest/globals';
import type { ImageListRepository } from '../../../../lambda/domain/image-list.ts';
import type { ImageId, ProjectId } from '../../../../lambda/domain/ids.ts';
import type { Image } from '../../../../lambda/domain/image.ts';
import { memberStatuses } from '../../../../lambda/domain/membership.ts';
import type { ImageRepository } from '../../../../lambda/domain/repositories/image-repository.ts';
import type { MembershipListRepository } from '../../../../lambda/domain/repositories/membership-list-repository.ts';
import { createListOwnImages, maxCountedMembers } from '../../../../lambda/use-cases/sharing/list-own-images.ts';
import { aCaller } from '../../domain/a-caller.ts';
import { aMembership } from '../../domain/a-membership.ts';
import { anImage } from '../../domain/an-image.ts';

/** Returns the list of alpha's images in memory. Every third member has the same status. */
function listing(all: readonly Image[]) {
  const read: (readonly ImageId[])[] = [];
  const lists: Pick<ImageListRepository, 'candidates' | 'records'> = {
    candidates: (sources, _, after, count) => {
      const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after.id) + 1;
      return Promise.resolve({
        candidates: all.slice(start, start + count).map((position) => ({ position, sources })),
        next: all.length > start + count ? all[start + count - 1] : undefined,
      });
    },
    records: (candidates) =>
      Promise.resolve({
        images: candidates.map(({ position }) => all.find(({ id }) => id === position.id)),
        bytes: 1,
      }),
  };
  const membershipLists: Pick<MembershipListRepository, 'members'> = {
    members: (imageIds, maxMembers) => {
      read.push(imageIds);
      return Promise.resolve(
        new Map(
          imageIds.map((id) => {
            const { memberCount = 0 } = all.find((image) => image.id === id) ?? {};
            const memberships = Array.from({ length: Math.min(memberCount, maxMembers) }, (_, n) =>
              aMembership({ imageId: id, memberId: `member-${n}` as ProjectId, status: memberStatuses[n % 3]! }),
            );
            return [id, { memberships, hasMore: memberCount > maxMembers }];
          }),
        ),
      );
    },
  };
  const images: Pick<ImageRepository, 'find'> = {
    find: (imageId) =>
      Promise.resolve({
        imageId,
        image: all.find(({ id }) => id === imageId),
        memberships: new Map(),
        expired: new Set(),
      }),
  };
  const list = createListOwnImages({
    images: images as ImageRepository,
    lists: lists as ImageListRepository,
    membershipLists: membershipLists as MembershipListRepository,
    pageSize: { sizeOf: () => 1, maxBytes: 1000 },
  });
  const send = async (request: Partial<Parameters<typeof list>[0]> = {}) => {
    const { entries, next } = await list({
      caller: aCaller('alpha:reader'),
      hidden: false,
      limit: 25,
      marker: undefined,
      ...request,
    });
    return {
      counts: entries.map(({ image, memberCounts }) => [image.name, memberCounts.total, memberCounts.isExact]),
      next: all.find(({ id }) => id === next)?.name,
    };
  };
  return { send, list, read };
}

const withMembers = (...memberCounts: readonly number[]): Image[] =>
  memberCounts.map((memberCount, n) => anImage({ name: String(n), memberCount }));

test('members are counted by status', async () => {
  const { list } = listing(withMembers(5));

  const { entries } = await list({ caller: aCaller('alpha:reader'), hidden: false, limit: 1, marker: undefined });

  expect(entries.map(({ memberCounts }) => memberCounts)).toEqual([
    { total: 5, pending: 2, accepted: 2, rejected: 1, isExact: true },
  ]);
});

test('a page ends before its images have more members than are counted, and the next page continues', async () => {
  const all = withMembers(0, 600, 400, 1, 0, 1000);
  const { send } = listing(all);

  const first = await send();
  const second = await send({ marker: all[2]!.id });
  const third = await send({ marker: all[4]!.id });

  const exact = (...counts: (readonly [string, number])[]) => counts.map((count) => [...count, true]);
  expect(first).toEqual({ counts: exact(['0', 0], ['1', 600], ['2', 400]), next: '2' });
  expect(second).toEqual({ counts: exact(['3', 1], ['4', 0]), next: '4' });
  expect(third).toEqual({ counts: exact(['5', 1000]), next: undefined });
});

test('an image with more members than are counted is a page, with a count that says so', async () => {
  const { send } = listing(withMembers(maxCountedMembers + 1, 0));

  expect(await send()).toEqual({ counts: [['0', maxCountedMembers, false]], next: '0' });
});

test('only the members of shared images that have any are read', async () => {
  const hidden = { memberCount: 3 };
  const all = [
    anImage({ name: 'private', visibility: 'private', ...hidden }),
    anImage({ name: 'public', visibility: 'public', ...hidden }),
    anImage({ name: 'shared', ...hidden }),
    anImage({ name: 'alone' }),
  ];
  const { send, read } = listing(all);

  const { counts } = await send();

  expect(counts).toEqual([
    ['private', 0, true],
    ['public', 0, true],
    ['shared', 3, true],
    ['alone', 0, true],
  ]);
  expect(read).toEqual([[all[2]!.id]]);
});

test('pages have the requested number of images', async () => {
  const all = withMembers(1, 1, 1);
  const { send } = listing(all);

  expect(await send({ limit: 2 })).toMatchObject({ next: '1' });
  expect(await send({ limit: 2, marker: all[1]!.id })).toEqual({ counts: [['2', 1, true]], next: undefined });
  expect(await send({ limit: 0 })).toEqual({ counts: [], next: undefined });
});

test.each(['alpha:other', ':admin'])('the caller %s is refused', async (as) => {
  const { send } = listing([]);

  await expect(send({ caller: aCaller(as) })).rejects.toMatchObject({ code: 'not-permitted' });
});
