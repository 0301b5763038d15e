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

/**
 * State of one membership that a request expects, as text. A later membership of the project has another id. An empty
 * time stands for none.
 */
export interface MembershipState {
  readonly id: string;
  readonly status: string;
  readonly updatedAt: string;
  readonly expiresAt: string;
}

/** Returns the state of a membership. */
export const stateOf = ({ id, status, updatedAt, expiresAt }: Membership): MembershipState => ({
  id,
  status,
  updatedAt: updatedAt ?? '',
  expiresAt: expiresAt ?? '',
});

/**
 * Returns whether a membership is in the expected state, by default in any state. A membership without a time of change
 * is in no state that a request can expect; no release has stored any.
 */
export function isInState(membership: Membership, expected: MembershipState | undefined): boolean {
  if (expected === undefined) return true;
  const { id, status, updatedAt, expiresAt } = stateOf(membership);
  return (
    id === expected.id &&
    status === expected.status &&
    updatedAt !== '' &&
    updatedAt === expected.updatedAt &&
    expiresAt === expected.expiresAt
  );
}
