import { hasRole, isAdmin } from '../domain/caller.ts';
import type { Clock } from '../domain/clock.ts';
import { imageNotFound, memberNotFound } from '../domain/errors.ts';
import { parseImageId, parseProjectId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { MembershipRepository } from '../domain/membership-repository.ts';
import {
  assertCallerMayManageMembers,
  assertImageIsShared,
  assertImageIsVisible,
  assertMemberIsVisible,
} from '../domain/sharing-rules.ts';
import type { MemberRequest } from './answer-offer.ts';
import { retryOnConflict } from './retry-on-conflict.ts';

export type WithdrawOffer = (request: MemberRequest) => Promise<void>;

/** An owner ends a membership, whatever its status: one transaction, and a read only where that is refused, to say why. */
export const createWithdrawOffer =
  (images: ImageRepository, memberships: MembershipRepository, clock: Clock): WithdrawOffer =>
  async ({ caller, via, ...ids }) => {
    const imageId = parseImageId(ids.imageId);
    const memberId = parseProjectId(ids.memberId);
    if (imageId === undefined) throw imageNotFound(ids.imageId);
    if (memberId === undefined) throw memberNotFound(ids.imageId, ids.memberId);
    const actor = { projectId: caller.projectId, userId: caller.userId, via };
    const owner = isAdmin(caller) ? undefined : caller.projectId;

    await retryOnConflict(async () => {
      if (hasRole(caller, 'member')) {
        const withdrawn = await memberships.withdraw({ imageId, memberId, owner, at: clock(), actor });
        if (withdrawn) return true;
      }
      const sharing = await images.find(imageId, [caller.projectId, memberId]);
      const image = assertImageIsVisible(caller, sharing);
      assertImageIsShared(image);
      assertMemberIsVisible(caller, image, sharing, memberId);
      assertCallerMayManageMembers(caller, image);
      return undefined;
    });
  };
