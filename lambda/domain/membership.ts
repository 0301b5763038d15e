import type { Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';

/** What a member can answer to an offer (Image API v2, "Image sharing"); any may follow any other. */
export const memberStatuses = ['pending', 'accepted', 'rejected'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

export const isMemberStatus = (value: unknown): value is MemberStatus =>
  (memberStatuses as readonly unknown[]).includes(value);

/** A project's place among the members of an image. */
export interface Membership {
  readonly imageId: ImageId;
  readonly memberId: ProjectId;
  readonly status: MemberStatus;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp | undefined;
}
