import type { Actor } from '../../domain/actor.ts';
import { parseTimestamp, timestamp } from '../../domain/clock.ts';
import { parseImageId, parseProjectId, type ImageId, type ProjectId } from '../../domain/ids.ts';
import type { ReplicatedAttributes } from '../../domain/image.ts';
import type { ListPosition } from '../../domain/image-list.ts';
import { memberStatuses, type Membership, type MemberStatus } from '../../domain/membership.ts';
import { assignments, names, values } from '../expression.ts';
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

interface MembershipWithdrawal {
  readonly memberId: ProjectId;
  readonly imageId: ImageId;
  readonly at: Date;
  readonly actor: Actor;
}

/** Retention of a withdrawn membership: 90 days, because the stream keeps its records for one day. */
const withdrawnRetentionSeconds = 90 * 24 * 3600;

/**
 * Returns the membership of an item, or `undefined` for a withdrawn membership, which has no status.
 *
 * @throws Error if the item is malformed
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

/** Returns the replicated attributes and index attributes of a membership: those to set and those to remove. */
export function replicatedMembershipUpdate(
  image: ListPosition,
  attributes: ReplicatedAttributes,
  status: MemberStatus,
): { readonly set: Record<string, unknown>; readonly remove: readonly string[] } {
  const index = indexOfStatus[status];
  const key = listKey(membershipSegment(attributes), image);
  return {
    set: { ...replicatedItemAttributes(attributes), [membershipIndex]: key, [index]: key },
    remove: [...statusIndexes.filter((name) => name !== index), timeToLive],
  };
}

/**
 * Returns the update that withdraws a membership. The withdrawn membership has no status and is in no index; it stores
 * the actor, keeps the sequence for a later offer, and expires.
 */
export function withdrawMembership({ memberId, imageId, at, actor }: MembershipWithdrawal): Update {
  const set = {
    updated_at: timestamp(at),
    updated_by: actorAttribute(actor),
    [timeToLive]: Math.floor(at.getTime() / 1000) + withdrawnRetentionSeconds,
  };
  return {
    Key: membershipKey(memberId, imageId),
    UpdateExpression: `SET ${assignments(set)} REMOVE #status, ${localIndexes.map((name) => `#${name}`).join(', ')}
      ADD #sequence :one`,
    ConditionExpression: 'attribute_exists(#status)',
    ExpressionAttributeNames: names('status', 'sequence', ...localIndexes, ...Object.keys(set)),
    ExpressionAttributeValues: values({ ...set, one: 1 }),
  };
}
