import { actorOf } from '../../domain/caller.ts';
import { timestamp, type Clock } from '../../domain/clock.ts';
import { parseExpiry } from '../../domain/expiry.ts';
import { memberExists, memberQuotaExceeded } from '../../domain/errors.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { MembershipRepository } from '../../domain/repositories/membership-repository.ts';
import type { Membership } from '../../domain/membership.ts';
import { assertCallerMayManageMembers, assertImageIsShared, assertImageIsVisible } from '../../domain/sharing-rules.ts';
import type { MemberRequest } from './answer-offer.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

export type OfferImage = (
  request: MemberRequest & {
    /** End of the membership, unchecked; `null` or `undefined` for none. */
    readonly expiresAt?: unknown;
  },
) => Promise<Membership>;

export interface OfferImageDependencies {
  readonly images: ImageRepository;
  readonly memberships: MembershipRepository;
  readonly clock: Clock;
  /** Maximum number of members of an image, or -1 for no limit. */
  readonly memberQuota: number;
}

/**
 * Number of changes of the member's standing answers during one request after which the offer is pending: a project
 * that keeps changing them cannot prevent offers to it.
 */
const maxStandingAnswerChanges = 3;

/**
 * Offers an image to a project, which becomes a member: with the status of its standing answer to offers of the image's
 * owner, otherwise pending. Memberships whose end has passed are no obstacle: it withdraws the one of the same project
 * and, if the quota is reached, one of another project.
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
  async function offerImage({ imageId, memberId, expiresAt, caller }) {
    const actor = actorOf(caller);

    const readVersions = new Set<number>();
    return retryOnConflict(async () => {
      const isRetry = readVersions.size > 0;
      // After a failed write in parallel, because the most likely reason is the quota and a refusal has three round trips.
      const searched = isRetry && quota >= 0 ? images.findExpired(imageId, 1) : undefined;
      const [{ sharing, standingAnswers, isExpired }, found] = await Promise.all([
        images.findForOffer(imageId, memberId, [caller.projectId]),
        searched,
      ]);
      readVersions.add(standingAnswers.version);
      const image = assertImageIsVisible(caller, sharing);
      assertImageIsShared(image);
      assertCallerMayManageMembers(caller, image);
      if (sharing.memberships.has(memberId)) throw memberExists(imageId, memberId);
      const now = clock();
      const end = parseExpiry(expiresAt, now);
      if (isExpired) {
        await memberships.expire({ imageId, memberId, at: now });
      } else if (quota >= 0 && image.memberCount >= quota) {
        const [expired] = found ?? (await images.findExpired(imageId, 1));
        if (expired === undefined) throw memberQuotaExceeded(imageId, quota);
        await memberships.expire({ imageId, memberId: expired, at: now });
      }
      if (image.pendingChange !== undefined) {
        await images.completePendingChange(image);
        return undefined;
      }
      const mayApply = readVersions.size <= maxStandingAnswerChanges;
      const standingAnswer = mayApply ? standingAnswers.answers.get(image.owner)?.status : undefined;
      const at = timestamp(now);
      return memberships.offer({ image, memberId, quota, expiresAt: end, standingAnswer, at, actor });
    });
  };
