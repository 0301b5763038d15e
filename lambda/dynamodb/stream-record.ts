import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Actor } from '../domain/actor.ts';
import { pickImageState, type Change, type MembershipState } from '../domain/change.ts';
import { parseTimestamp } from '../domain/clock.ts';
import { parseImageId, parseProjectId, type ImageId } from '../domain/ids.ts';
import { hasSameReplicatedAttributes, type Image } from '../domain/image.ts';
import { actorFrom, imageFromItem } from './items/image-item.ts';
import { itemReader, type ItemReader } from './items/item-reader.ts';
import { itemFormat, itemKind, partitionKey, sortKey, type ItemKey } from './keys.ts';
import { storedMembershipFromItem } from './items/membership-item.ts';
import type { Item } from './table.ts';

/** The fields of a stream record that this service reads. Its items have DynamoDB's own format. */
export interface StreamRecord {
  readonly eventName?: string | undefined;
  readonly dynamodb?: { readonly Keys?: unknown; readonly OldImage?: unknown; readonly NewImage?: unknown } | undefined;
}

/** The content of a stream record. */
export interface ParsedRecord {
  /** The change to publish, if any. */
  readonly change?: Change;
  /** The image whose pending change the record starts, if any. */
  readonly pendingChangeStarted?: Pick<Image, 'id' | 'version'>;
  /** The import that the record starts, if any. */
  readonly importStarted?: { readonly imageId: ImageId; readonly jobId: string };
  /** Key of the object whose image the record deletes, if any. */
  readonly dataDeleted?: string;
  /** Key and format of an item that this version does not know. */
  readonly unknown?: string;
}

const noChange: ParsedRecord = {};

/**
 * Reads a stream record. A record has no content if it changes only replicated attributes, the member count or list
 * entries, or if it removes an item: only the expiry of a withdrawn membership does that.
 *
 * @throws Error if an item of a known kind is malformed
 */
export function readStreamRecord({ eventName, dynamodb }: StreamRecord): ParsedRecord {
  const key = itemOf(dynamodb?.Keys);
  const before = itemOf(dynamodb?.OldImage);
  const after = itemOf(dynamodb?.NewImage);
  if (key === undefined) throw new Error('The stream record has no "Keys".');
  const kind = itemKind(key as unknown as ItemKey);
  const keyText = `${String(key[partitionKey])} / ${String(key[sortKey])}`;
  if (kind === undefined) return { unknown: keyText };
  if (kind === 'other' || eventName === 'REMOVE') return noChange;
  if (after === undefined)
    throw new Error('The stream record has no "NewImage"; the stream must contain new and old images.');
  if (after['format'] !== itemFormat) return { unknown: `${keyText}, format ${String(after['format'])}` };
  return kind === 'image' ? readImage(before, after) : readMembership(before, after);
}

const itemOf = (image: unknown): Item | undefined =>
  image === undefined ? undefined : unmarshall(image as Record<string, AttributeValue>);

function readMembership(before: Item | undefined, after: Item): ParsedRecord {
  const read = itemReader(after);
  const sequence = read.number('sequence');
  // Every change of the membership increases the sequence.
  if (before !== undefined && itemReader(before).number('sequence') === sequence) return noChange;
  const stateBefore = before && pickMembershipState(before);
  return {
    change: {
      kind: 'membership',
      imageId: read.parsed('image_id', 'an image id', parseImageId),
      memberId: read.parsed('member_id', 'a project id', parseProjectId),
      membershipId: read.string('membership_id'),
      owner: read.parsed('owner', 'a project id', parseProjectId),
      sequence,
      before: stateBefore,
      after: pickMembershipState(after),
      hasStandingAnswer: stateBefore === undefined && after['standing_answer'] === true,
      actor: actorOf(read),
      at: read.parsed('updated_at', 'a timestamp', parseTimestamp),
    },
  };
}

function pickMembershipState(item: Item): MembershipState | undefined {
  const membership = storedMembershipFromItem(item);
  return membership && { status: membership.status, expiresAt: membership.expiresAt };
}

function readImage(before: Item | undefined, after: Item): ParsedRecord {
  const read = itemReader(after);
  const version = read.number('version');
  if (before !== undefined && itemReader(before).number('version') === version) return noChange; // member count only
  const old = before && imageFromItem(before);
  const image = imageFromItem(after);
  const actor = actorOf(read);
  if (image === undefined) {
    if (old === undefined)
      throw new Error(`The tombstone of image ${read.string('id')} has no "OldImage"; it must be the deleted image.`);
    const at = read.parsed('deleted_at', 'a timestamp', parseTimestamp);
    const { id: imageId, name, owner } = old;
    return {
      change: {
        kind: 'image',
        imageId,
        name,
        owner,
        version,
        before: pickImageState(old),
        after: undefined,
        actor,
        at,
      },
      ...(old.data !== undefined && { dataDeleted: old.data.objectKey }),
    };
  }
  const jobId = image.importJob?.id;
  return {
    ...(jobId !== undefined && jobId !== old?.importJob?.id && { importStarted: { imageId: image.id, jobId } }),
    ...(isPublished(old, image) && {
      change: {
        kind: 'image',
        imageId: image.id,
        name: image.name,
        owner: image.owner,
        version,
        before: old && pickImageState(old),
        after: pickImageState(image),
        actor,
        at: image.updatedAt,
      },
    }),
    ...(image.pendingChange !== undefined && { pendingChangeStarted: { id: image.id, version } }),
  };
}

/**
 * Returns `true` if a change of an image's record is published. A fan-out writes the record twice; the write that sets
 * the new replicated attributes is published: the first write if the image becomes `shared`, otherwise the last. A
 * deletion is published with the tombstone.
 */
function isPublished(old: Image | undefined, { pendingChange, ...image }: Image): boolean {
  if (pendingChange !== undefined)
    return pendingChange.kind === 'facts' && hasSameReplicatedAttributes(pendingChange.attributes, image);
  return old?.pendingChange === undefined || !hasSameReplicatedAttributes(old, image);
}

const actorOf = (read: ItemReader): Actor => actorFrom(read.map('updated_by'));
