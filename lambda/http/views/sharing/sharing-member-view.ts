import type { Membership } from '../../../domain/membership.ts';
import { memberView } from '../member-view.ts';

/** Returns the sharing API's view of a membership: that of the Image API and the end of the membership. */
export function sharingMemberView(membership: Membership) {
  const { schema: _schema, ...member } = memberView(membership);
  return { ...member, expires_at: membership.expiresAt ?? null, schema: '/sharing/v1/schemas/member' };
}

/** Returns the sharing API's view of a list of memberships. */
export const sharingMembersView = (members: readonly Membership[]) => ({
  members: members.map(sharingMemberView),
  schema: '/sharing/v1/schemas/members',
});
