import type { Actor } from '../../domain/actor.ts';
import { parseTimestamp, timestamp } from '../../domain/clock.ts';
import { parseImageId, parseProjectId } from '../../domain/ids.ts';
import { visibilities, type Image, type PendingChange, type ReplicatedAttributes } from '../../domain/image.ts';
import { itemReader, type ItemReader } from './item-reader.ts';
import { catalogIndex, catalogSortKey, imageKey, itemFormat, listKey, ownedSegment } from '../keys.ts';
import type { Item } from '../table.ts';

/** The attributes that an update of an image's record writes: all but its id, its count of members and its version. */
export const recordAttributes = (image: Image): Record<string, unknown> => ({
  ...replicatedItemAttributes(image),
  ...catalogKeys(image, image),
  // All that no condition, index or filter reads is one attribute, because the engine and the SDK take time for each.
  // JSON keeps the order of the properties.
  record: JSON.stringify({
    name: image.name,
    protected: image.protected,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    tags: image.tags,
    properties: image.properties,
    created_at: image.createdAt,
    updated_at: image.updatedAt,
  }),
});

export const replicatedItemAttributes = ({
  owner,
  visibility,
  hidden,
}: ReplicatedAttributes): Record<string, unknown> => ({
  owner,
  visibility,
  os_hidden: hidden,
});

/** Where an image's record stands in the global index: among all of its visibility, in creation order. */
export const catalogKeys = (
  image: Pick<Image, 'id' | 'createdAt'>,
  { visibility, hidden }: ReplicatedAttributes,
): Record<string, unknown> => ({
  [catalogIndex]: visibility,
  [catalogSortKey]: listKey(ownedSegment(hidden), image),
});

export const actorAttribute = ({ projectId, userId, via }: Actor): Record<string, string> => ({
  project: projectId,
  user: userId,
  via,
});

export const pendingAttribute = (change: PendingChange): Record<string, unknown> => ({
  kind: change.kind,
  actor: actorAttribute(change.actor),
  ...(change.kind === 'facts' ? replicatedItemAttributes(change.attributes) : {}),
});

/** The whole item of a new image. */
export const imageItem = (image: Image, actor: Actor): Record<string, unknown> => ({
  ...imageKey(image.id),
  format: itemFormat,
  id: image.id,
  status: image.status,
  member_count: image.memberCount,
  version: image.version,
  updated_by: actorAttribute(actor),
  ...recordAttributes(image),
});

/** What remains of a deleted image: its id, never to be given again, who deleted it, and what notifications call it. */
export const tombstoneItem = (image: Image, at: Date, actor: Actor): Record<string, unknown> => ({
  ...imageKey(image.id),
  format: itemFormat,
  id: image.id,
  owner: image.owner,
  version: image.version + 1,
  deleted_at: timestamp(at),
  updated_by: actorAttribute(actor),
  record: JSON.stringify({ name: image.name }),
});

/**
 * The image that an item holds, or `undefined` for what remains of a deleted one: its id, never to be given again.
 *
 * @throws Error where the item is malformed
 */
export function imageFromItem(item: Item): Image | undefined {
  const read = itemReader(item);
  if (read.has('deleted_at')) return undefined;
  const record = read.json('record');
  return {
    id: read.parsed('id', 'an image id', parseImageId),
    name: record.stringOrNull('name'),
    status: read.oneOf('status', ['queued']),
    ...replicatedAttributesFrom(read),
    protected: record.boolean('protected'),
    minDisk: record.number('min_disk'),
    minRam: record.number('min_ram'),
    diskFormat: record.stringOrNull('disk_format'),
    containerFormat: record.stringOrNull('container_format'),
    tags: record.strings('tags'),
    properties: record.stringMap('properties'),
    createdAt: record.parsed('created_at', 'a timestamp', parseTimestamp),
    updatedAt: record.parsed('updated_at', 'a timestamp', parseTimestamp),
    memberCount: read.number('member_count'),
    version: read.number('version'),
    pendingChange: read.has('pending_change') ? pendingFrom(read.map('pending_change')) : undefined,
  };
}

/**
 * The name of the image in an item or tombstone.
 *
 * @throws Error if the item is malformed
 */
export const nameFromItem = (item: Item): string | null => itemReader(item).json('record').stringOrNull('name');

const replicatedAttributesFrom = (read: ItemReader): ReplicatedAttributes => ({
  owner: read.parsed('owner', 'a project id', parseProjectId),
  visibility: read.oneOf('visibility', visibilities),
  hidden: read.boolean('os_hidden'),
});

/** Who made a change, from the map that every change writes. */
export const actorFrom = (by: ItemReader): Actor => ({
  projectId: by.parsed('project', 'a project id', parseProjectId),
  userId: by.string('user'),
  via: by.oneOf('via', ['http', 'command']),
});

function pendingFrom(read: ItemReader): PendingChange {
  const actor = actorFrom(read.map('actor'));
  return read.oneOf('kind', ['facts', 'delete']) === 'delete'
    ? { kind: 'delete', actor }
    : { kind: 'facts', actor, attributes: replicatedAttributesFrom(read) };
}
