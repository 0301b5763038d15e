import { actorOf, hasRole, isAdmin } from '../../domain/caller.ts';
import type { Clock } from '../../domain/clock.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { MembershipRepository } from '../../domain/repositories/membership-repository.ts';
import {
  assertCallerMayManageMembers,
  assertImageIsShared,
  assertImageIsVisible,
  assertMemberIsExpected,
  assertMemberIsVisible,
} from '../../domain/sharing-rules.ts';
import type { MemberToChange } from './answer-offer.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

export type WithdrawOffer = (request: MemberToChange) => Promise<void>;

/** Ends a membership of any status with one transaction; reads only if the condition failed, to find the reason. */
export const createWithdrawOffer = (
  images: ImageRepository,
  memberships: MembershipRepository,
  clock: Clock,
): WithdrawOffer =>
  async function withdrawOffer({ caller, imageId, memberId, expected }) {
    const actor = actorOf(caller);
    const owner = isAdmin(caller) ? undefined : caller.projectId;

    await retryOnConflict(async () => {
      if (hasRole(caller, 'member')) {
        const isWithdrawn = await memberships.withdraw({ imageId, memberId, owner, expected, at: clock, actor });
        if (isWithdrawn) return true;
      }
      const sharing = await images.find(imageId, [caller.projectId, memberId]);
      const image = assertImageIsVisible(caller, sharing);
      assertImageIsShared(image);
      const membership = assertMemberIsVisible(caller, sharing, memberId);
      assertCallerMayManageMembers(caller, image);
      assertMemberIsExpected(membership, expected);
      return undefined;
    });
  };
