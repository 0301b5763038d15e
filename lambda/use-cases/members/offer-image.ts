import { actorOf } from '../../domain/caller.ts';
import { timestamp, type Clock } from '../../domain/clock.ts';
import { memberExists, memberQuotaExceeded } from '../../domain/errors.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { MembershipRepository } from '../../domain/repositories/membership-repository.ts';
import type { Membership } from '../../domain/membership.ts';
import { assertCallerMayManageMembers, assertImageIsShared, assertImageIsVisible } from '../../domain/sharing-rules.ts';
import type { MemberRequest } from './answer-offer.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

export type OfferImage = (request: MemberRequest) => Promise<Membership>;

export interface OfferImageDependencies {
  readonly images: ImageRepository;
  readonly memberships: MembershipRepository;
  readonly clock: Clock;
  /** Maximum number of members of an image, or -1 for no limit. */
  readonly memberQuota: number;
}

/**
 * Offers an image to a project, which becomes a pending member.
 *
 * Reads the image first, because the membership repeats its owner, visibility and creation time; the write's condition
 * requires that these are unchanged.
 */
export const createOfferImage = ({
  images,
  memberships,
  clock,
  memberQuota: quota,
}: OfferImageDependencies): OfferImage =>
  async function offerImage({ imageId, memberId, caller }) {
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
