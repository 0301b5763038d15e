import { describe, expect, test } from '@jest/globals';
import type { Timestamp } from '../../../../lambda/domain/clock.ts';
import type { ImageListRepository } from '../../../../lambda/domain/image-list.ts';
import type { ImageId, ProjectId } from '../../../../lambda/domain/ids.ts';
import type { ImageRepository } from '../../../../lambda/domain/repositories/image-repository.ts';
import type {
  MembershipListRepository,
  OfferedImage,
} from '../../../../lambda/domain/repositories/membership-list-repository.ts';
import { createListOffers, type OfferListRequest } from '../../../../lambda/use-cases/sharing/list-offers.ts';
import { maxScannedImages, maxSortedImages } from '../../../../lambda/use-cases/list-page.ts';
import { aCaller } from '../../domain/a-caller.ts';
import { aMembership } from '../../domain/a-membership.ts';
import { anImage } from '../../domain/an-image.ts';

/** Returns offers to beta from the newest image to the oldest; the names of the images are their positions. */
const newestFirst = (count: number, offeredAt: (n: number) => string = () => '2026-11-23T12:30:00Z'): OfferedImage[] =>
  Array.from({ length: count }, (_, n) => {
    const id = `${String(count - n).padStart(8, '0')}-0000-7000-8000-000000000000` as ImageId;
    return {
      image: anImage({ name: String(n), id }),
      membership: aMembership({ imageId: id, createdAt: offeredAt(n) as Timestamp }),
    };
  });

/**
 * Returns the list of offers in memory, which counts its reads. The size of an offer is 100 bytes.
 *
 * @param goneOffers - offers with a list entry but without a membership
 */
function listing(all: readonly OfferedImage[], goneOffers: readonly OfferedImage[] = []) {
  const gone = new Set(goneOffers.map(({ image }) => image.id));
  const read = { lookups: 0, offers: 0, memberships: 0 };
  const offerOf = (id: ImageId): OfferedImage | undefined =>
    gone.has(id) ? undefined : all.find(({ image }) => image.id === id);
  const lists: Pick<ImageListRepository, 'candidates'> = {
    candidates: (sources, order, after, count) => {
      const ordered = order === 'desc' ? all : all.toReversed();
      const start = after === undefined ? 0 : ordered.findIndex(({ image }) => image.id === after.id) + 1;
      const end = start + count;
      read.lookups += 1;
      return Promise.resolve({
        candidates: ordered.slice(start, end).map(({ image }) => ({ position: image, sources })),
        next: end < ordered.length ? ordered[end - 1]!.image : undefined,
      });
    },
  };
  const membershipLists: Pick<MembershipListRepository, 'offers' | 'memberships'> = {
    offers: (_, candidates) => {
      read.offers += candidates.length;
      return Promise.resolve({
        offers: candidates.map(({ position }) => offerOf(position.id)),
        bytes: 100 * candidates.length,
      });
    },
    memberships: (_, candidates) => {
      read.memberships += candidates.length;
      return Promise.resolve({
        memberships: candidates.map(({ position }) => offerOf(position.id)?.membership),
        bytes: 100 * candidates.length,
      });
    },
  };
  const publicImage = anImage({ visibility: 'public' });
  const images: Pick<ImageRepository, 'find'> = {
    find: (imageId) => {
      const offer = offerOf(imageId);
      return Promise.resolve({
        imageId,
        image: imageId === publicImage.id ? publicImage : offer?.image,
        memberships: new Map(offer === undefined ? [] : [[offer.membership.memberId, offer.membership]]),
        expired: new Set(),
      });
    },
  };
  const list = createListOffers({
    images: images as ImageRepository,
    lists: lists as ImageListRepository,
    membershipLists: membershipLists as MembershipListRepository,
    pageSize: { sizeOf: () => 100, maxBytes: 10_000 },
  });
  const send = async (request: Partial<OfferListRequest> = {}) => {
    const { entries, next } = await list({
      caller: aCaller('beta:reader'),
      status: 'pending',
      owner: undefined,
      namePrefix: undefined,
      hidden: false,
      sort: { key: 'created_at', direction: 'desc' },
      limit: 25,
      marker: undefined,
      ...request,
    });
    return {
      names: entries.map(({ image }) => image.name),
      next: all.find(({ image }) => image.id === next)?.image.name,
    };
  };
  return { send, read, publicImage };
}

const positions = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));
const idOf = (all: readonly OfferedImage[], position: number) => all[position]!.image.id;

describe('in the creation order of the images', () => {
  test('pages follow each other in both directions', async () => {
    const all = newestFirst(5);
    const { send, read } = listing(all);

    expect(await send({ limit: 2 })).toEqual({ names: ['0', '1'], next: '1' });
    expect(await send({ limit: 2, marker: idOf(all, 1) })).toEqual({ names: ['2', '3'], next: '3' });
    expect(await send({ limit: 2, marker: idOf(all, 3) })).toEqual({ names: ['4'], next: undefined });
    expect(read).toEqual({ lookups: 3, offers: 5, memberships: 0 });
    const oldestFirst = { sort: { key: 'created_at', direction: 'asc' } } as const;
    expect(await send({ ...oldestFirst, limit: 2, marker: idOf(all, 3) })).toEqual({ names: ['2', '1'], next: '1' });
  });

  test('later offers replace offers that were withdrawn since the index was read', async () => {
    const all = newestFirst(10);
    const { send } = listing(all, all.slice(1, 4));

    const page = await send({ limit: 5 });

    expect(page).toEqual({ names: ['0', '4', '5', '6', '7'], next: '7' });
  });

  test('a name prefix examines a bounded number of offers; the page is then short and has a `next`', async () => {
    const all = newestFirst(maxScannedImages + 500);
    const { send, read } = listing(all);

    const first = await send({ namePrefix: '21' });
    const { offers } = read;
    const second = await send({ namePrefix: '21', limit: 3, marker: idOf(all, maxScannedImages - 1) });

    expect(first.names).toEqual(['21', ...positions(210, 220), ...positions(2100, 2100)]);
    expect(first.next).toBe(String(maxScannedImages - 1));
    expect(offers).toBe(maxScannedImages);
    expect(second).toEqual({ names: ['2100', '2101', '2102'], next: '2102' });
  });

  test('an image without a name has no prefix', async () => {
    const [offer] = newestFirst(1);
    const { send } = listing([{ ...offer!, image: { ...offer!.image, name: null } }]);

    expect(await send({ namePrefix: 'n' })).toEqual({ names: [], next: undefined });
    expect(await send()).toEqual({ names: [null], next: undefined });
  });
});

describe('in the order of the offers', () => {
  const byOffer = { sort: { key: 'offered_at', direction: 'desc' } } as const;
  /** Offers whose order is not that of their images. */
  const shuffled = (count: number) =>
    newestFirst(count, (n) => `2026-11-23T12:30:${String((n * 7) % 10).padStart(2, '0')}Z`);
  const expected = (all: readonly OfferedImage[]) =>
    all
      .toSorted((a, b) =>
        `${a.membership.createdAt}${a.image.id}` < `${b.membership.createdAt}${b.image.id}` ? 1 : -1,
      )
      .map(({ image }) => image.name);

  test.each(['asc', 'desc'] as const)('pages follow each other, %s', async (direction) => {
    const all = shuffled(55);
    const { send, read } = listing(all);
    const names: (string | null)[] = [];

    for (let marker: string | undefined, pages = 0; pages < 6; pages += 1) {
      const page = await send({ sort: { key: 'offered_at', direction }, limit: 10, marker });
      names.push(...page.names);
      marker = all.find(({ image }) => image.name === page.next)?.image.id;
    }

    expect(names).toEqual(direction === 'desc' ? expected(all) : expected(all).toReversed());
    expect(read).toEqual({ lookups: 6, offers: 55, memberships: 6 * 55 });
  });

  test('a name prefix applies to the page', async () => {
    const all = shuffled(30);
    const { send } = listing(all);

    const page = await send({ ...byOffer, namePrefix: '1', limit: 4 });

    const matching = expected(all).filter((name) => name?.startsWith('1'));
    expect(page).toEqual({ names: matching.slice(0, 4), next: matching[3] });
  });

  test('a list over the maximum number of offers is refused before any membership is read', async () => {
    const enough = listing(newestFirst(maxSortedImages));
    const more = listing(newestFirst(maxSortedImages + 1));

    expect((await enough.send({ ...byOffer, limit: 1 })).names).toEqual(['0']);
    await expect(more.send({ ...byOffer, limit: 1 })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(more.read.memberships).toBe(0);
  });

  test('a visible image that is not offered is no marker', async () => {
    const { send, publicImage } = listing(newestFirst(3));

    await expect(send({ ...byOffer, marker: publicImage.id })).rejects.toMatchObject({ code: 'invalid-request' });
  });
});

test('a position is a marker in the creation order of the images only', async () => {
  const all = newestFirst(3);
  const { send } = listing(all);
  const marker = `${all[0]!.image.createdAt},${idOf(all, 0)}`;

  expect(await send({ marker, limit: 1 })).toEqual({ names: ['1'], next: '1' });
  await expect(send({ marker, sort: { key: 'offered_at', direction: 'desc' } })).rejects.toMatchObject({
    code: 'invalid-request',
  });
});

test('images of the project itself are never offers, and their list costs no lookup', async () => {
  const { send, read } = listing(newestFirst(3));

  expect(await send({ owner: 'beta' as ProjectId })).toEqual({ names: [], next: undefined });
  expect(await send({ limit: 0 })).toEqual({ names: [], next: undefined });
  expect(read.lookups).toBe(0);
});

test.each(['beta:other', ':admin'])('the caller %s is refused', async (as) => {
  const { send } = listing([]);

  await expect(send({ caller: aCaller(as) })).rejects.toMatchObject({ code: 'not-permitted' });
});

test('missing and hidden markers give the same refusal', async () => {
  const all = newestFirst(3);
  const { send } = listing(all, all.slice(1, 2));
  const refusal = (marker: string) => send({ marker }).catch((error: unknown) => error);

  expect(await refusal(idOf(all, 1))).toMatchObject({ code: 'invalid-request' });
  expect(await refusal(idOf(all, 1))).toEqual(await refusal('00000001-0000-7000-8000-999999999999'));
  expect(await refusal(idOf(all, 1))).toEqual(await refusal('not-an-id'));
});
