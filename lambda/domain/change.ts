import type { Actor } from './actor.ts';
import type { Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';
import type { ReplicatedAttributes } from './image.ts';
import type { MemberStatus } from './membership.ts';

interface AnyChange {
  readonly imageId: ImageId;
  readonly owner: ProjectId;
  readonly actor: Actor;
  readonly at: Timestamp;
}

/** A change of one project's membership of an image: made, answered or ended. */
export interface MembershipChange extends AnyChange {
  readonly kind: 'membership';
  readonly memberId: ProjectId;
  /** Of this membership; a new offer is a new one. */
  readonly membershipId: string;
  /** Grows with every change of this image and project, over all its memberships. */
  readonly sequence: number;
  /** `undefined` where there was no membership. */
  readonly before: MemberStatus | undefined;
  /** `undefined` where there is none any more. */
  readonly after: MemberStatus | undefined;
}

/** A change of an image's record: made, changed or deleted. */
interface ImageRecordChange extends AnyChange {
  readonly kind: 'image';
  readonly name: string | null;
  /** Of the record, after the change. */
  readonly version: number;
  /** Who could see it; `undefined` where there was no image. */
  readonly before: ReplicatedAttributes | undefined;
  /** Who can see it; `undefined` where there is none any more. */
  readonly after: ReplicatedAttributes | undefined;
}

/** A change that is told: every one that was acknowledged, once. What only repeats or counts is none. */
export type Change = MembershipChange | ImageRecordChange;
