import { expiryActor, type Actor } from '../../domain/actor.ts';
import { parseTimestamp, timestamp, type Timestamp } from '../../domain/clock.ts';
import { parseImageId, parseProjectId, type ImageId, type ProjectId } from '../../domain/ids.ts';
import type { ReplicatedAttributes } from '../../domain/image.ts';
import type { ListPosition } from '../../domain/image-list.ts';
import {
  hasPassed,
  memberStatuses,
  type Membership,
  type MembershipState,
  type MemberStatus,
} from '../../domain/membership.ts';
import { allOf, assignments, names, values, type Clause } from '../expression.ts';
import { actorAttribute, replicatedAttributesFrom, replicatedItemAttributes } from './image-item.ts';
import { itemReader } from './item-reader.ts';
import {
  endAttribute,
  expiryShardAttribute,
  expiryShardOf,
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

/** Returns a time in epoch seconds. */
export const epochSeconds = (time: Timestamp): number => Date.parse(time) / 1000;

/**
 * Returns the membership of an item, or `undefined` for a withdrawn membership, which has no status, and for a
 * membership whose end has passed.
 *
 * @throws Error if the item is malformed
 */
export function membershipFromItem(item: Item, now: Date): Membership | undefined {
  const membership = storedMembershipFromItem(item);
  return membership?.expiresAt !== undefined && hasPassed(membership.expiresAt, now) ? undefined : membership;
}

/**
 * Returns the membership of an item even if its end has passed, or `undefined` for a withdrawn membership.
 *
 * @throws Error if the item is malformed
 */
export function storedMembershipFromItem(item: Item): Membership | undefined {
  const read = itemReader(item);
  if (!read.has('status')) return undefined;
  const optional = <Value>(name: string, expected: string, parse: (text: string) => Value | undefined) =>
    read.has(name) ? read.parsed(name, expected, parse) : undefined;
  return {
    id: read.string('membership_id'),
    imageId: read.parsed('image_id', 'an image id', parseImageId),
    memberId: read.parsed('member_id', 'a project id', parseProjectId),
    status: read.oneOf('status', memberStatuses),
    createdAt: read.parsed('created_at', 'a timestamp', parseTimestamp),
    updatedAt: optional('updated_at', 'a timestamp', parseTimestamp),
    offeredBy: optional('offered_by', 'a project id', parseProjectId),
    answeredAt: optional('answered_at', 'a timestamp', parseTimestamp),
    expiresAt: endOf(item),
  };
}

/** Returns the end of a membership's or an offer's item; `undefined` for an item without an end. */
export function endOf(item: Item): Timestamp | undefined {
  const read = itemReader(item);
  return read.has(endAttribute) ? timestamp(new Date(read.number(endAttribute) * 1000)) : undefined;
}

/** Returns the clause that the end of a membership has not passed. */
export const hasNotEnded = (now: Timestamp): Clause => ({
  expression: `(attribute_not_exists(#${endAttribute}) OR #${endAttribute} > :now)`,
  names: names(endAttribute),
  values: values({ now: epochSeconds(now) }),
});

const hasStatus: Clause = { expression: 'attribute_exists(#status)', names: names('status'), values: {} };

/** Returns the condition that a membership exists: its end has not passed, and it has the expected state if there is one. */
export function isMember(now: Timestamp, expected: MembershipState | undefined): Clause {
  if (expected === undefined) return allOf([hasStatus, hasNotEnded(now)]);
  const { id, status, updatedAt, expiresAt } = expected;
  const end = parseTimestamp(expiresAt);
  return {
    expression: [
      ...['#membership_id = :expected_id', '#status = :expected_status', '#updated_at = :expected_updated_at'],
      expiresAt === '' ? `attribute_not_exists(#${endAttribute})` : `#${endAttribute} = :expected_end`,
    ].join(' AND '),
    names: names('membership_id', 'status', 'updated_at', endAttribute),
    values: values({
      expected_id: id,
      expected_status: status,
      expected_updated_at: updatedAt,
      // No membership ends in 1970: one whose end has passed does not exist, and no end is malformed.
      ...(expiresAt !== '' && { expected_end: end !== undefined && end > now ? epochSeconds(end) : 0 }),
    }),
  };
}

/** Returns the attributes of a membership with an end, by which the index of ends finds it. */
export const endAttributes = (imageId: ImageId, expiresAt: Timestamp): Record<string, unknown> => ({
  [endAttribute]: epochSeconds(expiresAt),
  [expiryShardAttribute]: expiryShardOf(imageId),
});

/** Names of the attributes of {@link endAttributes}. */
export const endAttributeNames = [endAttribute, expiryShardAttribute] as const;

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
 *
 * @param condition - condition on the membership, which includes that it has a status
 */
export function withdrawMembership(
  { memberId, imageId, at, actor }: MembershipWithdrawal,
  condition: Clause = hasStatus,
): Update {
  const set = {
    updated_at: timestamp(at),
    updated_by: actorAttribute(actor),
    [timeToLive]: Math.floor(at.getTime() / 1000) + withdrawnRetentionSeconds,
  };
  const remove = ['status', ...localIndexes, ...endAttributeNames];
  return {
    Key: membershipKey(memberId, imageId),
    UpdateExpression: `SET ${assignments(set)} REMOVE ${remove.map((name) => `#${name}`).join(', ')}
      ADD #sequence :one`,
    ConditionExpression: condition.expression,
    ExpressionAttributeNames: { ...names('sequence', ...remove, ...Object.keys(set)), ...condition.names },
    ExpressionAttributeValues: { ...values({ ...set, one: 1 }), ...condition.values },
  };
}

/**
 * Returns the update that withdraws a membership whose end has passed, with the actor of the expiry; `undefined` for any
 * other item. Its condition requires the same end: a membership that was prolonged has another.
 *
 * @throws Error if the item is malformed
 */
export function withdrawEndedMembership(item: Item, at: Date): Update | undefined {
  const membership = storedMembershipFromItem(item);
  if (membership?.expiresAt === undefined || !hasPassed(membership.expiresAt, at)) return undefined;
  const { memberId, imageId, expiresAt } = membership;
  const actor = expiryActor(replicatedAttributesFrom(itemReader(item)).owner);
  return withdrawMembership(
    { memberId, imageId, at, actor },
    {
      expression: `${hasStatus.expression} AND #${endAttribute} = :end`,
      names: { ...hasStatus.names, ...names(endAttribute) },
      values: values({ end: epochSeconds(expiresAt) }),
    },
  );
}
