import type { Actor } from '../../domain/actor.ts';
import { parseTimestamp, timestamp } from '../../domain/clock.ts';
import { parseImageId, parseProjectId, type ImageId, type ProjectId } from '../../domain/ids.ts';
import type { ReplicatedAttributes } from '../../domain/image.ts';
import type { ListPosition } from '../../domain/image-list.ts';
import { memberStatuses, type Membership, type MemberStatus } from '../../domain/membership.ts';
import { equals, names, values } from '../expression.ts';
import { actorAttribute, replicatedItemAttributes } from './image-item.ts';
import { itemReader } from './item-reader.ts';
import {
  indexOfStatus,
  listKey,
  localIndexes,
  membershipIndex,
  membershipKey,
  membershipSegment,
  statusIndexes,
  timeToLive,
} from '../keys.ts';
import type { Item, Update } from '../table.ts';

/** How long a withdrawn membership is kept: far longer than the stream keeps its records, which is a day. */
const withdrawnRetentionSeconds = 90 * 24 * 3600;

/**
 * The membership that an item holds, or `undefined` for one without a status: an offer that was withdrawn, which is no
 * membership to anyone.
 *
 * @throws Error where the item is malformed
 */
export function membershipFromItem(item: Item): Membership | undefined {
  const read = itemReader(item);
  if (!read.has('status')) return undefined;
  return {
    imageId: read.parsed('image_id', 'an image id', parseImageId),
    memberId: read.parsed('member_id', 'a project id', parseProjectId),
    status: read.oneOf('status', memberStatuses),
    createdAt: read.parsed('created_at', 'a timestamp', parseTimestamp),
    updatedAt: read.has('updated_at') ? read.parsed('updated_at', 'a timestamp', parseTimestamp) : undefined,
  };
}

/** What a membership repeats of its image, and its position in the indexes: what to set and what must be absent. */
export function replicatedMembershipUpdate(
  image: ListPosition,
  facts: ReplicatedAttributes,
  status: MemberStatus,
): { readonly set: Record<string, unknown>; readonly remove: readonly string[] } {
  const index = indexOfStatus[status];
  const place = listKey(membershipSegment(facts), image);
  return {
    set: { ...replicatedItemAttributes(facts), [membershipIndex]: place, [index]: place },
    remove: [...statusIndexes.filter((each) => each !== index), timeToLive],
  };
}

/**
 * The update that ends a membership. What stays has no status and no place in any index; it carries who ended it, keeps
 * the sequence for a later offer, and expires.
 */
export function withdrawMembership(memberId: ProjectId, imageId: ImageId, at: Date, actor: Actor): Update {
  const left = {
    updated_at: timestamp(at),
    updated_by: actorAttribute(actor),
    [timeToLive]: Math.floor(at.getTime() / 1000) + withdrawnRetentionSeconds,
  };
  return {
    Key: membershipKey(memberId, imageId),
    UpdateExpression: `SET ${equals(left)} REMOVE #status, ${localIndexes.map((each) => `#${each}`).join(', ')} ADD #sequence :one`,
    ConditionExpression: 'attribute_exists(#status)',
    ExpressionAttributeNames: names('status', 'sequence', ...localIndexes, ...Object.keys(left)),
    ExpressionAttributeValues: values({ ...left, one: 1 }),
  };
}
