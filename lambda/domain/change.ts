import type { Actor } from './actor.ts';
import type { Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';
import { pickReplicatedAttributes, type Image, type ReplicatedAttributes } from './image.ts';
import type { Membership } from './membership.ts';

/** Fields of every change. */
interface AnyChange {
  readonly imageId: ImageId;
  readonly owner: ProjectId;
  readonly actor: Actor;
  readonly at: Timestamp;
}

/** The attributes of a membership whose changes are published with their values. */
export type MembershipState = Pick<Membership, 'status' | 'expiresAt'>;

/** A change of one project's membership of an image: an offer, an answer, another end, or a withdrawal. */
export interface MembershipChange extends AnyChange {
  readonly kind: 'membership';
  readonly memberId: ProjectId;
  /** Identifies this membership; every offer creates a new id. */
  readonly membershipId: string;
  /** Number of the change per image and project; it increases across successive memberships. */
  readonly sequence: number;
  /** `undefined` if the membership did not exist. */
  readonly before: MembershipState | undefined;
  /** `undefined` if the membership has ended. */
  readonly after: MembershipState | undefined;
  /** `true` for an offer whose status is the member's standing answer. */
  readonly hasStandingAnswer: boolean;
}

/** The attributes of an image whose changes are published with their values. */
export type ImageState = ReplicatedAttributes & Pick<Image, 'status' | 'importError'>;

/** Returns only the attributes of an image that are published. */
export const pickImageState = (image: ImageState): ImageState => ({
  ...pickReplicatedAttributes(image),
  status: image.status,
  importError: image.importError,
});

/** A change of an image's record: created, updated or deleted. */
interface ImageRecordChange extends AnyChange {
  readonly kind: 'image';
  readonly name: string | null;
  /** Version of the record after the change. */
  readonly version: number;
  /** `undefined` if the image did not exist. */
  readonly before: ImageState | undefined;
  /** `undefined` if the image was deleted. */
  readonly after: ImageState | undefined;
}

/**
 * A change that is published: every acknowledged change of a membership or an image's record. Writes that repeat a
 * status or update a count are not changes.
 */
export type Change = MembershipChange | ImageRecordChange;

/** Returns the id of the membership or image that a change is about. */
export const changeSubject = (change: Change): string =>
  change.kind === 'membership' ? change.membershipId : change.imageId;

/** Returns the id of the change with a sequence number: the id of its notification and of its entry in the history. */
export const changeId = (subject: string, sequence: number): string => `${subject}:${sequence}`;
