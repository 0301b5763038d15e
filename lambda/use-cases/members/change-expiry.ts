import { actorOf, isAdmin } from '../../domain/caller.ts';
import { timestamp, type Clock } from '../../domain/clock.ts';
import { parseExpiry } from '../../domain/expiry.ts';
import type { Membership } from '../../domain/membership.ts';
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

export type ChangeExpiry = (
  request: MemberToChange & {
    /** End of the membership, unchecked; `null` for none. */
    readonly expiresAt: unknown;
  },
) => Promise<Membership>;

/**
 * Sets or removes the end of a membership whose end has not passed.
 *
 * Reads the membership first, because the response shows it; the write's condition requires that it and the image are
 * unchanged. The same end again writes nothing.
 */
export const createChangeExpiry = (
  images: ImageRepository,
  memberships: MembershipRepository,
  clock: Clock,
): ChangeExpiry =>
  async function changeExpiry({ imageId, memberId, expiresAt, expected, caller }) {
    const actor = actorOf(caller);
    const owner = isAdmin(caller) ? undefined : caller.projectId;

    return retryOnConflict(async () => {
      const sharing = await images.find(imageId, [caller.projectId, memberId]);
      const image = assertImageIsVisible(caller, sharing);
      assertImageIsShared(image);
      const membership = assertMemberIsVisible(caller, sharing, memberId);
      assertCallerMayManageMembers(caller, image);
      const end = parseExpiry(expiresAt, clock());
      assertMemberIsExpected(membership, expected);
      if (end === membership.expiresAt) return membership;
      return memberships.changeExpiry({
        membership,
        expected,
        owner,
        expiresAt: end,
        at: () => timestamp(clock()),
        actor,
      });
    });
  };
