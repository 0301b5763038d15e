import type { ListCandidate } from '../image-list.ts';
import type { ImageId, ProjectId } from '../ids.ts';
import type { Image } from '../image.ts';
import type { Membership } from '../membership.ts';

/** An image that is offered to a project, with the project's membership of any status. */
export interface OfferedImage {
  readonly image: Image;
  readonly membership: Membership;
}

/** Some members of an image. */
export interface MembersRead {
  readonly memberships: readonly Membership[];
  /** `true` if the image has more members than were read. */
  readonly hasMore: boolean;
}

/** Reads the memberships of lists. All reads are strongly consistent. */
export interface MembershipListRepository {
  /**
   * Reads the images and a project's memberships of candidates, all in parallel.
   *
   * @returns the offer of each candidate, `undefined` if the image or the membership no longer exists or no longer
   *   matches any of the sources, and the size in bytes of all items that were read
   */
  offers(
    memberId: ProjectId,
    candidates: readonly ListCandidate[],
  ): Promise<{ readonly offers: readonly (OfferedImage | undefined)[]; readonly bytes: number }>;

  /**
   * Reads a project's memberships of candidates, all in parallel.
   *
   * @returns the membership of each candidate, `undefined` if it no longer exists or no longer has the status of any of
   *   the sources, and the size in bytes of all items that were read
   */
  memberships(
    memberId: ProjectId,
    candidates: readonly ListCandidate[],
  ): Promise<{ readonly memberships: readonly (Membership | undefined)[]; readonly bytes: number }>;

  /**
   * Reads the members of several images, in two rounds of parallel calls.
   *
   * @param maxMembers - maximum number of members to read of one image
   * @returns the members of each image
   */
  members(imageIds: readonly ImageId[], maxMembers: number): Promise<ReadonlyMap<ImageId, MembersRead>>;
}
