import type { Actor } from './actor.ts';
import { imageTooLarge } from './errors.ts';
import type { Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';

/** Who may see an image (Image API v2, "Image visibility"). Only a shared image has members. */
export const visibilities = ['private', 'shared', 'community', 'public'] as const;
export type Visibility = (typeof visibilities)[number];

/** What an image's owner can say of it. */
export interface ImageAttributes {
  readonly name: string | null;
  readonly owner: ProjectId;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly protected: boolean;
  /** In gigabytes. */
  readonly minDisk: number;
  /** In megabytes. */
  readonly minRam: number;
  readonly diskFormat: string | null;
  readonly containerFormat: string | null;
  readonly tags: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
}

/** The facts of an image that every list entry and every membership repeats, so that one query or one condition has them. */
export type ReplicatedAttributes = Pick<ImageAttributes, 'owner' | 'visibility' | 'hidden'>;

/**
 * A change that reaches further than one transaction and has begun: the image's deletion, or other facts for it and its
 * members. Nothing can be offered meanwhile; whoever finds it finishes it, in the name of whoever began it.
 */
export type PendingChange = { readonly actor: Actor } & (
  { readonly kind: 'delete' } | { readonly kind: 'facts'; readonly attributes: ReplicatedAttributes }
);

/** An image's record. Without data it stays `queued`. */
export interface Image extends ImageAttributes {
  readonly id: ImageId;
  readonly status: 'queued';
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
  readonly memberCount: number;
  /** Moves with every change of the record, not with the count of members. */
  readonly version: number;
  readonly pendingChange: PendingChange | undefined;
}

export const pickReplicatedAttributes = ({
  owner,
  visibility,
  hidden,
}: ReplicatedAttributes): ReplicatedAttributes => ({ owner, visibility, hidden });

export const hasSameReplicatedAttributes = (a: ReplicatedAttributes, b: ReplicatedAttributes): boolean =>
  a.owner === b.owner && a.visibility === b.visibility && a.hidden === b.hidden;

/** Whether everyone may see images of this visibility. */
export const isPublicOrCommunity = (visibility: Visibility): visibility is 'public' | 'community' =>
  visibility === 'public' || visibility === 'community';

/** Most custom properties, and most tags, of one image (`image_property_quota` and `image_tag_quota`). */
const maxProperties = 128;
const maxTags = 128;
/** Most bytes of properties and tags together: an item of the table holds 400 KB, and a page of a list several images. */
const maxMetadataBytes = 128 * 1024;

/** An image has at most 128 custom properties and 128 tags, and 128 KiB of both together. */
export function assertImageIsWithinBounds({ properties, tags }: ImageAttributes): void {
  if (Object.keys(properties).length > maxProperties) throw imageTooLarge(`${maxProperties} custom properties`);
  if (tags.length > maxTags) throw imageTooLarge(`${maxTags} tags`);
  if (Buffer.byteLength(JSON.stringify({ properties, tags })) > maxMetadataBytes) {
    throw imageTooLarge(`${maxMetadataBytes} bytes of properties and tags`);
  }
}
