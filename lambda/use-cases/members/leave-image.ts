import { actorOf, hasRole } from '../../domain/caller.ts';
import type { Clock } from '../../domain/clock.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { MembershipRepository } from '../../domain/repositories/membership-repository.ts';
import {
  assertCallerMayLeave,
  assertImageIsVisible,
  assertMemberIsExpected,
  assertMemberIsVisible,
} from '../../domain/sharing-rules.ts';
import type { MemberToChange } from './answer-offer.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

export type LeaveImage = (request: Omit<MemberToChange, 'memberId'>) => Promise<void>;

/**
 * Ends the membership of the caller's project with one transaction, in any status and also while the image is not
 * shared; reads only if the condition failed, to find the reason.
 */
export const createLeaveImage = (
  images: ImageRepository,
  memberships: MembershipRepository,
  clock: Clock,
): LeaveImage =>
  async function leaveImage({ caller, imageId, expected }) {
    const { projectId: memberId } = caller;
    const actor = actorOf(caller);

    await retryOnConflict(async () => {
      if (hasRole(caller, 'member')) {
        const hasLeft = await memberships.leave({ imageId, memberId, expected, at: clock, actor });
        if (hasLeft) return true;
      }
      const sharing = await images.find(imageId, [memberId]);
      assertImageIsVisible(caller, sharing);
      const membership = assertMemberIsVisible(caller, sharing, memberId);
      assertCallerMayLeave(caller);
      assertMemberIsExpected(membership, expected);
      return undefined;
    });
  };
