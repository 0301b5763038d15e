import type { Actor } from '../actor.ts';
import type { Timestamp } from '../clock.ts';
import type { ImageId, ProjectId } from '../ids.ts';
import type { Image } from '../image.ts';
import type { Membership, MemberStatus } from '../membership.ts';

/** A change of a membership's status. */
export interface Answer {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly status: MemberStatus;
  /** The project that must not be the image's owner, or `undefined` for an admin. */
  readonly excludedOwner: ProjectId | undefined;
  /** Returns the time of the change. Each attempt calls it again, so that a later change never has an earlier time. */
  readonly at: () => Timestamp;
  readonly actor: Actor;
}

/** The creation of a pending membership. */
export interface Offer {
  /** The image as it was read. The offer requires that its replicated attributes are unchanged. */
  readonly image: Image;
  readonly memberId: ProjectId;
  /** Maximum number of members of the image, or -1 for no limit. */
  readonly quota: number;
  readonly at: Timestamp;
  readonly actor: Actor;
}

/** The end of a membership. */
export interface Withdrawal {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  /** The project that must be the image's owner, or `undefined` for an admin. */
  readonly owner: ProjectId | undefined;
  readonly at: Date;
  readonly actor: Actor;
}

/** Writes memberships. Each write is one conditional request whose condition repeats every check of the use case. */
export interface MembershipRepository {
  /** Sets the status of a member of a shared image. `condition-failed` does not tell which clause failed. */
  answer(
    answer: Answer,
  ): Promise<{ readonly outcome: 'changed' | 'unchanged'; readonly membership: Membership } | 'condition-failed'>;

  /** Creates a pending membership. `undefined` means that the condition failed, but not which clause. */
  offer(offer: Offer): Promise<Membership | undefined>;

  /** Ends a membership. `false` means that the condition failed, but not which clause. */
  withdraw(withdrawal: Withdrawal): Promise<boolean>;
}
