import type { Actor } from '../domain/actor.ts';
import { timestamp, type Clock } from '../domain/clock.ts';
import { outcomeUnknown, SharingError } from '../domain/errors.ts';
import type { ImageRepository, UnchangedScope, WriteOutcome } from '../domain/repositories/image-repository.ts';
import type { ImageId, ProjectId } from '../domain/ids.ts';
import {
  hasSameReplicatedAttributes,
  pickReplicatedAttributes,
  type Image,
  type PendingChange,
} from '../domain/image.ts';
import type { Membership } from '../domain/membership.ts';
import type { Sharing } from '../domain/sharing-rules.ts';
import { assignments, names, values } from './expression.ts';
import {
  actorAttribute,
  tombstoneItem,
  imageFromItem,
  imageItem,
  pendingAttribute,
  recordAttributes,
} from './items/image-item.ts';
import {
  endAttribute,
  imageKey,
  imagePartition,
  memberIdFromOfferKey,
  membershipKey,
  offerBounds,
  partitionKey,
  sortKey,
  standingAnswersKey,
  type ItemKey,
} from './keys.ts';
import { listEntryActions } from './items/list-entries.ts';
import { epochSeconds, membershipFromItem, storedMembershipFromItem } from './items/membership-item.ts';
import { standingAnswersFromItem } from './items/standing-answers-item.ts';
import { completePendingChange, readPartition } from './complete-pending-change.ts';
import { sortKeyOf, type Item, type Table, type Update } from './table.ts';

const unchangedSinceRead = '#version = :read_version AND attribute_not_exists(#pending_change)';
const withoutMembers = '#member_count = :none';
const statusIsUnchanged = '#status = :read_status';
const importIsUnchanged = '#import_job = :read_job';
const progressIsUnchanged = '#imported_bytes = :read_imported_bytes';
const isImporting = '#import_job = :job';

/** Maximum number of 1 MB pages that a search for expired members reads: some 25,000 members. */
const maxExpiryPages = 4;

/** Images in the table, with their list entries and the changes that their memberships replicate. */
export class DynamoDbImageRepository implements ImageRepository {
  readonly #table: Table;
  readonly #clock: Clock;

  constructor(table: Table, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  async find(imageId: ImageId, projectIds: readonly ProjectId[]): Promise<Sharing> {
    return this.#toSharing(imageId, await this.#table.get(keysOf(imageId, projectIds)));
  }

  async findForOffer(
    imageId: ImageId,
    memberId: ProjectId,
    projectIds: readonly ProjectId[],
  ): ReturnType<ImageRepository['findForOffer']> {
    const standingKey = standingAnswersKey(memberId);
    const items = await this.#table.get([...keysOf(imageId, [...projectIds, memberId]), standingKey]);
    const standing = items.find((item) => item[sortKey] === standingKey.sk);
    const membership = items.find((item) => item[partitionKey] === standingKey.pk && item !== standing);
    const sharing = this.#toSharing(
      imageId,
      items.filter((item) => item !== standing),
    );
    const isStored = membership !== undefined && storedMembershipFromItem(membership) !== undefined;
    return {
      sharing,
      standingAnswers: standingAnswersFromItem(standing),
      isExpired: isStored && !sharing.memberships.has(memberId),
    };
  }

  #toSharing(imageId: ImageId, items: readonly Item[]): Sharing {
    const now = this.#clock();
    const record = items.find((item) => item[partitionKey] === imagePartition(imageId));
    const memberships = items.filter((item) => item !== record).flatMap((item) => membershipFromItem(item, now) ?? []);
    return {
      imageId,
      image: record && imageFromItem(record),
      memberships: new Map(memberships.map((membership) => [membership.memberId, membership])),
    };
  }

  async findExpired(imageId: ImageId, count: number): Promise<readonly ProjectId[]> {
    const { low, high } = offerBounds;
    const { items } = await this.#table.query(
      {
        KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :low AND :high',
        FilterExpression: `#${endAttribute} <= :now`,
        ExpressionAttributeNames: { '#pk': partitionKey, '#sk': sortKey, ...names(endAttribute) },
        ExpressionAttributeValues: values({
          pk: imagePartition(imageId),
          low,
          high,
          now: epochSeconds(timestamp(this.#clock())),
        }),
      },
      { enough: count, maxPages: maxExpiryPages },
    );
    return items.flatMap((item) => memberIdFromOfferKey(sortKeyOf(item)) ?? []).slice(0, count);
  }

  async findOffers(imageId: ImageId, count: number): ReturnType<ImageRepository['findOffers']> {
    const { image, memberIds } = await readPartition(this.#table, imageId, count);
    return { image, memberIds };
  }

  async findMemberships(imageId: ImageId, memberIds: readonly ProjectId[]): Promise<readonly Membership[]> {
    const items = await this.#table.get(memberIds.map((id) => membershipKey(id, imageId)));
    const now = this.#clock();
    return items.flatMap((item) => membershipFromItem(item, now) ?? []);
  }

  create(image: Image, actor: Actor): Promise<boolean> {
    return this.#table.transact(() => [
      { Put: { Item: imageItem(image, actor), ConditionExpression: 'attribute_not_exists(pk)' } },
      ...listEntryActions(image, { from: undefined, to: image }),
    ]);
  }

  async update(before: Image, after: Image, actor: Actor, unchanged?: UnchangedScope): Promise<Image | 'conflict'> {
    const written = { ...after, version: before.version + 1 };
    if (hasSameReplicatedAttributes(before, after)) {
      const { applied } = await this.#table.update(() => updateRecord({ before, after, actor, unchanged }));
      return applied ? written : 'conflict';
    }
    if (before.memberCount === 0) {
      const update = updateRecord({ before, after, actor, unchanged, onlyWithoutMembers: true });
      const entries = listEntryActions(before, { from: before, to: after });
      const applied = await this.#table.transact(() => [{ Update: update }, ...entries]);
      return applied ? written : 'conflict';
    }
    // An image that becomes `shared` changes before its memberships; in every other case it changes after them. In
    // between, a request of a member may be refused early but is never permitted late.
    const becomesShared = after.visibility === 'shared' && before.visibility !== 'shared';
    const first = becomesShared ? after : { ...after, ...pickReplicatedAttributes(before) };
    const pendingChange: PendingChange = { kind: 'facts', attributes: pickReplicatedAttributes(after), actor };
    const started = await this.#table.transact(() => [
      { Update: updateRecord({ before, after: first, actor, unchanged, pendingChange }) },
      ...listEntryActions(before, { from: before, to: first }),
    ]);
    if (!started) return 'conflict';
    await this.#completeOwnChange({ ...first, version: written.version, pendingChange });
    return { ...written, version: written.version + 1 };
  }

  async delete(before: Image, actor: Actor, unchanged?: UnchangedScope): Promise<WriteOutcome> {
    const progress = unchangedProgress(before, unchanged);
    if (before.memberCount === 0) {
      const deleted = await this.#table.transact(() => [
        {
          Put: {
            Item: tombstoneItem(before, this.#clock(), actor),
            ConditionExpression: [unchangedSinceRead, withoutMembers, ...progress.clauses].join(' AND '),
            ExpressionAttributeNames: names('version', 'pending_change', 'member_count', ...progress.attributes),
            ExpressionAttributeValues: values({ read_version: before.version, none: 0, ...progress.values }),
          },
        },
        ...listEntryActions(before, { from: before, to: undefined }),
      ]);
      return outcome(deleted);
    }
    const pendingChange: PendingChange = { kind: 'delete', actor };
    const { applied: started } = await this.#table.update(() => ({
      Key: imageKey(before.id),
      UpdateExpression: 'SET #pending_change = :pending_change ADD #version :one',
      ConditionExpression: [unchangedSinceRead, ...progress.clauses].join(' AND '),
      ExpressionAttributeNames: names('version', 'pending_change', ...progress.attributes),
      ExpressionAttributeValues: values({
        pending_change: pendingAttribute(pendingChange),
        read_version: before.version,
        one: 1,
        ...progress.values,
      }),
    }));
    if (started) await this.#completeOwnChange({ ...before, version: before.version + 1, pendingChange });
    return outcome(started);
  }

  async recordProgress(imageId: ImageId, jobId: string, importedBytes: number): Promise<boolean> {
    const { applied } = await this.#table.update(() => ({
      Key: imageKey(imageId),
      UpdateExpression: 'SET #imported_bytes = :imported_bytes',
      ConditionExpression: isImporting,
      ExpressionAttributeNames: names('imported_bytes', 'import_job'),
      ExpressionAttributeValues: values({ imported_bytes: importedBytes, job: jobId }),
    }));
    return applied;
  }

  completePendingChange(image: Image): Promise<void> {
    return completePendingChange(this.#table, this.#clock, image);
  }

  /** Completes the pending change that this request started. From then on an unavailable database cannot undo it. */
  async #completeOwnChange(image: Image): Promise<void> {
    try {
      await this.completePendingChange(image);
    } catch (error) {
      throw error instanceof SharingError && error.code === 'database-unavailable' ? outcomeUnknown(error) : error;
    }
  }
}

interface RecordChange {
  readonly before: Image;
  readonly after: Image;
  readonly actor: Actor;
  readonly unchanged: UnchangedScope | undefined;
  readonly pendingChange?: PendingChange;
  /** Adds the condition that the image has no members. */
  readonly onlyWithoutMembers?: boolean;
}

/** Returns the update of an image's record, on the condition that the record has not changed since it was read. */
function updateRecord(change: RecordChange): Update {
  const { before, after, actor, unchanged, pendingChange, onlyWithoutMembers = false } = change;
  const progress = unchangedProgress(before, unchanged);
  const startsImport = after.importJob !== undefined && before.importJob === undefined;
  const set = {
    ...(startsImport ? { imported_bytes: 0 } : {}),
    ...recordAttributes(after),
    updated_by: actorAttribute(actor),
    ...(pendingChange === undefined ? {} : { pending_change: pendingAttribute(pendingChange) }),
  };
  return {
    Key: imageKey(before.id),
    UpdateExpression: `SET ${assignments(set)} ADD #version :one`,
    ConditionExpression: [
      unchangedSinceRead,
      ...(onlyWithoutMembers ? [withoutMembers] : []),
      ...(after.status === before.status ? [] : [statusIsUnchanged]),
      ...(before.importJob === undefined ? [] : [importIsUnchanged]),
      ...progress.clauses,
    ].join(' AND '),
    ExpressionAttributeNames: names(
      'version',
      'pending_change',
      ...Object.keys(set),
      ...(onlyWithoutMembers ? ['member_count'] : []),
      ...progress.attributes,
    ),
    ExpressionAttributeValues: values({
      ...set,
      read_version: before.version,
      one: 1,
      ...(onlyWithoutMembers ? { none: 0 } : {}),
      ...(after.status === before.status ? {} : { read_status: before.status }),
      ...(before.importJob === undefined ? {} : { read_job: before.importJob.id }),
      ...progress.values,
    }),
  };
}

/** Returns the part of a condition that the progress of a running import has not changed since the image was read. */
const unchangedProgress = (before: Image, { includingProgress = false }: UnchangedScope = {}) =>
  includingProgress && before.importJob !== undefined
    ? {
        clauses: [progressIsUnchanged],
        attributes: ['imported_bytes'],
        values: { read_imported_bytes: before.importedBytes },
      }
    : { clauses: [], attributes: [], values: {} };

const outcome = (applied: boolean): WriteOutcome => (applied ? 'written' : 'conflict');

const keysOf = (imageId: ImageId, projectIds: readonly ProjectId[]): readonly ItemKey[] => [
  imageKey(imageId),
  ...[...new Set(projectIds)].map((id) => membershipKey(id, imageId)),
];
