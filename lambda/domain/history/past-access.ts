import type { MembershipState } from '../change.ts';
import type { Timestamp } from '../clock.ts';
import type { ProjectId } from '../ids.ts';
import { isPublicOrCommunity } from '../image.ts';
import type { ImageAccess } from './history-entry.ts';

/** Membership that a project had at some time. */
export interface PastMembership extends MembershipState {
  readonly memberId: ProjectId;
}

/**
 * Returns the state at a time of something whose changes are recorded: the state before the first later change or,
 * without one, the present state.
 *
 * @param firstLater - first entry after the time
 * @param present - present state; `undefined` if it does not exist or did not exist at that time
 */
export const stateBefore = <State>(
  firstLater: { readonly before: State | undefined } | undefined,
  present: State | undefined,
): State | undefined => (firstLater === undefined ? present : firstLater.before);

/** Returns whether a membership in a past state existed at a time: its end, if any, was later. */
export const existedAt = ({ expiresAt }: MembershipState, time: Timestamp): boolean =>
  expiresAt === undefined || expiresAt > time;

/** Returns whether an image in a past state was visible to a project, regardless of the project's role. */
export const wasVisible = ({ visibility, owner }: ImageAccess, projectId: ProjectId, wasMember: boolean): boolean =>
  owner === projectId || isPublicOrCommunity(visibility) || (visibility === 'shared' && wasMember);
