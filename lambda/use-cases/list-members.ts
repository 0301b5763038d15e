import type { Caller } from '../domain/caller.ts';
import { invalidRequest } from '../domain/errors.ts';
import type { ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { Membership } from '../domain/membership.ts';
import { assertImageIsShared, assertImageIsVisible, canListAllMembers } from '../domain/sharing-rules.ts';

export type ListMembers = (request: {
  readonly imageId: ImageId;
  readonly caller: Caller;
}) => Promise<readonly Membership[]>;

/**
 * Maximum number of members that are listed. The Image API has no pages of members, so that all of them have to fit one
 * response of 6 MB: 4,000 do if each has the longest id, made of what JSON escapes. Quotas are far below this.
 */
export const maxListedMembers = 4000;

/**
 * The members of an image in order of creation, then of id: all of them for its owner and an admin, a member itself.
 *
 * @throws SharingError `invalid-request` if there are more than {@link maxListedMembers}
 */
export const createListMembers =
  (images: ImageRepository): ListMembers =>
  async ({ imageId, caller }) => {
    const { image, memberIds } = await images.findOffers(imageId, maxListedMembers + 1);
    // Whether the image exists or not, whoever does not own it is looked for among its members: the same calls for both.
    const shown = canListAllMembers(caller, image) ? memberIds : [caller.projectId];
    if (shown.length > maxListedMembers) {
      if (image !== undefined) assertImageIsShared(image);
      throw invalidRequest(`More than ${maxListedMembers} members cannot be listed; show each by its id.`);
    }
    const members = await images.findMemberships(imageId, shown);
    assertImageIsShared(
      assertImageIsVisible(caller, {
        imageId,
        image,
        memberships: new Map(members.map((each) => [each.memberId, each])),
      }),
    );
    return members.toSorted((a, b) => compare(a.createdAt, b.createdAt) || compare(a.memberId, b.memberId));
  };

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
