import type { Clock } from '../domain/clock.ts';
import { tryAgainLater } from '../domain/errors.ts';
import type { ProjectId } from '../domain/ids.ts';
import type { Image, PendingChange, SharedFacts } from '../domain/image.ts';
import { equals, names, values } from './expression.ts';
import { catalogPlace, deletedImageItem, factsAttributes, imageFromItem } from './image-item.ts';
import { imageKey, imagePartition, membershipKey, offeredTo, offerKey, partitionKey } from './keys.ts';
import { moveEntries } from './list-entries.ts';
import { membershipFacts, membershipFromItem, withdrawMembership } from './membership-item.ts';
import { sortKeyOf, transactionLimit, type Item, type Table, type TransactAction } from './table.ts';

/** How often a change is taken up again when members answer or leave while it passes over them. */
const mostPasses = 20;

/**
 * The record of an image and the projects it was offered to, in one query.
 *
 * @param maxOffers - maximum number of projects to read; all of them unless given
 */
export async function readPartition(
  table: Table,
  imageId: Image['id'],
  maxOffers = Number.POSITIVE_INFINITY,
): Promise<{ readonly image: Image | undefined; readonly memberIds: readonly ProjectId[] }> {
  const enough = 1 + maxOffers; // the record comes first
  const { items } = await table.query(
    {
      KeyConditionExpression: '#pk = :pk',
      ...(Number.isFinite(enough) && { Limit: enough }),
      ExpressionAttributeNames: { '#pk': partitionKey },
      ExpressionAttributeValues: values({ pk: imagePartition(imageId) }),
    },
    { enough },
  );
  const record = items.find((item) => sortKeyOf(item) === imageKey(imageId).sk);
  return {
    image: record && imageFromItem(record),
    memberIds: items.flatMap((item) => offeredTo(sortKeyOf(item)) ?? []),
  };
}

/**
 * Finishes a change that reaches further than one transaction: over the members in chunks of a transaction, then the
 * image, each step on condition that the change is still pending. Any number may do it at once, and begin at any step.
 *
 * @throws SharingError `try-again-later` where members keep answering in between; what is done stays done
 */
export async function finishPendingChange(table: Table, clock: Clock, begun: Image): Promise<void> {
  const { id: imageId, version } = begun;
  const stillPending = {
    ConditionExpression: '#version = :version AND attribute_exists(#pending_change)',
    ExpressionAttributeNames: names('version', 'pending_change'),
    ExpressionAttributeValues: values({ version }),
  };

  const endMembers = (members: readonly ProjectId[], { actor }: PendingChange): readonly TransactAction[] => {
    const at = clock();
    return [
      {
        Update: {
          Key: imageKey(imageId),
          UpdateExpression: 'ADD #member_count :fewer',
          ...stillPending,
          ExpressionAttributeNames: names('version', 'pending_change', 'member_count'),
          ExpressionAttributeValues: values({ version, fewer: -members.length }),
        },
      },
      ...members.flatMap((memberId): TransactAction[] => [
        { Delete: { Key: offerKey(imageId, memberId), ConditionExpression: 'attribute_exists(pk)' } },
        { Update: withdrawMembership(memberId, imageId, at, actor) },
      ]),
    ];
  };

  const changeMembers = async (
    image: Image,
    members: readonly ProjectId[],
    facts: SharedFacts,
  ): Promise<readonly TransactAction[]> => {
    const items = await table.get(members.map((memberId) => membershipKey(memberId, imageId)));
    return items.flatMap((item) => changeMember(image, item, facts));
  };

  const onlyIfPending = (updates: readonly TransactAction[]): readonly TransactAction[] =>
    updates.length === 0 ? [] : [{ ConditionCheck: { Key: imageKey(imageId), ...stillPending } }, ...updates];

  const complete = async (image: Image, change: PendingChange): Promise<readonly TransactAction[]> => {
    if (change.kind === 'delete') return [deleteImage(image, change), ...moveEntries(image, image, undefined)];
    const { facts } = change;
    const last = facts.owner === image.owner ? [] : await changeMembers(image, [image.owner], facts);
    return [changeImage(image, facts), ...last, ...moveEntries(image, image, facts)];
  };

  const changeImage = (image: Image, facts: SharedFacts): TransactAction => {
    const set = { ...factsAttributes(facts), ...catalogPlace(image, facts) };
    return {
      Update: {
        Key: imageKey(imageId),
        UpdateExpression: `SET ${equals(set)} REMOVE #pending_change ADD #version :one`,
        ConditionExpression: stillPending.ConditionExpression,
        ExpressionAttributeNames: names('version', 'pending_change', ...Object.keys(set)),
        ExpressionAttributeValues: values({ ...set, version, one: 1 }),
      },
    };
  };

  const deleteImage = (image: Image, { actor }: PendingChange): TransactAction => ({
    Put: {
      Item: deletedImageItem(image, clock(), actor),
      ConditionExpression: `${stillPending.ConditionExpression} AND #member_count = :zero`,
      ExpressionAttributeNames: names('version', 'pending_change', 'member_count'),
      ExpressionAttributeValues: values({ version, zero: 0 }),
    },
  });

  for (let pass = 0; pass < mostPasses; pass += 1) {
    const { image, memberIds } = await readPartition(table, imageId);
    const change = image?.pendingChange;
    if (image?.version !== version || change === undefined) return; // somebody else has finished it
    const chunk = Math.floor((transactionLimit - 1) / (change.kind === 'delete' ? 2 : 1));
    // An owner that is about to be none may answer, if it is a member too, only when it owns the image no longer.
    const givenAway = change.kind === 'facts' && change.facts.owner !== image.owner;
    const remaining = givenAway ? memberIds.filter((memberId) => memberId !== image.owner) : memberIds;
    let refused = false;
    for (let start = 0; start < remaining.length && !refused; start += chunk) {
      const members = remaining.slice(start, start + chunk);
      const actions =
        change.kind === 'delete'
          ? endMembers(members, change)
          : onlyIfPending(await changeMembers(image, members, change.facts));
      refused = actions.length > 0 && !(await table.transact(actions));
    }
    if (!refused && (await table.transact(await complete(image, change)))) return;
  }
  throw tryAgainLater();
}

/** The update that gives a membership its image's new facts, or none where it has them or has ended. */
function changeMember(image: Image, item: Item, facts: SharedFacts): readonly TransactAction[] {
  const membership = membershipFromItem(item);
  if (membership === undefined) return [];
  const { set } = membershipFacts(image, facts, membership.status);
  if (Object.entries(set).every(([attribute, value]) => item[attribute] === value)) return [];
  return [
    {
      Update: {
        Key: membershipKey(membership.memberId, image.id),
        UpdateExpression: `SET ${equals(set)}`,
        ConditionExpression: '#status = :status', // its place in an index depends on it
        ExpressionAttributeNames: names('status', ...Object.keys(set)),
        ExpressionAttributeValues: values({ ...set, status: membership.status }),
      },
    },
  ];
}
