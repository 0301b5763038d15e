import { parseTimestamp, type Timestamp } from '../domain/clock.ts';
import type { HistoryPosition } from '../domain/history/history-entry.ts';
import { parseImageId, parseProjectId, type ImageId, type ProjectId } from '../domain/ids.ts';
import type { ReplicatedAttributes, Visibility } from '../domain/image.ts';
import type { ListPosition } from '../domain/image-list.ts';
import type { MemberStatus } from '../domain/membership.ts';

// Names of the table's keys and indexes, for the CDK construct and the adapters. No other file contains them.

export const partitionKey = 'pk';
export const sortKey = 'sk';

/**
 * The sparse local indexes that a membership's status selects. The sort key of every local index is the attribute with
 * the name of the index. An item has this attribute only while it is in the index, so that one update moves an item to
 * another index. The first index also contains the list entries of owners and of public and community images.
 */
export const statusIndexes = ['listed', 'pending', 'rejected'] as const;
export type StatusIndex = (typeof statusIndexes)[number];

/**
 * The sparse local index of all memberships of any status: one query lists them as of one point in time. A change of
 * status changes neither its sort key nor its projected attributes, so it costs no write unit in this index.
 */
export const membershipIndex = 'list_key';

/** All sparse local indexes. DynamoDB creates local indexes only together with the table. */
export const localIndexes = [...statusIndexes, membershipIndex] as const;

/** The end of a membership in epoch seconds. From that second on the membership does not exist. */
export const endAttribute = 'ends_at';

/**
 * The attributes that the local indexes project besides the keys: list filters read them before other items, and no
 * change of status changes them. `ends_at` is the end of a membership that has one.
 */
export const projectedAttributes = ['owner', 'visibility', 'os_hidden', endAttribute] as const;

/**
 * The global index over image items (keys only) that serves an admin's list of all projects: partition and sort key.
 */
export const catalogIndex = 'catalog';
export const catalogSortKey = 'catalog_key';

/**
 * The sparse global index of the memberships that have an end (keys only), which finds those whose end has passed. Its
 * partition key is one of {@link expiryShards}, so that no single partition limits how many such offers are written.
 */
export const expiryIndex = 'expiry';
export const expiryShardAttribute = 'expiry_shard';
export const expiryShards = Array.from({ length: 16 }, (_, shard) => shard.toString(16));

/** Returns the shard of an image's memberships: the last character of the image id, because the first ones are a time. */
export const expiryShardOf = (imageId: ImageId): string => imageId.at(-1) ?? '';

/** The time-to-live attribute, in epoch seconds. */
export const timeToLive = 'expires_at';

/** The version of the items' format, written with every item. */
export const itemFormat = 1;

export interface ItemKey {
  readonly [partitionKey]: string;
  readonly [sortKey]: string;
}

const prefix = {
  image: 'IMAGE#',
  project: 'PROJECT#',
  everyone: 'EVERYONE#',
  offer: 'MEMBER#',
  owned: 'OWNED#',
  shared: 'SHARED#',
  command: 'COMMAND#',
  history: 'HISTORY#',
  time: 'TIME#',
} as const;

/** The sort key of an image's record in the image's partition. */
const imageSortKey = 'IMAGE';
const commandSortKey = 'COMMAND';
const standingAnswersSortKey = 'STANDING';

export const imagePartition = (imageId: ImageId): string => `${prefix.image}${imageId}`;
export const projectPartition = (projectId: ProjectId): string => `${prefix.project}${projectId}`;
export const publicOrCommunityPartition = (visibility: Visibility): string => `${prefix.everyone}${visibility}`;

/** Returns the key of an image's record. */
export const imageKey = (imageId: ImageId): ItemKey => ({ pk: imagePartition(imageId), sk: imageSortKey });

/** The beginnings of the sort keys that a query of an image's partition or history selects. */
export const sortKeyPrefixes = { member: prefix.offer, entry: prefix.time } as const;

/** Returns the key of the item that records the offer of an image to a project. */
export const offerKey = (imageId: ImageId, memberId: ProjectId): ItemKey => ({
  pk: imagePartition(imageId),
  sk: `${prefix.offer}${memberId}`,
});

/** Bounds of the sort keys of all offers in an image's partition: the prefix, and the prefix with the next character. */
export const offerBounds = { low: prefix.offer, high: prefix.offer.replace('#', '$') } as const;

/** Returns the key of the list entry of an image in its owner's partition. */
export const ownedKey = (owner: ProjectId, imageId: ImageId): ItemKey => ({
  pk: projectPartition(owner),
  sk: `${prefix.owned}${imageId}`,
});

/** Returns the key of a project's membership of an image. */
export const membershipKey = (memberId: ProjectId, imageId: ImageId): ItemKey => ({
  pk: projectPartition(memberId),
  sk: `${prefix.shared}${imageId}`,
});

/** Returns the project and the image of a membership's key, or `undefined` for another key. */
export function membershipFromKey({
  pk,
  sk,
}: ItemKey): { readonly memberId: ProjectId; readonly imageId: ImageId } | undefined {
  if (!pk.startsWith(prefix.project) || !sk.startsWith(prefix.shared)) return undefined;
  const memberId = parseProjectId(pk.slice(prefix.project.length));
  const imageId = parseImageId(sk.slice(prefix.shared.length));
  return memberId === undefined || imageId === undefined ? undefined : { memberId, imageId };
}

/** Returns the key of the item with the standing answers of a project. */
export const standingAnswersKey = (projectId: ProjectId): ItemKey => ({
  pk: projectPartition(projectId),
  sk: standingAnswersSortKey,
});

/**
 * Returns the name of an owner's entry in the map of standing answers. The prefix keeps it apart from names with another
 * meaning, such as those of the keys.
 */
export const standingAnswerName = (owner: ProjectId): string => `${prefix.project}${owner}`;

/** Returns the owner of a name in the map of standing answers, or `undefined` for another name. */
export const ownerFromStandingAnswerName = (name: string): ProjectId | undefined =>
  name.startsWith(prefix.project) ? parseProjectId(name.slice(prefix.project.length)) : undefined;

/** Returns the key of the list entry of a public or community image. */
export const publicOrCommunityKey = (visibility: Visibility, imageId: ImageId): ItemKey => ({
  pk: publicOrCommunityPartition(visibility),
  sk: `${prefix.image}${imageId}`,
});

/**
 * Returns the key of a command record. A command id contains no `#`, so the last `#` separates project and id.
 *
 * @param entry - number of an entry of the command, or `undefined` for the command itself
 */
export const commandKey = (projectId: ProjectId, id: string, entry?: number): ItemKey => ({
  pk: `${prefix.command}${projectId}#${id}`,
  sk: entry === undefined ? commandSortKey : `${commandSortKey}#${entry}`,
});

/** The partition keys of the histories, as a pattern of IAM: `*` matches any text. */
export const historyPartitionPattern = `${prefix.history}*`;

/** Returns the partition of the history of an image, or of one project's memberships of it. */
export const historyPartition = (imageId: ImageId, memberId?: ProjectId): string =>
  memberId === undefined ? `${prefix.history}${imageId}` : `${prefix.history}${imageId}#${memberId}`;

/** Returns the text of a position. The texts of positions have the order of the positions. */
const positionText = ({ time, sequence, subject }: HistoryPosition): string =>
  `${time}#${String(sequence).padStart(16, '0')}#${subject}`;

/** Returns the key of an entry among all entries of its image. */
export const historyEntryKey = (imageId: ImageId, position: HistoryPosition): ItemKey => ({
  pk: historyPartition(imageId),
  sk: `${prefix.time}${positionText(position)}`,
});

/** Returns the key of an entry among those of one project's memberships of an image. */
export const memberHistoryKey = (imageId: ImageId, memberId: ProjectId, position: HistoryPosition): ItemKey => ({
  pk: historyPartition(imageId, memberId),
  sk: positionText(position),
});

/** Returns the key of an entry among those of the image itself. */
export const imageHistoryKey = (imageId: ImageId, position: HistoryPosition): ItemKey => ({
  pk: historyPartition(imageId),
  sk: `${prefix.image}${positionText(position)}`,
});

/** Returns the key of the item that records that a project was a member of an image within the retention. */
export const pastMemberKey = (imageId: ImageId, memberId: ProjectId): ItemKey => ({
  pk: historyPartition(imageId),
  sk: `${prefix.offer}${memberId}`,
});

/** Returns the inclusive bounds of the sort keys of the entries of an image itself, or of one project, after a time. */
export function historyBoundsAfter(memberId: ProjectId | undefined, time: Timestamp): readonly [string, string] {
  const start = memberId === undefined ? prefix.image : '';
  return [`${start}${time}#~`, `${start}~`];
}

/** Returns the project of an offer's sort key, or `undefined` for another item of the image's partition. */
export const memberIdFromOfferKey = (key: string): ProjectId | undefined =>
  key.startsWith(prefix.offer) ? (key.slice(prefix.offer.length) as ProjectId) : undefined;

/** Returns the kind of an item by its key, or `undefined` for a key that this version does not write. */
export function itemKind({ pk, sk }: ItemKey): 'image' | 'membership' | 'other' | undefined {
  if (pk.startsWith(prefix.image))
    return sk === imageSortKey ? 'image' : sk.startsWith(prefix.offer) ? 'other' : undefined;
  if (pk.startsWith(prefix.project)) {
    if (sk.startsWith(prefix.shared)) return 'membership';
    return sk.startsWith(prefix.owned) || sk === standingAnswersSortKey ? 'other' : undefined;
  }
  if (pk.startsWith(prefix.history)) return 'other';
  if (pk.startsWith(prefix.command)) return sk.startsWith(commandSortKey) ? 'other' : undefined;
  return pk.startsWith(prefix.everyone) && sk.startsWith(prefix.image) ? 'other' : undefined;
}

/** The sort keys of items whose changes are published, one exact and one prefix: the filter of the stream consumer. */
export const publishedSortKeys = { equals: imageSortKey, prefix: prefix.shared } as const;

/** The local index of the memberships of each status. */
export const indexOfStatus: Readonly<Record<MemberStatus, StatusIndex>> = {
  accepted: 'listed',
  pending: 'pending',
  rejected: 'rejected',
};

/**
 * List-key prefixes that group list entries, so that a query reads one group in creation order: owned, shared, and
 * public or community entries, each hidden or not. Memberships of an image that is not shared are in `unshared`, which
 * no list reads.
 */
export type ListSegment =
  'owned' | 'owned-hidden' | 'shared' | 'shared-hidden' | 'unshared' | 'everyone' | 'everyone-hidden';

export const ownedSegment = (hidden: boolean): ListSegment => (hidden ? 'owned-hidden' : 'owned');
export const publicOrCommunitySegment = (hidden: boolean): ListSegment => (hidden ? 'everyone-hidden' : 'everyone');
export const membershipSegment = ({
  visibility,
  hidden,
}: Pick<ReplicatedAttributes, 'visibility' | 'hidden'>): ListSegment =>
  visibility !== 'shared' ? 'unshared' : hidden ? 'shared-hidden' : 'shared';

/** Returns the list key of an item: its segment, then the creation time and the id of its image. */
export const listKey = (segment: ListSegment, { createdAt, id }: ListPosition): string =>
  `${segment}#${createdAt}#${id}`;

/** Returns the inclusive bounds of all list keys of a segment. No list key of another segment is between them. */
export const segmentBounds = (segment: ListSegment): readonly [string, string] => [`${segment}#`, `${segment}#~`];

/** Returns the list position of a list key, or `undefined` if the key is malformed. */
export function parseListKey(key: string): ListPosition | undefined {
  const [, createdAt, id, ...more] = key.split('#');
  const time = parseTimestamp(createdAt ?? '');
  const image = parseImageId(id ?? '');
  return time === undefined || image === undefined || more.length > 0 ? undefined : { createdAt: time, id: image };
}
