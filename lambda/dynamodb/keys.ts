import { parseTimestamp } from '../domain/clock.ts';
import { parseImageId, type ImageId, type ProjectId } from '../domain/ids.ts';
import type { ReplicatedAttributes, Visibility } from '../domain/image.ts';
import type { ListPosition } from '../domain/image-list.ts';
import type { MemberStatus } from '../domain/membership.ts';

/** Names of the table's keys and indexes: the only place that knows them, for the CDK construct and the adapters. */
export const partitionKey = 'pk';
export const sortKey = 'sk';

/**
 * The sparse local indexes that a membership's status selects. Like every local index each has as its sort key the
 * attribute of its own name, present only while the item belongs there, so that one update moves an item from one to
 * another. List entries of owners, and public and community ones, are in the first.
 */
export const statusIndexes = ['listed', 'pending', 'rejected'] as const;
export type StatusIndex = (typeof statusIndexes)[number];

/**
 * The sparse local index of all memberships, whatever their status: one query lists them as of one moment. A change of
 * status touches neither its sort key nor what it projects, and so costs no write unit in it.
 */
export const membershipIndex = 'list_key';

/** The sparse local indexes of a partition. They are fixed when the table is created. */
export const localIndexes = [...statusIndexes, membershipIndex] as const;

/**
 * The attributes that the local indexes project besides the keys: those that lists are filtered by before any other item
 * is read, and none that a change of status touches. No item has an `ends_at` yet: it is for offers and grants that end
 * at a given second.
 */
export const projectedAttributes = ['owner', 'visibility', 'os_hidden', 'ends_at'] as const;

/** The global index over image items (keys only) that serves an admin's list of all projects: partition and sort key. */
export const catalogIndex = 'catalog';
export const catalogSortKey = 'catalog_key';

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
} as const;

/** The sort key of an image's own record, in its partition. */
const imageSortKey = 'IMAGE';
const commandSortKey = 'COMMAND';

export const imagePartition = (imageId: ImageId): string => `${prefix.image}${imageId}`;
export const projectPartition = (projectId: ProjectId): string => `${prefix.project}${projectId}`;
export const publicOrCommunityPartition = (visibility: Visibility): string => `${prefix.everyone}${visibility}`;

/** The image's record. */
export const imageKey = (imageId: ImageId): ItemKey => ({ pk: imagePartition(imageId), sk: imageSortKey });

/** That the image was offered to a project. */
export const offerKey = (imageId: ImageId, memberId: ProjectId): ItemKey => ({
  pk: imagePartition(imageId),
  sk: `${prefix.offer}${memberId}`,
});

/** That a project owns the image. */
export const ownedKey = (owner: ProjectId, imageId: ImageId): ItemKey => ({
  pk: projectPartition(owner),
  sk: `${prefix.owned}${imageId}`,
});

/** A project's membership of the image. */
export const membershipKey = (memberId: ProjectId, imageId: ImageId): ItemKey => ({
  pk: projectPartition(memberId),
  sk: `${prefix.shared}${imageId}`,
});

/** A public or community image among everyone's. */
export const publicOrCommunityKey = (visibility: Visibility, imageId: ImageId): ItemKey => ({
  pk: publicOrCommunityPartition(visibility),
  sk: `${prefix.image}${imageId}`,
});

/** What came of a command of a project; the id has no `#`, which keeps it apart from the project. */
export const commandKey = (projectId: ProjectId, id: string): ItemKey => ({
  pk: `${prefix.command}${projectId}#${id}`,
  sk: commandSortKey,
});

/** The project that an offer's sort key names, or `undefined` for another item of the image's partition. */
export const memberIdFromOfferKey = (key: string): ProjectId | undefined =>
  key.startsWith(prefix.offer) ? (key.slice(prefix.offer.length) as ProjectId) : undefined;

/** What kind of item a key is of, or `undefined` for one that this version does not know. */
export function itemKind({ pk, sk }: ItemKey): 'image' | 'membership' | 'other' | undefined {
  if (pk.startsWith(prefix.image))
    return sk === imageSortKey ? 'image' : sk.startsWith(prefix.offer) ? 'other' : undefined;
  if (pk.startsWith(prefix.project)) {
    return sk.startsWith(prefix.shared) ? 'membership' : sk.startsWith(prefix.owned) ? 'other' : undefined;
  }
  if (pk.startsWith(prefix.command)) return sk === commandSortKey ? 'other' : undefined;
  return pk.startsWith(prefix.everyone) && sk.startsWith(prefix.image) ? 'other' : undefined;
}

/** What the sort keys of the items begin with whose changes are told: the filter of the stream's consumer. */
export const publishedSortKeys = { equals: imageSortKey, prefix: prefix.shared } as const;

/** The local index in which a membership of each status has its place. */
export const indexOfStatus: Readonly<Record<MemberStatus, StatusIndex>> = {
  accepted: 'listed',
  pending: 'pending',
  rejected: 'rejected',
};

/**
 * The runs into which a list key sorts its items, so that each can be read alone and in creation order: what is owned
 * apart from what is shared, hidden apart from shown, and memberships of an image that is not shared now in none.
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

/** Where an item stands in a list: its shelf, then the creation time and the id of its image. */
export const listKey = (segment: ListSegment, { createdAt, id }: ListPosition): string =>
  `${segment}#${createdAt}#${id}`;

/** The bounds of a shelf, both included, that hold every list key on it and none of another. */
export const segmentBounds = (segment: ListSegment): readonly [string, string] => [`${segment}#`, `${segment}#~`];

/** The place in the order that a list key names. */
export function parseListKey(key: string): ListPosition | undefined {
  const [, createdAt, id, ...more] = key.split('#');
  const time = parseTimestamp(createdAt ?? '');
  const image = parseImageId(id ?? '');
  return time === undefined || image === undefined || more.length > 0 ? undefined : { createdAt: time, id: image };
}
