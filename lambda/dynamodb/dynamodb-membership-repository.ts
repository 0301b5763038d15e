import { randomUUID } from 'node:crypto';
import { parseTimestamp, type Timestamp } from '../domain/clock.ts';
import type { Answer, MembershipRepository, Offer, Withdrawal } from '../domain/repositories/membership-repository.ts';
import type { Membership } from '../domain/membership.ts';
import { assignments, equalityClauses, names, values } from './expression.ts';
import { actorAttribute, replicatedItemAttributes } from './items/image-item.ts';
import { itemReader } from './items/item-reader.ts';
import {
  imageKey,
  indexOfStatus,
  itemFormat,
  membershipIndex,
  membershipKey,
  offerKey,
  statusIndexes,
} from './keys.ts';
import { replicatedMembershipUpdate, membershipFromItem, withdrawMembership } from './items/membership-item.ts';
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
    let at: Timestamp | undefined;
    const { applied, item } = await this.#table.update(() => {
      at = answer.at();
      return answerUpdate(answer, at);
    });
    // The result is built from the answer: if a later read confirmed the update, the item may have changed since.
    return applied ? changedMembership(answer, item, at) : unchangedOrRefused(answer, item);
  }

  /**
   * Answers in a transaction with the additional actions. A transaction returns no item: the membership is read first
   * for its creation time, and the condition requires the same membership id.
   */
  async #answerByTransaction(answer: Answer): ReturnType<MembershipRepository['answer']> {
    const [item] = await this.#table.get([membershipKey(answer.memberId, answer.imageId)]);
    const unchanged = unchangedOrRefused(answer, item);
    if (item === undefined || unchanged !== 'condition-failed') return unchanged;
    const at = answer.at();
    const update = answerUpdate(answer, at, itemReader(item).string('membership_id'));
    const applied = await this.#table.transact([{ Update: update }, ...this.#additionalActions]);
    return applied ? changedMembership(answer, item, at) : 'condition-failed';
  }

  async offer({ image, memberId, quota, at, actor }: Offer): Promise<Membership | undefined> {
    const requiredAttributes = replicatedItemAttributes({ ...image, visibility: 'shared' });
    const membershipId = randomUUID();
    const { set, remove: notPending } = replicatedMembershipUpdate(image, image, 'pending');
    const remove = [...notPending, writeIdAttribute]; // no UpdateItem has written the new membership
    const membership = {
      format: itemFormat,
      membership_id: membershipId,
      image_id: image.id,
      member_id: memberId,
      status: 'pending',
      created_at: at,
      updated_at: at,
      updated_by: actorAttribute(actor),
      ...set,
    };
    const belowQuota = quota < 0 ? [] : ['#member_count < :quota'];

    const applied = await this.#table.transact([
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
          Item: { ...offerKey(image.id, memberId), format: itemFormat, membership_id: membershipId, created_at: at },
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      },
      {
        Update: {
          Key: membershipKey(memberId, image.id),
          // The sequence continues from the withdrawn membership or, after that has expired, from the current time in
          // milliseconds: it only increases.
          UpdateExpression: `SET #sequence = if_not_exists(#sequence, :now) + :one, ${assignments(membership)}
            REMOVE ${remove.map((attribute) => `#${attribute}`).join(', ')}`,
          ConditionExpression: 'attribute_not_exists(#status)',
          ExpressionAttributeNames: names('sequence', ...Object.keys(membership), ...remove),
          ExpressionAttributeValues: values({ ...membership, now: Date.parse(at), one: 1 }),
        },
      },
      ...this.#additionalActions,
    ]);
    return applied ? { imageId: image.id, memberId, status: 'pending', createdAt: at, updatedAt: at } : undefined;
  }

  async withdraw({ imageId, memberId, owner, at, actor }: Withdrawal): Promise<boolean> {
    const callerIsTheOwner = owner === undefined ? [] : ['#owner = :owner'];
    return this.#table.transact([
      {
        Update: {
          Key: imageKey(imageId),
          UpdateExpression: 'ADD #member_count :minus_one',
          ConditionExpression: ['#visibility = :shared', ...callerIsTheOwner].join(' AND '),
          ExpressionAttributeNames: {
            ...names('visibility', 'member_count'),
            ...(owner === undefined ? {} : names('owner')),
          },
          ExpressionAttributeValues: {
            ...values({ shared: 'shared', minus_one: -1 }),
            ...(owner === undefined ? {} : values({ owner })),
          },
        },
      },
      { Delete: { Key: offerKey(imageId, memberId), ConditionExpression: 'attribute_exists(pk)' } },
      { Update: withdrawMembership({ memberId, imageId, at, actor }) },
      ...this.#additionalActions,
    ]);
  }
}

/**
 * Returns the update that sets the status of a membership.
 *
 * @param membershipId - the required id of the membership, or `undefined` for any
 */
function answerUpdate(
  { imageId, memberId, status, excludedOwner, actor }: Answer,
  at: Timestamp,
  membershipId?: string,
): Update {
  const index = indexOfStatus[status];
  const otherIndexes = statusIndexes.filter((name) => name !== index).map((name) => `#${name}`);
  const isMember = 'attribute_exists(#status)';
  const imageIsShared = '#visibility = :shared';
  const statusChanges = '#status <> :status'; // the same answer again writes nothing
  const callerIsNotTheOwner = excludedOwner === undefined ? [] : ['#owner <> :not_owner'];
  const isSameMembership = membershipId === undefined ? [] : ['#membership_id = :membership_id'];
  return {
    Key: membershipKey(memberId, imageId),
    UpdateExpression: `SET #status = :status, #updated_at = :at, #updated_by = :by, #${index} = #${membershipIndex}
      REMOVE ${otherIndexes.join(', ')} ADD #sequence :one`,
    ConditionExpression: [isMember, imageIsShared, statusChanges, ...callerIsNotTheOwner, ...isSameMembership].join(
      ' AND ',
    ),
    ExpressionAttributeNames: {
      ...names('status', 'visibility', 'updated_at', 'updated_by', 'sequence', membershipIndex, ...statusIndexes),
      ...(excludedOwner === undefined ? {} : names('owner')),
      ...(membershipId === undefined ? {} : names('membership_id')),
    },
    ExpressionAttributeValues: {
      ...values({ status, at, by: actorAttribute(actor), shared: 'shared', one: 1 }),
      ...(excludedOwner === undefined ? {} : values({ not_owner: excludedOwner })),
      ...(membershipId === undefined ? {} : values({ membership_id: membershipId })),
    },
  };
}

type AnswerResult = Awaited<ReturnType<MembershipRepository['answer']>>;

/** Returns the membership that an answer has written. */
const changedMembership = ({ imageId, memberId, status }: Answer, item: Item, updatedAt?: Timestamp): AnswerResult => ({
  outcome: 'changed',
  membership: {
    imageId,
    memberId,
    status,
    createdAt: itemReader(item).parsed('created_at', 'a timestamp', parseTimestamp),
    updatedAt,
  },
});

/** Returns `unchanged` if the item failed only the clause that the status changes, otherwise `refused`. */
function unchangedOrRefused({ status, excludedOwner }: Answer, item: Item | undefined): AnswerResult {
  const membership = item && membershipFromItem(item);
  const unchanged =
    membership?.status === status &&
    item?.['visibility'] === 'shared' &&
    (excludedOwner === undefined || item['owner'] !== excludedOwner);
  return unchanged ? { outcome: 'unchanged', membership } : 'condition-failed';
}
