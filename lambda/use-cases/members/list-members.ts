import type { Caller } from '../../domain/caller.ts';
import { invalidRequest } from '../../domain/errors.ts';
import type { ImageId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { Membership } from '../../domain/membership.ts';
import { assertImageIsShared, assertImageIsVisible, canListAllMembers } from '../../domain/sharing-rules.ts';

export type ListMembers = (request: {
  readonly imageId: ImageId;
  readonly caller: Caller;
}) => Promise<readonly Membership[]>;

/**
 * Maximum number of members in a list. The Image API has no pages of members, so that all of them must fit into one
 * response of 6 MB. 4,000 members fit even if each has the longest id and JSON escapes all of it. Quotas are far lower.
 */
export const maxListedMembers = 4000;

/**
 * Returns the members of an image by creation time, then id: all for its owner and an admin, its own membership for a
 * member.
 *
 * @throws SharingError `invalid-request` if there are more than {@link maxListedMembers}
 */
export const createListMembers = (images: ImageRepository): ListMembers =>
  async function listMembers({ imageId, caller }) {
    const { image, memberIds } = await images.findOffers(imageId, maxListedMembers + 1);
    // A hidden and a missing image must cost the same calls: other callers are searched among the members in both
    // cases.
    const listedIds = canListAllMembers(caller, image) ? memberIds : [caller.projectId];
    if (listedIds.length > maxListedMembers) {
      if (image !== undefined) assertImageIsShared(image);
      throw invalidRequest(
        `The image has more than ${maxListedMembers} members, which cannot be listed; show each member by its id.`,
      );
    }
    const members = await images.findMemberships(imageId, listedIds);
    const memberships = new Map(members.map((member) => [member.memberId, member]));
    assertImageIsShared(assertImageIsVisible(caller, { imageId, image, memberships }));
    return members.toSorted((a, b) => compare(a.createdAt, b.createdAt) || compare(a.memberId, b.memberId));
  };

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
