import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Actor } from '../domain/actor.ts';
import type { Change } from '../domain/change.ts';
import { parseTimestamp } from '../domain/clock.ts';
import { parseImageId, parseProjectId } from '../domain/ids.ts';
import { hasSameReplicatedAttributes, pickReplicatedAttributes, type Image } from '../domain/image.ts';
import { actorFrom, imageFromItem } from './items/image-item.ts';
import { itemReader, type ItemReader } from './items/item-reader.ts';
import { itemFormat, itemKind, partitionKey, sortKey, type ItemKey } from './keys.ts';
import { membershipFromItem } from './items/membership-item.ts';
import type { Item } from './table.ts';

/** A record of the table's stream, as far as it is looked at; its items are as DynamoDB writes them. */
export interface StreamRecord {
  readonly eventName?: string | undefined;
  readonly dynamodb?: { readonly Keys?: unknown; readonly OldImage?: unknown; readonly NewImage?: unknown } | undefined;
}

/** What a record of the stream means. */
export interface ParsedRecord {
  /** The change that it tells of, if any. */
  readonly change?: Change;
  /** The fan-out that it shows the beginning of, if any. */
  readonly pendingChangeStarted?: Pick<Image, 'id' | 'version'>;
  /** What item this version does not know, if so. */
  readonly unknown?: string;
}

const noChange: ParsedRecord = {};

/**
 * Reads a record of the stream. A record of copies, of counts, of list entries or of an item that is removed (which is
 * what time does to withdrawn memberships) means nothing.
 *
 * @throws Error where an item of a known kind is malformed
 */
export function readStreamRecord({ eventName, dynamodb }: StreamRecord): ParsedRecord {
  const key = itemOf(dynamodb?.Keys);
  const before = itemOf(dynamodb?.OldImage);
  const after = itemOf(dynamodb?.NewImage);
  if (key === undefined) throw new Error('The record has no keys.');
  const kind = itemKind(key as unknown as ItemKey);
  if (kind === undefined) return { unknown: `${String(key[partitionKey])} / ${String(key[sortKey])}` };
  if (kind === 'other' || eventName === 'REMOVE') return noChange;
  if (after === undefined) throw new Error('The record has no new image: the stream has to carry both.');
  if (after['format'] !== itemFormat) {
    return { unknown: `${String(key[partitionKey])} / ${String(key[sortKey])}, format ${String(after['format'])}` };
  }
  return kind === 'image' ? readImage(before, after) : readMembership(before, after);
}

const itemOf = (image: unknown): Item | undefined =>
  image === undefined ? undefined : unmarshall(image as Record<string, AttributeValue>);

function readMembership(before: Item | undefined, after: Item): ParsedRecord {
  const read = itemReader(after);
  const sequence = read.number('sequence');
  if (before !== undefined && itemReader(before).number('sequence') === sequence) return noChange; // copies only
  return {
    change: {
      kind: 'membership',
      imageId: read.parsed('image_id', 'an image id', parseImageId),
      memberId: read.parsed('member_id', 'a project id', parseProjectId),
      membershipId: read.string('membership_id'),
      owner: read.parsed('owner', 'a project id', parseProjectId),
      sequence,
      before: before && membershipFromItem(before)?.status,
      after: membershipFromItem(after)?.status,
      actor: actorOf(read),
      at: read.parsed('updated_at', 'a timestamp', parseTimestamp),
    },
  };
}

function readImage(before: Item | undefined, after: Item): ParsedRecord {
  const read = itemReader(after);
  const version = read.number('version');
  if (before !== undefined && itemReader(before).number('version') === version) return noChange; // the count only
  const old = before && imageFromItem(before);
  const image = imageFromItem(after);
  const actor = actorOf(read);
  if (image === undefined) {
    if (old === undefined) throw new Error(`The image ${read.string('id')} was deleted without having been there.`);
    const at = read.parsed('deleted_at', 'a timestamp', parseTimestamp);
    const { id: imageId, name, owner } = old;
    return {
      change: {
        kind: 'image',
        imageId,
        name,
        owner,
        version,
        before: pickReplicatedAttributes(old),
        after: undefined,
        actor,
        at,
      },
    };
  }
  return {
    ...(isPublished(old, image) && {
      change: {
        kind: 'image',
        imageId: image.id,
        name: image.name,
        owner: image.owner,
        version,
        before: old && pickReplicatedAttributes(old),
        after: pickReplicatedAttributes(image),
        actor,
        at: image.updatedAt,
      },
    }),
    ...(image.pendingChange !== undefined && { pendingChangeStarted: { id: image.id, version } }),
  };
}

/**
 * Of the two records that a fan-out writes of its image, that one tells of the change which brings the image its new
 * facts: the first towards `shared`, the last in every other direction. A deletion is told when the image has gone.
 */
function isPublished(old: Image | undefined, { pendingChange: pendingChangeStarted, ...image }: Image): boolean {
  if (pendingChangeStarted !== undefined)
    return pendingChangeStarted.kind === 'facts' && hasSameReplicatedAttributes(pendingChangeStarted.attributes, image);
  return old?.pendingChange === undefined || !hasSameReplicatedAttributes(old, image);
}

const actorOf = (read: ItemReader): Actor => actorFrom(read.map('updated_by'));
