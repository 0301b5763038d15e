import type { Actor } from '../../domain/actor.ts';
import { parseTimestamp, timestamp } from '../../domain/clock.ts';
import { parseImageId, parseProjectId } from '../../domain/ids.ts';
import { visibilities, type Image, type PendingChange, type ReplicatedAttributes } from '../../domain/image.ts';
import { itemReader, type ItemReader } from './item-reader.ts';
import { catalogIndex, catalogSortKey, imageKey, itemFormat, listKey, ownedSegment } from '../keys.ts';
import type { Item } from '../table.ts';

/** The attributes that an update of an image's record writes: all but its id, its count of members and its version. */
export const recordAttributes = (image: Image): Record<string, unknown> => ({
  name: image.name,
  ...replicatedItemAttributes(image),
  ...catalogKeys(image, image),
  protected: image.protected,
  min_disk: image.minDisk,
  min_ram: image.minRam,
  disk_format: image.diskFormat,
  container_format: image.containerFormat,
  tags: image.tags,
  // Not a map: DynamoDB keeps no order of these.
  properties: Object.entries(image.properties),
  updated_at: image.updatedAt,
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
  created_at: image.createdAt,
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
  name: image.name,
  owner: image.owner,
  version: image.version + 1,
  deleted_at: timestamp(at),
  updated_by: actorAttribute(actor),
});

/**
 * The image that an item holds, or `undefined` for what remains of a deleted one: its id, never to be given again.
 *
 * @throws Error where the item is malformed
 */
export function imageFromItem(item: Item): Image | undefined {
  const read = itemReader(item);
  if (read.has('deleted_at')) return undefined;
  return {
    id: read.parsed('id', 'an image id', parseImageId),
    name: read.stringOrNull('name'),
    status: read.oneOf('status', ['queued']),
    ...replicatedAttributesFrom(read),
    protected: read.boolean('protected'),
    minDisk: read.number('min_disk'),
    minRam: read.number('min_ram'),
    diskFormat: read.stringOrNull('disk_format'),
    containerFormat: read.stringOrNull('container_format'),
    tags: read.strings('tags'),
    properties: read.stringPairs('properties'),
    createdAt: read.parsed('created_at', 'a timestamp', parseTimestamp),
    updatedAt: read.parsed('updated_at', 'a timestamp', parseTimestamp),
    memberCount: read.number('member_count'),
    version: read.number('version'),
    pendingChange: read.has('pending_change') ? pendingFrom(read.map('pending_change')) : undefined,
  };
}

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
