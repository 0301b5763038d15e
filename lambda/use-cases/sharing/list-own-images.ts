import type { Caller } from '../../domain/caller.ts';
import type { ImageListRepository, ListSource } from '../../domain/image-list.ts';
import type { Image } from '../../domain/image.ts';
import type { MemberStatus } from '../../domain/membership.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { MembershipListRepository, MembersRead } from '../../domain/repositories/membership-list-repository.ts';
import { assertCallerMayList } from '../../domain/sharing-rules.ts';
import { imageReader } from '../images/list-images.ts';
import { fillInCreationOrder, findMarker, Page, type ListPage, type PageSize } from '../list-page.ts';

/** The number of members of an image, in total and by status. */
interface MemberCounts extends Readonly<Record<MemberStatus, number>> {
  readonly total: number;
  /** `false` if the image has more than {@link maxCountedMembers} members, of which only so many were counted. */
  readonly isExact: boolean;
}

/** An image of the caller's project with the number of its members. */
export interface OwnImage {
  readonly image: Image;
  readonly memberCounts: MemberCounts;
}

export interface OwnImageListRequest {
  readonly caller: Caller;
  readonly hidden: boolean;
  /** Maximum number of images of the page, 0 to {@link maxOwnImages}. */
  readonly limit: number;
  /** The id of the last image of the previous page. */
  readonly marker: string | undefined;
}

export type ListOwnImages = (request: OwnImageListRequest) => Promise<ListPage<OwnImage>>;

/** Maximum number of images of a page, because the members of each are read. */
export const maxOwnImages = 25;
/** Maximum number of memberships that a page reads, in one round of ten BatchGetItem calls. */
export const maxCountedMembers = 1000;

interface Dependencies {
  readonly images: ImageRepository;
  readonly lists: ImageListRepository;
  readonly membershipLists: MembershipListRepository;
  /** The page ends before an image that would exceed this size. */
  readonly pageSize: PageSize<Image>;
}

/**
 * Returns one page of the images of the caller's project, newest first, with the numbers of their members. An image
 * that is not shared has no members.
 *
 * A page ends before it would read more than {@link maxCountedMembers} memberships.
 *
 * @throws SharingError `invalid-request` if the marker is missing or hidden from the caller
 */
export const createListOwnImages = ({ images, lists, membershipLists, pageSize }: Dependencies): ListOwnImages =>
  async function listOwnImages({ caller, hidden, limit, marker: markerId }) {
    assertCallerMayList(caller);
    const marker = markerId === undefined ? undefined : await findMarker(images, markerId, caller);
    if (limit === 0) return { entries: [], next: undefined };
    const source: ListSource = {
      kind: 'owned',
      project: caller.projectId,
      hidden,
      owner: undefined,
      visibilities: undefined,
    };
    const page = await fillInCreationOrder({
      lists,
      sources: [source],
      order: 'desc',
      after: marker?.position,
      page: new Page({ read: imageReader(lists), matches: () => true, limit, pageSize, isScan: false }),
    });
    const counted = countableImages(page.entries);
    const shared = counted.filter((image) => expectedMembers(image) > 0).map(({ id }) => id);
    const members = await membershipLists.members(shared, maxCountedMembers);
    return {
      entries: counted.map((image) => ({ image, memberCounts: memberCounts(members.get(image.id)) })),
      next: counted.length < page.entries.length ? counted.at(-1)?.id : page.next,
    };
  };

const expectedMembers = ({ visibility, memberCount }: Image): number => (visibility === 'shared' ? memberCount : 0);

/** Returns the first images whose members one page can count: at least one. */
function countableImages(images: readonly Image[]): readonly Image[] {
  let members = 0;
  const excess = images.findIndex((image, n) => {
    members += expectedMembers(image);
    return n > 0 && members > maxCountedMembers;
  });
  return excess === -1 ? images : images.slice(0, excess);
}

function memberCounts({ memberships, hasMore }: MembersRead = { memberships: [], hasMore: false }): MemberCounts {
  const count = (status: MemberStatus): number =>
    memberships.filter((membership) => membership.status === status).length;
  return {
    total: memberships.length,
    pending: count('pending'),
    accepted: count('accepted'),
    rejected: count('rejected'),
    isExact: !hasMore,
  };
}
