import type { Caller } from '../domain/caller.ts';
import { imageNotFound } from '../domain/errors.ts';
import { parseImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { Membership } from '../domain/membership.ts';
import { assertImageIsShared, assertImageIsVisible, seesAllMembers } from '../domain/sharing-rules.ts';

export type ListMembers = (request: {
  readonly imageId: string;
  readonly caller: Caller;
}) => Promise<readonly Membership[]>;

/** The members of an image in order of creation, then of id: all of them for its owner and an admin, a member itself. */
export const createListMembers =
  (images: ImageRepository): ListMembers =>
  async ({ imageId: id, caller }) => {
    const imageId = parseImageId(id);
    if (imageId === undefined) throw imageNotFound(id);
    const { image, memberIds } = await images.findOffers(imageId);
    // Whether the image exists or not, whoever does not own it is looked for among its members: the same calls for both.
    const shown = seesAllMembers(caller, image) ? memberIds : [caller.projectId];
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
