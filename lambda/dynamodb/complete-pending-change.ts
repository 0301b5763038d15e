import { currentDeadline } from '../runtime/request-context.ts';
import type { Clock, Timestamp } from '../domain/clock.ts';
import { tryAgainLater } from '../domain/errors.ts';
import type { ImageId, ProjectId } from '../domain/ids.ts';
import type { Image, PendingChange, ReplicatedAttributes } from '../domain/image.ts';
import { hasPassed, type MemberStatus } from '../domain/membership.ts';
import { assignments, names, values } from './expression.ts';
import { catalogKeys, tombstoneItem, replicatedItemAttributes, imageFromItem } from './items/image-item.ts';
import {
  imageKey,
  imagePartition,
  indexOfStatus,
  membershipKey,
  memberIdFromOfferKey,
  offerKey,
  partitionKey,
  projectPartition,
  type ItemKey,
} from './keys.ts';
import { listEntryActions } from './items/list-entries.ts';
import {
  endOf,
  replicatedMembershipUpdate,
  storedMembershipFromItem,
  withdrawEndedMembership,
  withdrawMembership,
} from './items/membership-item.ts';
import {
  sortKeyOf,
  transactionLimit,
  type GuardedOutcome,
  type Item,
  type Table,
  type TransactAction,
  type Update,
} from './table.ts';

/**
 * Maximum number of passes over the image's partition. A second pass finds that another process completed the change,
 * or that the membership of the image's owner was withdrawn.
 */
const maxPasses = 5;
/** Number of tries to write a member, seven of which halve its chunk, before the write ignores the member's status. */
const maxTriesWithStatus = 8;
/** Maximum number of tries. After a write without the status two more tries suffice. */
const maxTries = 20;
/** Maximum number of conflicts over the members of a chunk before it is split. */
const maxConflicts = 3;

/**
 * Reads the record of an image, the projects it is offered to and the ends of these offers, in one query.
 *
 * @param maxOffers - maximum number of projects to read; default all
 */
export async function readPartition(
  table: Table,
  imageId: Image['id'],
  maxOffers = Number.POSITIVE_INFINITY,
): Promise<{
  readonly image: Image | undefined;
  readonly memberIds: readonly ProjectId[];
  readonly ends: ReadonlyMap<ProjectId, Timestamp>;
}> {
  const enough = 1 + maxOffers; // the record precedes the offers
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
  const offers = items.flatMap((item) => {
    const memberId = memberIdFromOfferKey(sortKeyOf(item));
    return memberId === undefined ? [] : [{ memberId, end: endOf(item) }];
  });
  return {
    image: record && imageFromItem(record),
    memberIds: offers.map(({ memberId }) => memberId),
    ends: new Map(offers.flatMap(({ memberId, end }) => (end === undefined ? [] : [[memberId, end]]))),
  };
}

/**
 * Completes a change that is too large for one transaction: it withdraws the memberships whose end has passed and writes
 * the others, one transaction per chunk, then the image. Every transaction requires that the change is still pending, so
 * any number of processes can run this in parallel and continue from any step. A chunk whose write is not applied is
 * written in halves after the others, so that no member delays another.
 *
 * @throws SharingError `try-again-later` if the deadline passes first; writes that were applied remain
 */
export async function completePendingChange(table: Table, clock: Clock, started: Image): Promise<void> {
  const { id: imageId, version } = started;
  const pendingChangeCondition = {
    ConditionExpression: '#version = :version AND attribute_exists(#pending_change)',
    ExpressionAttributeNames: names('version', 'pending_change'),
    ExpressionAttributeValues: values({ version }),
  };

  /** Applies updates that withdraw memberships of an offered image, with the member count and their offers. */
  const endMemberships = async (
    updates: readonly (readonly [memberId: ProjectId, build: () => Update])[],
    limit: number,
  ): Promise<GuardedOutcome> => {
    if (updates.length === 0) return 'applied';
    const reduceMemberCount: TransactAction = {
      Update: {
        Key: imageKey(imageId),
        UpdateExpression: 'ADD #member_count :fewer',
        ...pendingChangeCondition,
        ExpressionAttributeNames: names('version', 'pending_change', 'member_count'),
        ExpressionAttributeValues: values({ version, fewer: -updates.length }),
      },
    };
    const actions = () =>
      updates.flatMap(([memberId, build]): TransactAction[] => [
        { Delete: { Key: offerKey(imageId, memberId), ConditionExpression: 'attribute_exists(pk)' } },
        { Update: build() },
      ]);
    return table.transactGuarded(reduceMemberCount, actions, limit);
  };

  const withdrawMembers = async ({ memberIds, tries }: Chunk, { actor }: PendingChange): Promise<GuardedOutcome> => {
    const offered = tries === 0 ? memberIds : await findOffered(table, imageId, memberIds);
    const updates = offered.map(
      (memberId) => [memberId, () => withdrawMembership({ memberId, imageId, at: clock(), actor })] as const,
    );
    return endMemberships(updates, maxConflictsOf(memberIds));
  };

  /** Withdraws ended memberships as an expiry: their projects must learn nothing of the change. */
  const withdrawEnded = async ({ memberIds }: Chunk): Promise<GuardedOutcome> => {
    const at = clock();
    const items = await table.get(memberIds.map((memberId) => membershipKey(memberId, imageId)));
    const updates = items.flatMap((item) => {
      const update = withdrawEndedMembership(item, at);
      const memberId = storedMembershipFromItem(item)?.memberId;
      return update === undefined || memberId === undefined ? [] : [[memberId, () => update] as const];
    });
    return endMemberships(updates, maxConflictsOf(memberIds));
  };

  const replicateToMembers = async (
    { memberIds, tries }: Chunk,
    image: Image,
    attributes: ReplicatedAttributes,
  ): Promise<GuardedOutcome> => {
    const items = await table.get(memberIds.map((memberId) => membershipKey(memberId, imageId)));
    const isOwnersItem = (item: Item): boolean => item[partitionKey] === projectPartition(image.owner);
    const outdated = items.flatMap((item) =>
      // An owner that is also a member must not answer while it is the owner.
      outdatedMembership(image, item, isOwnersItem(item) ? { ...attributes, owner: image.owner } : attributes),
    );
    if (outdated.length === 0) return 'applied';
    const guard = { ConditionCheck: { Key: imageKey(imageId), ...pendingChangeCondition } };
    const limit = maxConflictsOf(memberIds);
    const outcome = await table.transactGuarded(guard, () => outdated.map(updateMembership), limit);
    // The status changes faster than this process reads and writes it. After this write every change of the status
    // moves the membership to its new list position, so that the next try is applied or the one after it finds nothing
    // to do.
    if (outcome === 'condition-failed' && outdated.length === 1 && tries >= maxTriesWithStatus)
      await table.transactGuarded(guard, () => outdated.map(updateForAnyStatus), limit);
    return outcome;
  };

  /** Returns the last transaction: the write of the image's record, and the actions that go with it. */
  const lastTransaction = async (image: Image, change: PendingChange): Promise<LastTransaction> => {
    if (change.kind === 'delete')
      return {
        record: deleteImage(image, change),
        others: listEntryActions(image, { from: image, to: undefined }),
      };
    const { attributes } = change;
    const ownerChanges = attributes.owner !== image.owner;
    const ownersItems = ownerChanges ? await table.get([membershipKey(image.owner, imageId)]) : [];
    const outdated = ownersItems.flatMap((item) => outdatedMembership(image, item, attributes));
    return {
      record: changeImage(image, attributes),
      others: [...outdated.map(updateMembership), ...listEntryActions(image, { from: image, to: attributes })],
    };
  };

  const changeImage = (image: Image, attributes: ReplicatedAttributes): TransactAction => {
    const set = { ...replicatedItemAttributes(attributes), ...catalogKeys(image, attributes) };
    return {
      Update: {
        Key: imageKey(imageId),
        UpdateExpression: `SET ${assignments(set)} REMOVE #pending_change ADD #version :one`,
        ConditionExpression: pendingChangeCondition.ConditionExpression,
        ExpressionAttributeNames: names('version', 'pending_change', ...Object.keys(set)),
        ExpressionAttributeValues: values({ ...set, version, one: 1 }),
      },
    };
  };

  const deleteImage = (image: Image, { actor }: PendingChange): TransactAction => ({
    Put: {
      Item: tombstoneItem(image, clock(), actor),
      ConditionExpression: `${pendingChangeCondition.ConditionExpression} AND #member_count = :zero`,
      ExpressionAttributeNames: names('version', 'pending_change', 'member_count'),
      ExpressionAttributeValues: values({ version, zero: 0 }),
    },
  });

  for (let pass = 0; pass < maxPasses; pass += 1) {
    const { image, memberIds, ends } = await readPartition(table, imageId);
    const change = image?.pendingChange;
    if (image?.version !== version || change === undefined) return; // another process completed it
    const at = clock();
    const isEnded = (memberId: ProjectId): boolean => {
      const end = ends.get(memberId);
      return end !== undefined && hasPassed(end, at);
    };
    const withdrawalLimit = Math.floor((transactionLimit - 1) / 2);
    if (!(await inChunks(memberIds.filter(isEnded), withdrawalLimit, withdrawEnded))) continue;
    const isDone =
      change.kind === 'delete'
        ? await inChunks(
            memberIds.filter((memberId) => !isEnded(memberId)),
            withdrawalLimit,
            (chunk) => withdrawMembers(chunk, change),
          )
        : await inChunks(memberIds, transactionLimit - 1, (chunk) =>
            replicateToMembers(chunk, image, change.attributes),
          );
    if (!isDone) continue;
    const { record, others } = await lastTransaction(image, change);
    if ((await table.transactGuarded(record, () => others, Infinity)) === 'applied') return;
  }
  throw tryAgainLater();
}

interface LastTransaction {
  readonly record: TransactAction;
  readonly others: readonly TransactAction[];
}

/** Members that one transaction writes, and the number of earlier tries, including those in larger chunks. */
interface Chunk {
  readonly memberIds: readonly ProjectId[];
  readonly tries: number;
}

/**
 * Writes members chunk by chunk. A chunk whose write is not applied is written again in halves, down to single members,
 * after all chunks with fewer tries.
 *
 * @returns `true` if all members are written, `false` if the guard's condition failed
 * @throws SharingError `try-again-later` at the deadline or after the maximum number of tries
 */
async function inChunks(
  memberIds: readonly ProjectId[],
  size: number,
  write: (chunk: Chunk) => Promise<GuardedOutcome>,
): Promise<boolean> {
  const chunks = splitInto(size, { memberIds, tries: 0 });
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
    if (chunk.tries > maxTries || Date.now() >= (currentDeadline() ?? Infinity)) throw tryAgainLater();
    const outcome = await write(chunk);
    if (outcome === 'guard-failed') return false;
    if (outcome !== 'applied')
      chunks.push(...splitInto(Math.ceil(chunk.memberIds.length / 2), { ...chunk, tries: chunk.tries + 1 }));
  }
  return true;
}

function splitInto(size: number, { memberIds, tries }: Chunk): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < memberIds.length; start += size)
    chunks.push({ memberIds: memberIds.slice(start, start + size), tries });
  return chunks;
}

/**
 * Returns the maximum number of conflicts. A single member cannot be split: its conflicts are retried until the
 * deadline.
 */
const maxConflictsOf = (members: readonly unknown[]): number => (members.length === 1 ? Infinity : maxConflicts);

/** Returns the projects, out of the given ones, that the image is still offered to. */
async function findOffered(
  table: Table,
  imageId: ImageId,
  memberIds: readonly ProjectId[],
): Promise<readonly ProjectId[]> {
  const offers = await table.get(memberIds.map((memberId) => offerKey(imageId, memberId)));
  return offers.flatMap((offer) => memberIdFromOfferKey(sortKeyOf(offer)) ?? []);
}

/** A membership that a pending change has not updated yet. */
interface OutdatedMembership {
  readonly key: ItemKey;
  readonly status: MemberStatus;
  /** The attributes to set, except {@link move}. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The index attribute of the status, if the change moves the membership in its lists. */
  readonly move: Readonly<Record<string, unknown>>;
}

/** Returns the membership of an item if it is outdated, otherwise nothing. */
function outdatedMembership(
  image: Image,
  item: Item,
  replicatedAttributes: ReplicatedAttributes,
): readonly OutdatedMembership[] {
  // A membership whose end passes during the change is updated like any other.
  const membership = storedMembershipFromItem(item);
  if (membership === undefined) return [];
  const { memberId, status } = membership;
  const index = indexOfStatus[status];
  const { [index]: indexKey, ...attributes } = replicatedMembershipUpdate(image, replicatedAttributes, status).set;
  const isMoved = item[index] !== indexKey;
  if (!isMoved && Object.entries(attributes).every(([name, value]) => item[name] === value)) return [];
  return [{ key: membershipKey(memberId, image.id), status, attributes, move: isMoved ? { [index]: indexKey } : {} }];
}

/** Returns the update of an outdated membership. Its condition requires the status only if it moves the list entry. */
function updateMembership({ key, status, attributes, move }: OutdatedMembership): TransactAction {
  if (Object.keys(move).length === 0) return updateForAnyStatus({ key, attributes });
  const set = { ...attributes, ...move };
  return {
    Update: {
      Key: key,
      UpdateExpression: `SET ${assignments(set)}`,
      ConditionExpression: '#status = :status',
      ExpressionAttributeNames: names('status', ...Object.keys(set)),
      ExpressionAttributeValues: values({ ...set, status }),
    },
  };
}

/**
 * Returns the part of the update that every status permits. A later change of the status moves the membership itself.
 */
const updateForAnyStatus = ({ key, attributes }: Pick<OutdatedMembership, 'key' | 'attributes'>): TransactAction => ({
  Update: {
    Key: key,
    UpdateExpression: `SET ${assignments(attributes)}`,
    ConditionExpression: 'attribute_exists(#status)',
    ExpressionAttributeNames: names('status', ...Object.keys(attributes)),
    ExpressionAttributeValues: values(attributes),
  },
});
