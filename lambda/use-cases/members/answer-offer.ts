import { actorOf, isAdmin, type Caller } from '../../domain/caller.ts';
import { timestamp, type Clock } from '../../domain/clock.ts';
import { invalidMemberStatus } from '../../domain/errors.ts';
import type { ImageId, ProjectId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { MembershipRepository } from '../../domain/repositories/membership-repository.ts';
import { isMemberStatus, type Membership, type MembershipState } from '../../domain/membership.ts';
import {
  assertCallerMayAnswer,
  assertImageIsShared,
  assertImageIsVisible,
  assertMemberIsExpected,
  assertMemberIsVisible,
  canAttemptAnswer,
} from '../../domain/sharing-rules.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

/** A request about one membership. */
export interface MemberRequest {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly caller: Caller;
}

/** A request to change one membership. */
export interface MemberToChange extends MemberRequest {
  /** The state in which the request changes the membership; by default any state. */
  readonly expected?: MembershipState | undefined;
}

export type AnswerOffer = (request: MemberToChange & { readonly status: unknown }) => Promise<Membership>;

/**
 * Sets the status of a member with one conditional write; reads only if the condition failed, to find the reason.
 *
 * Checks the image, the member and the role before the status, as the Image service does: a caller who is not permitted
 * gets this refusal even if the status is invalid. The expected state is checked last.
 */
export const createAnswerOffer = (
  images: ImageRepository,
  memberships: MembershipRepository,
  clock: Clock,
): AnswerOffer =>
  async function answerOffer({ caller, status, imageId, memberId, expected }) {
    const actor = actorOf(caller);
    const excludedOwner = isAdmin(caller) ? undefined : caller.projectId;
    const at = () => timestamp(clock());

    return retryOnConflict(async () => {
      if (isMemberStatus(status) && canAttemptAnswer(caller, memberId)) {
        const answered = await memberships.answer({ imageId, memberId, status, excludedOwner, expected, at, actor });
        if (answered !== 'condition-failed') return answered.membership;
      }
      const sharing = await images.find(imageId, [caller.projectId, memberId]);
      const image = assertImageIsVisible(caller, sharing);
      assertImageIsShared(image);
      const membership = assertMemberIsVisible(caller, sharing, memberId);
      assertCallerMayAnswer(caller, image, membership);
      if (!isMemberStatus(status)) throw invalidMemberStatus();
      assertMemberIsExpected(membership, expected);
      if (image.pendingChange !== undefined) await images.completePendingChange(image);
      return undefined;
    });
  };
