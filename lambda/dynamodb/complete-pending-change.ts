import { currentDeadline } from '../runtime/deadline.ts';
import type { Clock } from '../domain/clock.ts';
import { tryAgainLater } from '../domain/errors.ts';
import type { ImageId, ProjectId } from '../domain/ids.ts';
import type { Image, PendingChange, ReplicatedAttributes } from '../domain/image.ts';
import type { MemberStatus } from '../domain/membership.ts';
import { equals, names, values } from './expression.ts';
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
import { replicatedMembershipUpdate, membershipFromItem, withdrawMembership } from './items/membership-item.ts';
import {
  sortKeyOf,
  transactionLimit,
  type GuardedOutcome,
  type Item,
  type Table,
  type TransactAction,
} from './table.ts';

/** Passes over the partition: a second one finds that another process completed the change, or an old owner withdrawn. */
const maxPasses = 5;
/** Tries to write one member, of which seven halve a chunk down to it, before it is written whatever its status is. */
const maxTriesWithStatus = 8;
/** Two more tries always suffice then; a member that takes still more is none that changes its status. */
const maxTries = 20;
/** Conflicts over the members of a chunk before it is split. */
const maxConflicts = 3;

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
    memberIds: items.flatMap((item) => memberIdFromOfferKey(sortKeyOf(item)) ?? []),
  };
}

/**
 * Completes a change that is too large for one transaction: the members in chunks of a transaction each, then the image.
 * Every transaction requires that the change is still pending, so any number of processes can do this at the same time
 * and start at any step. A chunk that is refused is written in halves after the others, so no member delays another.
 *
 * @throws SharingError `try-again-later` if the deadline does not suffice; what is done stays done
 */
export async function completePendingChange(table: Table, clock: Clock, started: Image): Promise<void> {
  const { id: imageId, version } = started;
  const pendingChangeCondition = {
    ConditionExpression: '#version = :version AND attribute_exists(#pending_change)',
    ExpressionAttributeNames: names('version', 'pending_change'),
    ExpressionAttributeValues: values({ version }),
  };

  const withdrawMembers = async ({ memberIds, tries }: Chunk, { actor }: PendingChange): Promise<GuardedOutcome> => {
    const offered = tries === 0 ? memberIds : await findOffered(table, imageId, memberIds);
    if (offered.length === 0) return 'applied';
    const at = clock();
    const fewerMembers: TransactAction = {
      Update: {
        Key: imageKey(imageId),
        UpdateExpression: 'ADD #member_count :fewer',
        ...pendingChangeCondition,
        ExpressionAttributeNames: names('version', 'pending_change', 'member_count'),
        ExpressionAttributeValues: values({ version, fewer: -offered.length }),
      },
    };
    const actions = offered.flatMap((memberId): TransactAction[] => [
      { Delete: { Key: offerKey(imageId, memberId), ConditionExpression: 'attribute_exists(pk)' } },
      { Update: withdrawMembership(memberId, imageId, at, actor) },
    ]);
    return table.transactGuarded(fewerMembers, actions, conflictsOf(memberIds));
  };

  const replicateToMembers = async (
    { memberIds, tries }: Chunk,
    image: Image,
    facts: ReplicatedAttributes,
  ): Promise<GuardedOutcome> => {
    const items = await table.get(memberIds.map((memberId) => membershipKey(memberId, imageId)));
    const isOwnersItem = (item: Item): boolean => item[partitionKey] === projectPartition(image.owner);
    const outdated = items.flatMap((item) =>
      // An owner that is a member too must not answer before it has stopped being the owner.
      outdatedMembership(image, item, isOwnersItem(item) ? { ...facts, owner: image.owner } : facts),
    );
    if (outdated.length === 0) return 'applied';
    const guard = { ConditionCheck: { Key: imageKey(imageId), ...pendingChangeCondition } };
    const limit = conflictsOf(memberIds);
    const outcome = await table.transactGuarded(guard, outdated.map(updateMembership), limit);
    // The status changes faster than it can be read and written. From this write on, every change of the status puts the
    // membership into its new place in the lists, so the next try is applied, or the one after it finds nothing to do.
    if (outcome === 'condition-failed' && outdated.length === 1 && tries >= maxTriesWithStatus)
      await table.transactGuarded(guard, outdated.map(updateWhateverStatus), limit);
    return outcome;
  };

  /** The image's own action comes first. */
  const complete = async (
    image: Image,
    change: PendingChange,
  ): Promise<readonly [TransactAction, ...TransactAction[]]> => {
    if (change.kind === 'delete') return [deleteImage(image, change), ...listEntryActions(image, image, undefined)];
    const { attributes } = change;
    const last =
      attributes.owner === image.owner
        ? []
        : (await table.get([membershipKey(image.owner, imageId)])).flatMap((item) =>
            outdatedMembership(image, item, attributes),
          );
    return [
      changeImage(image, attributes),
      ...last.map(updateMembership),
      ...listEntryActions(image, image, attributes),
    ];
  };

  const changeImage = (image: Image, facts: ReplicatedAttributes): TransactAction => {
    const set = { ...replicatedItemAttributes(facts), ...catalogKeys(image, facts) };
    return {
      Update: {
        Key: imageKey(imageId),
        UpdateExpression: `SET ${equals(set)} REMOVE #pending_change ADD #version :one`,
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
    const { image, memberIds } = await readPartition(table, imageId);
    const change = image?.pendingChange;
    if (image?.version !== version || change === undefined) return; // another process completed it
    const isDone =
      change.kind === 'delete'
        ? await inChunks(memberIds, Math.floor((transactionLimit - 1) / 2), (chunk) => withdrawMembers(chunk, change))
        : await inChunks(memberIds, transactionLimit - 1, (chunk) =>
            replicateToMembers(chunk, image, change.attributes),
          );
    if (!isDone) continue;
    const [record, ...others] = await complete(image, change);
    if ((await table.transactGuarded(record, others, Infinity)) === 'applied') return;
  }
  throw tryAgainLater();
}

/** Members that are written in one transaction, and how often they were tried, in larger chunks too. */
interface Chunk {
  readonly memberIds: readonly ProjectId[];
  readonly tries: number;
}

/**
 * Writes members chunk by chunk. A chunk that is not applied is written again in halves, down to single members, after
 * all that were not tried as often.
 *
 * @returns whether all are written; `false` if the guard's condition failed
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

/** A single member cannot be split: its conflicts are retried until the deadline. */
const conflictsOf = (members: readonly unknown[]): number => (members.length === 1 ? Infinity : maxConflicts);

/** Those of some projects that the image is still offered to. */
async function findOffered(
  table: Table,
  imageId: ImageId,
  memberIds: readonly ProjectId[],
): Promise<readonly ProjectId[]> {
  const offers = await table.get(memberIds.map((memberId) => offerKey(imageId, memberId)));
  return offers.flatMap((offer) => memberIdFromOfferKey(sortKeyOf(offer)) ?? []);
}

/** A membership without the replicated attributes that a pending change gives it. */
interface OutdatedMembership {
  readonly key: ItemKey;
  readonly status: MemberStatus;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The index attribute of its status, if the change moves the membership in its lists. */
  readonly move: Readonly<Record<string, unknown>>;
}

function outdatedMembership(image: Image, item: Item, facts: ReplicatedAttributes): readonly OutdatedMembership[] {
  const membership = membershipFromItem(item);
  if (membership === undefined) return [];
  const { memberId, status } = membership;
  const index = indexOfStatus[status];
  const { [index]: indexRangeOf, ...attributes } = replicatedMembershipUpdate(image, facts, status).set;
  const isMoved = item[index] !== indexRangeOf;
  if (!isMoved && Object.entries(attributes).every(([name, value]) => item[name] === value)) return [];
  return [
    { key: membershipKey(memberId, image.id), status, attributes, move: isMoved ? { [index]: indexRangeOf } : {} },
  ];
}

/** The update that brings a membership up to date. Only a move in a list depends on the status. */
function updateMembership({ key, status, attributes, move }: OutdatedMembership): TransactAction {
  if (Object.keys(move).length === 0) return updateWhateverStatus({ key, attributes });
  const set = { ...attributes, ...move };
  return {
    Update: {
      Key: key,
      UpdateExpression: `SET ${equals(set)}`,
      ConditionExpression: '#status = :status',
      ExpressionAttributeNames: names('status', ...Object.keys(set)),
      ExpressionAttributeValues: values({ ...set, status }),
    },
  };
}

/** The part of that update which every status allows. A later change of the status moves the membership by itself. */
const updateWhateverStatus = ({ key, attributes }: Pick<OutdatedMembership, 'key' | 'attributes'>): TransactAction => ({
  Update: {
    Key: key,
    UpdateExpression: `SET ${equals(attributes)}`,
    ConditionExpression: 'attribute_exists(#status)',
    ExpressionAttributeNames: names('status', ...Object.keys(attributes)),
    ExpressionAttributeValues: values(attributes),
  },
});
