import { stateOf, type Membership, type MembershipState } from '../../domain/membership.ts';
import type { EntityTag } from '../entity-tag.ts';

/** Returns the Image API's view of a membership (schema `/v2/schemas/member`), with its keys in this order. */
export const memberView = ({ memberId, imageId, status, createdAt, updatedAt }: Membership) => ({
  member_id: memberId,
  image_id: imageId,
  status,
  created_at: createdAt,
  updated_at: updatedAt ?? null,
  schema: '/v2/schemas/member',
});

/** Returns the entity tag of a membership's view. It also changes with the end of the membership. */
export function memberTag(membership: Membership): EntityTag {
  const { id, status, updatedAt, expiresAt } = stateOf(membership);
  return `"${[id, status, updatedAt, expiresAt].join('/')}"`;
}

/** Returns the state of the membership with an entity tag. A tag of another form gives a state that none has. */
export function parseMemberTag(tag: EntityTag): MembershipState {
  const [, id = tag, status = '', updatedAt = '', expiresAt = ''] = memberTagPattern.exec(tag) ?? [];
  return { id, status, updatedAt, expiresAt };
}

const memberTagPattern = /^"([^"/]+)\/([^"/]+)\/([^"/]*)\/([^"/]*)"$/;

/** Returns the Image API's view of a list of memberships (schema `/v2/schemas/members`). */
export const membersView = (members: readonly Membership[]) => ({
  members: members.map(memberView),
  schema: '/v2/schemas/members',
});
