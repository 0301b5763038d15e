import type { Membership } from '../../domain/membership.ts';

/** Returns the Image API's view of a membership (schema `/v2/schemas/member`), with its keys in this order. */
export const memberView = ({ memberId, imageId, status, createdAt, updatedAt }: Membership) => ({
  member_id: memberId,
  image_id: imageId,
  status,
  created_at: createdAt,
  updated_at: updatedAt ?? null,
  schema: '/v2/schemas/member',
});

/** Returns the Image API's view of a list of memberships (schema `/v2/schemas/members`). */
export const membersView = (members: readonly Membership[]) => ({
  members: members.map(memberView),
  schema: '/v2/schemas/members',
});
