import type { Clock, Timestamp } from '../../domain/clock.ts';
import type { HistoryEntry, HistoryPosition, ImageEntry, MembershipEntry } from '../../domain/history/history-entry.ts';
import type { PastMembership } from '../../domain/history/past-access.ts';
import { parseProjectId, type ImageId, type ProjectId } from '../../domain/ids.ts';
import type { HistoryImage, HistoryRepository } from '../../domain/repositories/history-repository.ts';
import { names, values } from '../expression.ts';
import { historyEntryFromItem } from '../items/history-item.ts';
import { imageFromItem } from '../items/image-item.ts';
import { itemReader } from '../items/item-reader.ts';
import { membershipFromItem } from '../items/membership-item.ts';
import {
  historyBoundsAfter,
  historyEntryKey,
  historyPartition,
  imageKey,
  imagePartition,
  memberHistoryKey,
  memberIdFromOfferKey,
  membershipKey,
  offerKey,
  partitionKey,
  pastMemberKey,
  sortKey,
  sortKeyPrefixes,
  type ItemKey,
} from '../keys.ts';
import { mapInParallel } from '../../runtime/map-in-parallel.ts';
import { sortKeyOf, type Item, type Query, type Table } from '../table.ts';

/** Maximum number of queries that run in parallel: the number of connections of the SDK. */
const maxParallelQueries = 50;

/** Histories of images in the table, in partitions of their own. */
export class DynamoDbHistoryRepository implements HistoryRepository {
  readonly #table: Table;
  readonly #clock: Clock;

  constructor(table: Table, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  async findImage(imageId: ImageId, projectId: ProjectId): Promise<HistoryImage> {
    const items = await this.#table.get([imageKey(imageId), membershipKey(projectId, imageId)]);
    const record = items.find((item) => item[partitionKey] === imagePartition(imageId));
    const membership = items.find((item) => item !== record);
    const read = record && itemReader(record);
    const image = record && imageFromItem(record);
    return {
      image,
      owner: read?.has('owner') ? read.parsed('owner', 'a project id', parseProjectId) : undefined,
      isKnown: record !== undefined,
      isMember:
        image?.visibility === 'shared' &&
        membership !== undefined &&
        membershipFromItem(membership, this.#clock()) !== undefined,
    };
  }

  async findEntries(
    imageId: ImageId,
    memberId: ProjectId | undefined,
    after: HistoryPosition | undefined,
    count: number,
  ): Promise<readonly HistoryEntry[]> {
    const isOfImage = memberId === undefined;
    const keyOf = (position: HistoryPosition): ItemKey =>
      isOfImage ? historyEntryKey(imageId, position) : memberHistoryKey(imageId, memberId, position);
    const items = await this.#query(
      {
        ...(isOfImage
          ? beginningWith(historyPartition(imageId), sortKeyPrefixes.entry)
          : inPartition(historyPartition(imageId, memberId))),
        ...(after !== undefined && { ExclusiveStartKey: { ...keyOf(after) } }),
        ScanIndexForward: false,
      },
      count,
    );
    return items.map(historyEntryFromItem);
  }

  async findImageEntryAfter(imageId: ImageId, time: Timestamp): Promise<ImageEntry | undefined> {
    const entry = await this.#firstAfter(imageId, undefined, time);
    return entry?.kind === 'image' ? entry : undefined;
  }

  async findProjects(imageId: ImageId, after: ProjectId | undefined, count: number): Promise<readonly ProjectId[]> {
    const read = async (partition: string, keyOf: (imageId: ImageId, memberId: ProjectId) => ItemKey) => {
      const items = await this.#query(
        {
          ...beginningWith(partition, sortKeyPrefixes.member),
          ...(after !== undefined && { ExclusiveStartKey: { ...keyOf(imageId, after) } }),
        },
        count,
      );
      return items.flatMap((item) => memberIdFromOfferKey(sortKeyOf(item)) ?? []);
    };
    const [members, pastMembers] = await Promise.all([
      read(imagePartition(imageId), offerKey),
      read(historyPartition(imageId), pastMemberKey),
    ]);
    return [...new Set([...members, ...pastMembers])].toSorted(compareBytes).slice(0, count);
  }

  async findMembershipsSince(
    imageId: ImageId,
    memberIds: readonly ProjectId[],
    time: Timestamp,
  ): Promise<readonly PastMembership[]> {
    const items = await this.#table.get(memberIds.map((memberId) => membershipKey(memberId, imageId)));
    return items
      .flatMap((item) => membershipFromItem(item, new Date(time)) ?? [])
      .filter(({ createdAt }) => createdAt <= time)
      .map(({ memberId, status, expiresAt }) => ({ memberId, status, expiresAt }));
  }

  async findMemberEntriesAfter(
    imageId: ImageId,
    memberIds: readonly ProjectId[],
    time: Timestamp,
  ): Promise<ReadonlyMap<ProjectId, MembershipEntry>> {
    const entries = await mapInParallel(memberIds, maxParallelQueries, (memberId) =>
      this.#firstAfter(imageId, memberId, time),
    );
    return new Map(entries.flatMap((entry) => (entry?.kind === 'membership' ? [[entry.memberId, entry]] : [])));
  }

  async #firstAfter(
    imageId: ImageId,
    memberId: ProjectId | undefined,
    time: Timestamp,
  ): Promise<HistoryEntry | undefined> {
    const [first, last] = historyBoundsAfter(memberId, time);
    const [item] = await this.#query(
      {
        KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :first AND :last',
        ExpressionAttributeNames: names(partitionKey, sortKey),
        ExpressionAttributeValues: values({ pk: historyPartition(imageId, memberId), first, last }),
      },
      1,
    );
    return item && historyEntryFromItem(item);
  }

  async #query(query: Query, count: number): Promise<readonly Item[]> {
    return (await this.#table.query({ ...query, Limit: count }, { enough: count })).items;
  }
}

const inPartition = (pk: string): Query => ({
  KeyConditionExpression: '#pk = :pk',
  ExpressionAttributeNames: names(partitionKey),
  ExpressionAttributeValues: values({ pk }),
});

const beginningWith = (pk: string, start: string): Query => ({
  KeyConditionExpression: '#pk = :pk AND begins_with(#sk, :start)',
  ExpressionAttributeNames: names(partitionKey, sortKey),
  ExpressionAttributeValues: values({ pk, start }),
});

/** Compares texts by their bytes in UTF-8, as the table orders sort keys. */
const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
