import { randomUUID } from 'node:crypto';
import { timestamp, type Timestamp } from '../domain/clock.ts';
import type {
  Answer,
  ExpiryChange,
  Leave,
  MembershipRepository,
  Offer,
  Withdrawal,
} from '../domain/repositories/membership-repository.ts';
import { isInState, type Membership } from '../domain/membership.ts';
import { allOf, assignments, equalityClauses, names, values, type Clause } from './expression.ts';
import { actorAttribute, replicatedItemAttributes } from './items/image-item.ts';
import { itemReader } from './items/item-reader.ts';
import {
  endAttribute,
  imageKey,
  indexOfStatus,
  itemFormat,
  membershipIndex,
  membershipKey,
  offerKey,
  standingAnswerName,
  standingAnswersKey,
  statusIndexes,
} from './keys.ts';
import {
  endAttributeNames,
  endAttributes,
  epochSeconds,
  hasNotEnded,
  isMember,
  membershipFromItem,
  replicatedMembershipUpdate,
  storedMembershipFromItem,
  withdrawEndedMembership,
  withdrawMembership,
} from './items/membership-item.ts';
import { writeIdAttribute, type Item, type Table, type TransactAction, type Update } from './table.ts';

/** Memberships in the table. Each write is one request whose condition contains the complete rule. */
export class DynamoDbMembershipRepository implements MembershipRepository {
  readonly #table: Table;
  readonly #additionalActions: readonly TransactAction[];

  /**
   * @param additionalActions - actions that every write applies in the same transaction, each with its own condition
   */
  constructor(table: Table, additionalActions: readonly TransactAction[] = []) {
    this.#table = table;
    this.#additionalActions = additionalActions;
  }

  async answer(answer: Answer): ReturnType<MembershipRepository['answer']> {
    return this.#additionalActions.length === 0 ? this.#answerByUpdate(answer) : this.#answerByTransaction(answer);
  }

  async #answerByUpdate(answer: Answer): ReturnType<MembershipRepository['answer']> {
    let at = answer.at();
    const { applied, item } = await this.#table.update(() => {
      at = answer.at();
      return answerUpdate(answer, at);
    });
    // The result is built from the answer: if a later read confirmed the update, the item may have changed since.
    return applied ? changedMembership(answer, item, at) : unchangedOrRefused(answer, item, at);
  }

  /**
   * Answers in a transaction with the additional actions. A transaction returns no item: the membership is read first
   * for its creation time, and the condition requires the same membership id.
   */
  async #answerByTransaction(answer: Answer): ReturnType<MembershipRepository['answer']> {
    const [item] = await this.#table.get([membershipKey(answer.memberId, answer.imageId)]);
    let at = answer.at();
    const unchanged = unchangedOrRefused(answer, item, at);
    if (item === undefined || unchanged !== 'condition-failed') return unchanged;
    const membershipId = itemReader(item).string('membership_id');
    const applied = await this.#table.transact(() => {
      at = answer.at();
      return [{ Update: answerUpdate(answer, at, membershipId) }, ...this.#additionalActions];
    });
    return applied ? changedMembership(answer, item, at) : 'condition-failed';
  }

  async offer(offer: Offer): Promise<Membership | undefined> {
    const { image, memberId, quota, expiresAt, standingAnswer, at, actor } = offer;
    const requiredAttributes = replicatedItemAttributes({ ...image, visibility: 'shared' });
    const status = standingAnswer ?? 'pending';
    const membership: Membership = {
      id: randomUUID(),
      imageId: image.id,
      memberId,
      status,
      createdAt: at,
      updatedAt: at,
      offeredBy: actor.projectId,
      answeredAt: standingAnswer === undefined ? undefined : at,
      expiresAt,
    };
    const end = expiresAt === undefined ? {} : endAttributes(image.id, expiresAt);
    const { set: replicated, remove: otherIndexes } = replicatedMembershipUpdate(image, image, status);
    const set: Readonly<Record<string, unknown>> = {
      format: itemFormat,
      membership_id: membership.id,
      image_id: image.id,
      member_id: memberId,
      status,
      created_at: at,
      updated_at: at,
      updated_by: actorAttribute(actor),
      offered_by: actor.projectId,
      ...(standingAnswer !== undefined && { answered_at: at, standing_answer: true }),
      ...end,
      ...replicated,
    };
    // No UpdateItem has written the new membership. A withdrawn membership has kept the other attributes.
    const remove = [...otherIndexes, writeIdAttribute, 'answered_at', 'standing_answer', ...endAttributeNames].filter(
      (name) => set[name] === undefined,
    );
    const belowQuota = quota < 0 ? [] : ['#member_count < :quota'];

    const applied = await this.#table.transact(() => [
      {
        Update: {
          Key: imageKey(image.id),
          UpdateExpression: 'ADD #member_count :one',
          // The image is still shared and has the owner that was checked; the membership replicates its `os_hidden`.
          ConditionExpression: [
            ...equalityClauses(requiredAttributes),
            'attribute_not_exists(#pending_change)',
            ...belowQuota,
          ].join(' AND '),
          ExpressionAttributeNames: names(...Object.keys(requiredAttributes), 'pending_change', 'member_count'),
          ExpressionAttributeValues: values({ ...requiredAttributes, one: 1, ...(quota < 0 ? {} : { quota }) }),
        },
      },
      {
        Put: {
          Item: {
            ...offerKey(image.id, memberId),
            format: itemFormat,
            membership_id: membership.id,
            created_at: at,
            ...(expiresAt !== undefined && { [endAttribute]: epochSeconds(expiresAt) }),
          },
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      },
      {
        Update: {
          Key: membershipKey(memberId, image.id),
          // The sequence continues from the withdrawn membership or, after that has expired, from the current time in
          // milliseconds: it only increases.
          UpdateExpression: `SET #sequence = if_not_exists(#sequence, :now) + :one, ${assignments(set)}
            REMOVE ${remove.map((attribute) => `#${attribute}`).join(', ')}`,
          ConditionExpression: 'attribute_not_exists(#status)',
          ExpressionAttributeNames: names('sequence', ...Object.keys(set), ...remove),
          ExpressionAttributeValues: values({ ...set, now: Date.parse(at), one: 1 }),
        },
      },
      ...(standingAnswer === undefined ? [] : [standingAnswerIs(offer, standingAnswer)]),
      ...this.#additionalActions,
    ]);
    return applied ? membership : undefined;
  }

  withdraw({ owner, ...withdrawal }: Withdrawal): Promise<boolean> {
    return this.#end(withdrawal, sharedBy(owner), () => withdrawalUpdate(withdrawal));
  }

  leave(leave: Leave): Promise<boolean> {
    return this.#end(leave, imageExists, () => withdrawalUpdate(leave));
  }

  async expire({ imageId, memberId, at }: Parameters<MembershipRepository['expire']>[0]): Promise<boolean> {
    const [item] = await this.#table.get([membershipKey(memberId, imageId)]);
    const update = item && withdrawEndedMembership(item, at);
    return update !== undefined && this.#end({ imageId, memberId }, imageExists, () => update);
  }

  /** Ends a membership in one transaction, on a condition on the image and one on the membership. */
  #end(
    { imageId, memberId }: Pick<Withdrawal, 'imageId' | 'memberId'>,
    image: Clause,
    build: () => Update,
  ): Promise<boolean> {
    return this.#table.transact(() => [
      {
        Update: {
          Key: imageKey(imageId),
          UpdateExpression: 'ADD #member_count :minus_one',
          ConditionExpression: image.expression,
          ExpressionAttributeNames: { ...names('member_count'), ...image.names },
          ExpressionAttributeValues: { ...values({ minus_one: -1 }), ...image.values },
        },
      },
      { Delete: { Key: offerKey(imageId, memberId), ConditionExpression: 'attribute_exists(pk)' } },
      { Update: build() },
      ...this.#additionalActions,
    ]);
  }

  async changeExpiry(change: ExpiryChange): Promise<Membership | undefined> {
    const { membership, owner, expiresAt } = change;
    const { imageId, memberId } = membership;
    const image = sharedBy(owner);
    let at = change.at();
    const applied = await this.#table.transact(() => {
      at = change.at();
      return [
        {
          ConditionCheck: {
            Key: imageKey(imageId),
            ConditionExpression: image.expression,
            ExpressionAttributeNames: image.names,
            ExpressionAttributeValues: image.values,
          },
        },
        {
          Update: {
            Key: offerKey(imageId, memberId),
            UpdateExpression: expiresAt === undefined ? `REMOVE #${endAttribute}` : `SET #${endAttribute} = :end`,
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeNames: names(endAttribute),
            ...(expiresAt !== undefined && { ExpressionAttributeValues: values({ end: epochSeconds(expiresAt) }) }),
          },
        },
        { Update: expiryUpdate(change, at) },
        ...this.#additionalActions,
      ];
    });
    return applied ? { ...membership, updatedAt: at, expiresAt } : undefined;
  }
}

/** Returns the update of a membership that sets or removes its end. */
function expiryUpdate({ membership, expected, expiresAt, actor }: ExpiryChange, at: Timestamp): Update {
  const { imageId, memberId } = membership;
  const isUnchanged = expected === undefined ? isSameMembership(membership, at) : isMember(at, expected);
  const end = expiresAt === undefined ? {} : endAttributes(imageId, expiresAt);
  const set = { updated_at: at, updated_by: actorAttribute(actor), ...end };
  const removal = expiresAt === undefined ? `REMOVE ${endAttributeNames.map((name) => `#${name}`).join(', ')}` : '';
  return {
    Key: membershipKey(memberId, imageId),
    UpdateExpression: `SET ${assignments(set)} ${removal} ADD #sequence :one`,
    ConditionExpression: isUnchanged.expression,
    ExpressionAttributeNames: {
      ...names('sequence', ...Object.keys(set), ...endAttributeNames),
      ...isUnchanged.names,
    },
    ExpressionAttributeValues: { ...values({ ...set, one: 1 }), ...isUnchanged.values },
  };
}

/** Returns the update that withdraws a membership at the current time. */
function withdrawalUpdate({ at: clock, expected, ...withdrawal }: Leave): Update {
  const at = clock();
  return withdrawMembership({ ...withdrawal, at }, isMember(timestamp(at), expected));
}

/** Returns the condition that a membership that was read exists with the same status. */
const isSameMembership = ({ id, status }: Membership, now: Timestamp): Clause =>
  allOf([
    {
      expression: '#membership_id = :membership_id AND #status = :status',
      names: names('membership_id', 'status'),
      values: values({ membership_id: id, status }),
    },
    hasNotEnded(now),
  ]);

/** The clause that an image has members that are counted: it is not deleted. */
const imageExists: Clause = { expression: 'attribute_exists(#member_count)', names: {}, values: {} };

/** Returns the clause that an image is shared, and by this project if it is defined. */
const sharedBy = (owner: Offer['memberId'] | undefined): Clause => ({
  expression: ['#visibility = :shared', ...(owner === undefined ? [] : ['#owner = :owner'])].join(' AND '),
  names: names('visibility', ...(owner === undefined ? [] : ['owner'])),
  values: values({ shared: 'shared', ...(owner === undefined ? {} : { owner }) }),
});

/** Returns the check that the member's standing answer to the image's owner is this status. */
const standingAnswerIs = ({ image, memberId }: Offer, status: string): TransactAction => ({
  ConditionCheck: {
    Key: standingAnswersKey(memberId),
    ConditionExpression: '#answers.#owner.#status = :status',
    ExpressionAttributeNames: { ...names('answers', 'status'), '#owner': standingAnswerName(image.owner) },
    ExpressionAttributeValues: values({ status }),
  },
});

/**
 * Returns the update that sets the status of a membership.
 *
 * @param membershipId - the required id of the membership, or `undefined` for any
 */
function answerUpdate(
  { imageId, memberId, status, excludedOwner, expected, actor }: Answer,
  at: Timestamp,
  membershipId?: string,
): Update {
  const index = indexOfStatus[status];
  const otherIndexes = statusIndexes.filter((name) => name !== index).map((name) => `#${name}`);
  const member = isMember(at, expected);
  const imageIsShared = '#visibility = :shared';
  const statusChanges = '#status <> :status'; // the same answer again writes nothing
  const callerIsNotTheOwner = excludedOwner === undefined ? [] : ['#owner <> :not_owner'];
  const hasSameId = membershipId === undefined ? [] : ['#membership_id = :membership_id'];
  return {
    Key: membershipKey(memberId, imageId),
    UpdateExpression: `SET #status = :status, #updated_at = :at, #answered_at = :at, #updated_by = :by, #${index} = #${membershipIndex}
      REMOVE ${otherIndexes.join(', ')} ADD #sequence :one`,
    ConditionExpression: [member.expression, imageIsShared, statusChanges, ...callerIsNotTheOwner, ...hasSameId].join(
      ' AND ',
    ),
    ExpressionAttributeNames: {
      ...names('status', 'visibility', 'updated_at', 'answered_at', 'updated_by', 'sequence'),
      ...names(membershipIndex, ...statusIndexes),
      ...member.names,
      ...(excludedOwner === undefined ? {} : names('owner')),
      ...(membershipId === undefined ? {} : names('membership_id')),
    },
    ExpressionAttributeValues: {
      ...values({ status, at, by: actorAttribute(actor), shared: 'shared', one: 1 }),
      ...member.values,
      ...(excludedOwner === undefined ? {} : values({ not_owner: excludedOwner })),
      ...(membershipId === undefined ? {} : values({ membership_id: membershipId })),
    },
  };
}

type AnswerResult = Awaited<ReturnType<MembershipRepository['answer']>>;

/** Returns the membership that an answer has written. */
function changedMembership({ memberId, imageId, status }: Answer, item: Item, at: Timestamp): AnswerResult {
  // Parsed without its status, which a concurrent withdrawal may have removed.
  const membership = storedMembershipFromItem({ ...item, status });
  if (membership === undefined) throw new Error(`The answer of ${memberId} to ${imageId} has no membership.`);
  return { outcome: 'changed', membership: { ...membership, updatedAt: at, answeredAt: at } };
}

/** Returns `unchanged` if the item failed only the clause that the status changes, otherwise `refused`. */
function unchangedOrRefused(answer: Answer, item: Item | undefined, at: Timestamp): AnswerResult {
  const { status, excludedOwner, expected } = answer;
  const membership = item && membershipFromItem(item, new Date(at));
  const unchanged =
    membership?.status === status &&
    item?.['visibility'] === 'shared' &&
    (excludedOwner === undefined || item['owner'] !== excludedOwner) &&
    isInState(membership, expected);
  return unchanged ? { outcome: 'unchanged', membership } : 'condition-failed';
}
