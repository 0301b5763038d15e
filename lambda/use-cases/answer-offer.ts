import { actorOf, isAdmin, type Caller } from '../domain/caller.ts';
import { timestamp, type Clock } from '../domain/clock.ts';
import { invalidMemberStatus } from '../domain/errors.ts';
import { type ProjectId, type ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { MembershipRepository } from '../domain/membership-repository.ts';
import { isMemberStatus, type Membership } from '../domain/membership.ts';
import {
  assertCallerMayAnswer,
  assertImageIsShared,
  assertImageIsVisible,
  assertMemberIsVisible,
  canAttemptAnswer,
} from '../domain/sharing-rules.ts';
import { retryOnConflict } from './retry-on-conflict.ts';

export interface MemberRequest {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly caller: Caller;
}

export type AnswerOffer = (request: MemberRequest & { readonly status: unknown }) => Promise<Membership>;

/**
 * A member sets its status: one conditional write, and a read only where that is refused, to say why.
 *
 * The status is looked at last, after the image, the member and the role, as the Image service does it: a caller who may
 * not answer is told that and not that its answer was misspelt.
 */
export const createAnswerOffer =
  (images: ImageRepository, memberships: MembershipRepository, clock: Clock): AnswerOffer =>
  async ({ caller, status, imageId, memberId }) => {
    const actor = actorOf(caller);
    const notOwner = isAdmin(caller) ? undefined : caller.projectId;

    return retryOnConflict(async () => {
      if (isMemberStatus(status) && canAttemptAnswer(caller, memberId)) {
        const at = () => timestamp(clock());
        const answered = await memberships.answer({ imageId, memberId, status, excludedOwner: notOwner, at, actor });
        if (answered !== 'condition-failed') return answered.membership;
      }
      const sharing = await images.find(imageId, [caller.projectId, memberId]);
      const image = assertImageIsVisible(caller, sharing);
      assertImageIsShared(image);
      assertCallerMayAnswer(caller, image, assertMemberIsVisible(caller, image, sharing, memberId));
      if (!isMemberStatus(status)) throw invalidMemberStatus();
      if (image.pendingChange !== undefined) await images.completePendingChange(image);
      return undefined;
    });
  };
