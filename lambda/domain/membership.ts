import { timestamp, type Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';

/** The statuses of a membership (Image API v2, "Image sharing"). Any status can follow any other. */
export const memberStatuses = ['pending', 'accepted', 'rejected'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

/** Returns whether a value is a membership status. */
export const isMemberStatus = (value: unknown): value is MemberStatus =>
  (memberStatuses as readonly unknown[]).includes(value);

/** The membership of a project that an image is shared with. It exists until it is ended or its `expiresAt`. */
export interface Membership {
  /** Every offer creates a new id. */
  readonly id: string;
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly status: MemberStatus;
  /** Time of the offer. */
  readonly createdAt: Timestamp;
  /** `undefined` until the status is set for the first time. */
  readonly updatedAt: Timestamp | undefined;
  /** The project that made the offer. Memberships that were stored without it have none. */
  readonly offeredBy: ProjectId | undefined;
  /** Time of the last answer; `undefined` before the first. */
  readonly answeredAt: Timestamp | undefined;
  /** From this second on the membership does not exist; `undefined` for a membership without an end. */
  readonly expiresAt: Timestamp | undefined;
}

/** Returns whether an end time has passed: a membership does not exist from the second of its end on. */
export const hasPassed = (end: Timestamp, now: Date): boolean => end <= timestamp(now);
