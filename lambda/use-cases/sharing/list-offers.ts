import type { Caller } from '../../domain/caller.ts';
import type { Timestamp } from '../../domain/clock.ts';
import type { ImageId, ProjectId } from '../../domain/ids.ts';
import type { SortDirection } from '../../domain/image-filter.ts';
import type { ImageListRepository, ListCandidate } from '../../domain/image-list.ts';
import type { Membership, MemberStatus } from '../../domain/membership.ts';
import { offerSource } from '../../domain/offer-list.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { MembershipListRepository, OfferedImage } from '../../domain/repositories/membership-list-repository.ts';
import { assertCallerMayList, type Sharing } from '../../domain/sharing-rules.ts';
import {
  fillInCreationOrder,
  findMarker,
  invalidMarker,
  Page,
  readAll,
  type ListPage,
  type PageSize,
  type ReadEntries,
} from '../list-page.ts';

/** The sort keys of a list of offers: the creation of the image, and the offer. */
export const offerSortKeys = ['created_at', 'offered_at'] as const;

export interface OfferListRequest {
  readonly caller: Caller;
  readonly status: MemberStatus | 'all';
  readonly owner: ProjectId | undefined;
  /** The beginning of the names of the images, or `undefined` for any name. */
  readonly namePrefix: string | undefined;
  readonly hidden: boolean;
  readonly sort: { readonly key: (typeof offerSortKeys)[number]; readonly direction: SortDirection };
  /** Maximum number of offers of the page, 0 to 100. */
  readonly limit: number;
  /** The id of the last image of the previous page. */
  readonly marker: string | undefined;
}

export type ListOffers = (request: OfferListRequest) => Promise<ListPage<OfferedImage>>;

/** The dependencies of {@link createListOffers}. */
interface Dependencies {
  readonly images: ImageRepository;
  readonly lists: ImageListRepository;
  readonly membershipLists: MembershipListRepository;
  /** The page ends before an offer that would exceed this size. */
  readonly pageSize: PageSize<OfferedImage>;
}

/**
 * Returns one page of the images that other projects offer to the caller's project. An offer that is withdrawn, has
 * ended or has another status when it is read is not part of it.
 *
 * In the creation order of the images a page costs the same at any position. A name prefix examines a bounded number of
 * offers; such a page can be short, even empty, and has a `next`. The order of the offers first reads all memberships of
 * the list.
 *
 * @throws SharingError `invalid-request` if the marker is missing, hidden from the caller or without a position in the
 *   list, or the list is too long to sort
 */
export const createListOffers = ({ images, lists, membershipLists, pageSize }: Dependencies): ListOffers =>
  async function listOffers({ caller, namePrefix, sort, limit, ...request }) {
    assertCallerMayList(caller);
    const marker = request.marker === undefined ? undefined : await findMarker(images, request.marker, caller);
    const last = marker?.sharing && offerPosition(marker.sharing, caller);
    if (marker !== undefined && last === undefined && sort.key === 'offered_at') throw invalidMarker();
    const { projectId } = caller;
    // The project's own images are never among its offers.
    if (limit === 0 || request.owner === projectId) return { entries: [], next: undefined };

    const sources = [offerSource(projectId, request)];
    const read: ReadEntries<OfferedImage> = async (candidates) => {
      const { offers, bytes } = await membershipLists.offers(projectId, candidates);
      return { entries: offers, bytes };
    };
    const page = new Page({
      read,
      matches: ({ image }) => namePrefix === undefined || (image.name ?? '').startsWith(namePrefix),
      limit,
      pageSize,
      isScan: namePrefix !== undefined,
    });
    if (sort.key === 'created_at') {
      return fillInCreationOrder({ lists, sources, order: sort.direction, after: marker?.position, page });
    }
    const readMemberships: ReadEntries<Membership> = async (candidates) => {
      const { memberships, bytes } = await membershipLists.memberships(projectId, candidates);
      return { entries: memberships, bytes };
    };
    const offers = await readAll(lists, sources, readMemberships, ({ imageId, createdAt }, candidate) => ({
      candidate,
      position: { offeredAt: createdAt, imageId },
    }));
    const compare = offerOrder(sort.direction);
    const candidates = offers
      .filter(({ position }) => last === undefined || compare(last, position) < 0)
      .toSorted((a, b) => compare(a.position, b.position))
      .map(({ candidate }): ListCandidate => candidate);
    await page.fill(candidates, false);
    return page;
  };

/** A position in the order of offers. */
interface OfferPosition {
  readonly offeredAt: Timestamp;
  readonly imageId: ImageId;
}

function offerPosition({ memberships }: Sharing, { projectId }: Caller): OfferPosition | undefined {
  const membership = memberships.get(projectId);
  return membership && { offeredAt: membership.createdAt, imageId: membership.imageId };
}

/** Returns the comparison of offers by time. The image id decides between offers of the same second. */
function offerOrder(direction: SortDirection): (a: OfferPosition, b: OfferPosition) => number {
  const textOf = ({ offeredAt, imageId }: OfferPosition): string => `${offeredAt}#${imageId}`;
  return (a, b) => {
    const [left, right] = [textOf(a), textOf(b)];
    if (left === right) return 0;
    return left < right === (direction === 'asc') ? -1 : 1;
  };
}
