import { channels, type Actor } from '../../domain/actor.ts';
import { parseTimestamp, timestamp } from '../../domain/clock.ts';
import { parseImageId, parseProjectId } from '../../domain/ids.ts';
import {
  imageStatuses,
  visibilities,
  type Image,
  type ImageData,
  type ImportJob,
  type PendingChange,
  type ReplicatedAttributes,
} from '../../domain/image.ts';
import { itemReader, type ItemReader } from './item-reader.ts';
import { catalogIndex, catalogSortKey, imageKey, itemFormat, listKey, ownedSegment } from '../keys.ts';
import type { Item } from '../table.ts';

/** Returns the attributes that an update of an image's record writes: all except its id, member count and version. */
export const recordAttributes = (image: Image): Record<string, unknown> => ({
  ...replicatedItemAttributes(image),
  status: image.status,
  import_job: image.importJob?.id ?? '',
  ...catalogKeys(image, image),
  // The fields that no condition, index or filter reads are one attribute, because each attribute costs time in the
  // engine and the SDK. JSON keeps the order of the properties.
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
    data: image.data && {
      size: image.data.size,
      virtual_size: image.data.virtualSize,
      checksum: image.data.checksum,
      hash: image.data.hash,
      object_key: image.data.objectKey,
    },
    import: image.importJob && {
      job: image.importJob.id,
      uri: image.importJob.uri,
      actor: actorAttribute(image.importJob.actor),
    },
    import_error: image.importError,
  }),
});

/** Returns the replicated attributes by their stored names. */
export const replicatedItemAttributes = ({
  owner,
  visibility,
  hidden,
}: ReplicatedAttributes): Record<string, unknown> => ({
  owner,
  visibility,
  os_hidden: hidden,
});

/**
 * Returns the keys of an image's record in the global index, which lists the images of a visibility in creation order.
 */
export const catalogKeys = (
  image: Pick<Image, 'id' | 'createdAt'>,
  { visibility, hidden }: ReplicatedAttributes,
): Record<string, unknown> => ({
  [catalogIndex]: visibility,
  [catalogSortKey]: listKey(ownedSegment(hidden), image),
});

/** Returns the map that stores an actor. */
export const actorAttribute = ({ projectId, userId, via, requestId }: Actor): Record<string, string> => ({
  project: projectId,
  user: userId,
  via,
  ...(requestId !== undefined && { request_id: requestId }),
});

/** Returns the map that stores a pending change. */
export const pendingAttribute = (change: PendingChange): Record<string, unknown> => ({
  kind: change.kind,
  actor: actorAttribute(change.actor),
  ...(change.kind === 'facts' ? replicatedItemAttributes(change.attributes) : {}),
});

/** Returns the item of a new image. */
export const imageItem = (image: Image, actor: Actor): Record<string, unknown> => ({
  ...imageKey(image.id),
  format: itemFormat,
  id: image.id,
  member_count: image.memberCount,
  version: image.version,
  updated_by: actorAttribute(actor),
  ...recordAttributes(image),
});

/**
 * Returns the tombstone of a deleted image: its id, which it keeps from being reused, its owner, who may read its
 * history, and the actor of the deletion.
 */
export const tombstoneItem = (image: Image, at: Date, actor: Actor): Record<string, unknown> => ({
  ...imageKey(image.id),
  format: itemFormat,
  id: image.id,
  owner: image.owner,
  version: image.version + 1,
  deleted_at: timestamp(at),
  updated_by: actorAttribute(actor),
});

/**
 * Returns the image of an item, or `undefined` for a tombstone.
 *
 * @throws Error if the item is malformed
 */
export function imageFromItem(item: Item): Image | undefined {
  if (isTombstone(item)) return undefined;
  const read = itemReader(item);
  const record = read.json('record');
  return {
    id: read.parsed('id', 'an image id', parseImageId),
    name: record.stringOrNull('name'),
    status: read.oneOf('status', imageStatuses),
    data: record.has('data') ? dataFrom(record.map('data')) : undefined,
    importJob: record.has('import') ? importJobFrom(record.map('import')) : undefined,
    importError: record.has('import_error') ? record.string('import_error') : undefined,
    importedBytes: read.has('imported_bytes') ? read.number('imported_bytes') : 0,
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

/** Returns `true` for the item of a deleted image. */
export const isTombstone = (item: Item): boolean => item['deleted_at'] !== undefined;

/**
 * Returns the image name in an item that is not a tombstone.
 *
 * @throws Error if the item is malformed
 */
export const nameFromItem = (item: Item): string | null => itemReader(item).json('record').stringOrNull('name');

/** Returns the replicated attributes of an item. */
export const replicatedAttributesFrom = (read: ItemReader): ReplicatedAttributes => ({
  owner: read.parsed('owner', 'a project id', parseProjectId),
  visibility: read.oneOf('visibility', visibilities),
  hidden: read.boolean('os_hidden'),
});

/** Returns the actor from the map that {@link actorAttribute} stores. */
export const actorFrom = (read: ItemReader): Actor => ({
  projectId: read.parsed('project', 'a project id', parseProjectId),
  userId: read.string('user'),
  via: read.oneOf('via', channels),
  ...(read.has('request_id') && { requestId: read.string('request_id') }),
});

const dataFrom = (read: ItemReader): ImageData => ({
  size: read.number('size'),
  virtualSize: read.numberOrNull('virtual_size'),
  checksum: read.string('checksum'),
  hash: read.string('hash'),
  objectKey: read.string('object_key'),
});

const importJobFrom = (read: ItemReader): ImportJob => ({
  id: read.string('job'),
  uri: read.string('uri'),
  actor: actorFrom(read.map('actor')),
});

function pendingFrom(read: ItemReader): PendingChange {
  const actor = actorFrom(read.map('actor'));
  return read.oneOf('kind', ['facts', 'delete']) === 'delete'
    ? { kind: 'delete', actor }
    : { kind: 'facts', actor, attributes: replicatedAttributesFrom(read) };
}
