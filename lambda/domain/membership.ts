import type { Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';

/** The statuses of a membership (Image API v2, "Image sharing"). Any status can follow any other. */
export const memberStatuses = ['pending', 'accepted', 'rejected'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

/** Returns whether a value is a membership status. */
export const isMemberStatus = (value: unknown): value is MemberStatus =>
  (memberStatuses as readonly unknown[]).includes(value);

/** The membership of a project that an image is shared with. */
export interface Membership {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly status: MemberStatus;
  readonly createdAt: Timestamp;
  /** `undefined` until the status is set for the first time. */
  readonly updatedAt: Timestamp | undefined;
}
