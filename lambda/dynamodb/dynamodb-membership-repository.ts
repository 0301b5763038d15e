import { randomUUID } from 'node:crypto';
import type { Answer, MembershipRepository, Offer, Withdrawal } from '../domain/membership-repository.ts';
import type { Membership } from '../domain/membership.ts';
import { equals, names, values } from './expression.ts';
import { actorAttribute, factsAttributes } from './image-item.ts';
import {
  imageKey,
  indexOfStatus,
  itemFormat,
  membershipIndex,
  membershipKey,
  offerKey,
  statusIndexes,
  type ItemKey,
} from './keys.ts';
import { membershipFacts, membershipFromItem, withdrawMembership } from './membership-item.ts';
import type { Item, Table, TransactAction, Update } from './table.ts';

/** Memberships in the table: each write one request whose condition is the whole of the rule. */
export class DynamoDbMembershipRepository implements MembershipRepository {
  readonly #table: Table;
  readonly #alongside: readonly TransactAction[];

  /** @param alongside - what each write does in the same transaction, on conditions of its own */
  constructor(table: Table, alongside: readonly TransactAction[] = []) {
    this.#table = table;
    this.#alongside = alongside;
  }

  async answer({ imageId, memberId, status, notOwner, at, actor }: Answer): ReturnType<MembershipRepository['answer']> {
    const index = indexOfStatus[status];
    const otherIndexes = statusIndexes.filter((each) => each !== index).map((each) => `#${each}`);
    const isMember = 'attribute_exists(#status)';
    const imageIsShared = '#visibility = :shared';
    const statusChanges = '#status <> :status'; // the same answer again writes nothing
    const callerIsNotTheOwner = notOwner === undefined ? [] : ['#owner <> :not_owner'];

    const { held, item } = await this.#update({
      Key: membershipKey(memberId, imageId),
      UpdateExpression: `SET #status = :status, #updated_at = :at, #updated_by = :by, #${index} = #${membershipIndex}
        REMOVE ${otherIndexes.join(', ')} ADD #sequence :one`,
      ConditionExpression: [isMember, imageIsShared, statusChanges, ...callerIsNotTheOwner].join(' AND '),
      ExpressionAttributeNames: {
        ...names('status', 'visibility', 'updated_at', 'updated_by', 'sequence', membershipIndex, ...statusIndexes),
        ...(notOwner === undefined ? {} : names('owner')),
      },
      ExpressionAttributeValues: {
        ...values({ status, at, by: actorAttribute(actor), shared: 'shared', one: 1 }),
        ...(notOwner === undefined ? {} : values({ not_owner: notOwner })),
      },
    });

    const membership = item === undefined ? undefined : membershipFromItem(item);
    // Read after a transaction: what it changed may have ended since, and was changed all the same.
    if (held && membership === undefined) {
      return { outcome: 'changed', membership: { imageId, memberId, status, createdAt: at, updatedAt: at } };
    }
    if (membership === undefined) return 'refused';
    if (held) return { outcome: 'changed', membership };
    // The old item tells the reasons apart: the same answer again is no refusal, where every other clause holds.
    const unchanged =
      membership.status === status &&
      item?.['visibility'] === 'shared' &&
      (notOwner === undefined || item['owner'] !== notOwner);
    return unchanged ? { outcome: 'unchanged', membership } : 'refused';
  }

  async offer({ image, memberId, quota, at, actor }: Offer): Promise<Membership | undefined> {
    const facts = factsAttributes({ ...image, visibility: 'shared' });
    const membershipId = randomUUID();
    const { set, remove } = membershipFacts(image, image, 'pending');
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

    const written = await this.#table.transact([
      {
        Update: {
          Key: imageKey(image.id),
          UpdateExpression: 'ADD #member_count :one',
          // Shared and of the owner who was checked; hidden or shown as the membership will say; no change under way.
          ConditionExpression: [
            ...equals(facts, ' AND ').split(' AND '),
            'attribute_not_exists(#pending_change)',
            ...belowQuota,
          ].join(' AND '),
          ExpressionAttributeNames: names(...Object.keys(facts), 'pending_change', 'member_count'),
          ExpressionAttributeValues: values({ ...facts, one: 1, ...(quota < 0 ? {} : { quota }) }),
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
          // The sequence goes on where a withdrawn membership left it, and where that has expired, from the time of day:
          // it never comes to stand below where it was.
          UpdateExpression: `SET #sequence = if_not_exists(#sequence, :now) + :one, ${equals(membership)}
            REMOVE ${remove.map((each) => `#${each}`).join(', ')}`,
          ConditionExpression: 'attribute_not_exists(#status)',
          ExpressionAttributeNames: names('sequence', ...Object.keys(membership), ...remove),
          ExpressionAttributeValues: values({ ...membership, now: Date.parse(at), one: 1 }),
        },
      },
      ...this.#alongside,
    ]);
    return written ? { imageId: image.id, memberId, status: 'pending', createdAt: at, updatedAt: at } : undefined;
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
      { Update: withdrawMembership(memberId, imageId, at, actor) },
      ...this.#alongside,
    ]);
  }

  /** One update, alone or in a transaction with what goes alongside; the item as it then is. */
  async #update(
    update: Update & { readonly Key: ItemKey; readonly UpdateExpression: string },
  ): Promise<{ readonly held: boolean; readonly item: Item | undefined }> {
    if (this.#alongside.length === 0) return this.#table.update(update);
    const held = await this.#table.transact([{ Update: update }, ...this.#alongside]);
    const [item] = await this.#table.get([update.Key]);
    return { held, item };
  }
}
