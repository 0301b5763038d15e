import type { Actor } from '../actor.ts';
import type { Clock, Timestamp } from '../clock.ts';
import type { ImageId, ProjectId } from '../ids.ts';
import type { Image } from '../image.ts';
import type { Membership, MembershipState, MemberStatus } from '../membership.ts';
import type { StandingStatus } from '../standing-answer.ts';

/** A change of a membership's status. */
export interface Answer {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly status: MemberStatus;
  /** The project that must not be the image's owner, or `undefined` for an admin. */
  readonly excludedOwner: ProjectId | undefined;
  /** The required state of the membership; by default any state. */
  readonly expected?: MembershipState | undefined;
  /** Returns the time of the change. Each attempt calls it again, so that a later change never has an earlier time. */
  readonly at: () => Timestamp;
  readonly actor: Actor;
}

/** The creation of a membership. */
export interface Offer {
  /** The image as it was read. The offer requires that its replicated attributes are unchanged. */
  readonly image: Image;
  readonly memberId: ProjectId;
  /** Maximum number of members of the image, or -1 for no limit. */
  readonly quota: number;
  /** The end of the membership, later than `at`; `undefined` for a membership without an end. */
  readonly expiresAt: Timestamp | undefined;
  /**
   * The member's standing answer to offers of the image's owner, which becomes the status; otherwise the status is
   * `pending`. The offer requires that it is unchanged.
   */
  readonly standingAnswer: StandingStatus | undefined;
  readonly at: Timestamp;
  readonly actor: Actor;
}

/** The end of a membership by the image's owner or an admin. The image must be shared. */
export interface Withdrawal {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  /** The project that must be the image's owner, or `undefined` for an admin. */
  readonly owner: ProjectId | undefined;
  /** The required state of the membership; by default any state. */
  readonly expected?: MembershipState | undefined;
  /** Returns the time of the withdrawal. Each attempt calls it again, so that a later change never has an earlier time. */
  readonly at: Clock;
  readonly actor: Actor;
}

/** The end of a membership by the member itself, for every visibility of the image. */
export type Leave = Omit<Withdrawal, 'owner'>;

/** A change of the end of a membership by the image's owner or an admin. The image must be shared. */
export interface ExpiryChange {
  /** The membership as it was read. The change requires the same membership with the same status. */
  readonly membership: Membership;
  /** The state of the membership if the change requires it; otherwise only its id and status are required. */
  readonly expected?: MembershipState | undefined;
  /** The project that must be the image's owner, or `undefined` for an admin. */
  readonly owner: ProjectId | undefined;
  /** The new end, or `undefined` for none. */
  readonly expiresAt: Timestamp | undefined;
  /** Returns the time of the change. Each attempt calls it again, so that a later change never has an earlier time. */
  readonly at: () => Timestamp;
  readonly actor: Actor;
}

/** Writes memberships. Each write is one conditional request whose condition repeats every check of the use case. */
export interface MembershipRepository {
  /** Sets the status of a member of a shared image. `condition-failed` does not tell which clause failed. */
  answer(
    answer: Answer,
  ): Promise<{ readonly outcome: 'changed' | 'unchanged'; readonly membership: Membership } | 'condition-failed'>;

  /** Creates a membership. `undefined` means that the condition failed, but not which clause. */
  offer(offer: Offer): Promise<Membership | undefined>;

  /** Ends a membership. `false` means that the condition failed, but not which clause. */
  withdraw(withdrawal: Withdrawal): Promise<boolean>;

  /** Ends a membership for its member. `false` means that the project is not a member. */
  leave(leave: Leave): Promise<boolean>;

  /** Changes the end of a membership. `undefined` means that the condition failed, but not which clause. */
  changeExpiry(change: ExpiryChange): Promise<Membership | undefined>;

  /**
   * Withdraws a membership whose end has passed, as the actor `expiry`. `false` means that there is none: it was
   * prolonged, withdrawn, or never had an end.
   */
  expire(membership: { readonly imageId: ImageId; readonly memberId: ProjectId; readonly at: Date }): Promise<boolean>;
}
