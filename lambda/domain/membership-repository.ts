import type { Actor } from './actor.ts';
import type { Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';
import type { Image } from './image.ts';
import type { Membership, MemberStatus } from './membership.ts';

export interface Answer {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly status: MemberStatus;
  /** The project that may not be the image's owner, or `undefined` for an admin, who may act for anyone. */
  readonly excludedOwner: ProjectId | undefined;
  /** Returns the time of the change; called for each attempt to write, so that a later change never has an earlier time. */
  readonly at: () => Timestamp;
  readonly actor: Actor;
}

export interface Offer {
  /** The image as it was read; the offer is made only if it still is shared by the same owner and not hidden or shown since. */
  readonly image: Image;
  readonly memberId: ProjectId;
  /** The most members of the image, or -1 for no limit. */
  readonly quota: number;
  readonly at: Timestamp;
  readonly actor: Actor;
}

export interface Withdrawal {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  /** The project that must be the image's owner, or `undefined` for an admin. */
  readonly owner: ProjectId | undefined;
  readonly at: Date;
  readonly actor: Actor;
}

/** The memberships. Each write is one conditional request that repeats everything the caller was checked for. */
export interface MembershipRepository {
  /** Sets a member's status if it is a member of a shared image; `refused` says only that some condition did not hold. */
  answer(
    answer: Answer,
  ): Promise<{ readonly outcome: 'changed' | 'unchanged'; readonly membership: Membership } | 'condition-failed'>;

  /** Makes a project a member, pending; `undefined` says only that some condition did not hold. */
  offer(offer: Offer): Promise<Membership | undefined>;

  /** Ends a membership; `false` says only that some condition did not hold. */
  withdraw(withdrawal: Withdrawal): Promise<boolean>;
}
