import { actorOf, type Caller } from '../domain/caller.ts';
import { timestamp, type Clock } from '../domain/clock.ts';
import { memberExists, memberQuotaExceeded } from '../domain/errors.ts';
import { type ImageId, type ProjectId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { MembershipRepository } from '../domain/membership-repository.ts';
import type { Membership } from '../domain/membership.ts';
import { assertCallerMayManageMembers, assertImageIsShared, assertImageIsVisible } from '../domain/sharing-rules.ts';
import { retryOnConflict } from './retry-on-conflict.ts';

export type OfferImage = (request: {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly caller: Caller;
}) => Promise<Membership>;

/**
 * An owner offers its image to a project, which becomes a member, pending. The image is read first, for the offer repeats
 * its owner, visibility and creation; the write holds only if those are as they were.
 *
 * @param quota - the most members of an image, or -1 for no limit
 */
export const createOfferImage =
  (images: ImageRepository, memberships: MembershipRepository, clock: Clock, quota: number): OfferImage =>
  async ({ imageId, memberId, caller }) => {
    const actor = actorOf(caller);

    return retryOnConflict(async () => {
      const sharing = await images.find(imageId, [caller.projectId, memberId]);
      const image = assertImageIsVisible(caller, sharing);
      assertImageIsShared(image);
      assertCallerMayManageMembers(caller, image);
      if (sharing.memberships.has(memberId)) throw memberExists(imageId, memberId);
      if (quota >= 0 && image.memberCount >= quota) throw memberQuotaExceeded(imageId, quota);
      if (image.pendingChange !== undefined) {
        await images.completePendingChange(image);
        return undefined;
      }
      return memberships.offer({ image, memberId, quota, at: timestamp(clock()), actor });
    });
  };
