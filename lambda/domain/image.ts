import type { Actor } from './actor.ts';
import { imageTooLarge } from './errors.ts';
import type { Timestamp } from './clock.ts';
import type { ImageId, ProjectId } from './ids.ts';

/** The visibilities of an image (Image API v2, "Image visibility"). Only a shared image has members. */
export const visibilities = ['private', 'shared', 'community', 'public'] as const;
export type Visibility = (typeof visibilities)[number];

/** The attributes of an image that requests set. */
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

/**
 * Attributes that every list entry and membership of an image repeats, so that one query or condition can read them.
 */
export type ReplicatedAttributes = Pick<ImageAttributes, 'owner' | 'visibility' | 'hidden'>;

/**
 * A change of an image and all its members that exceeds one transaction: a deletion or new replicated attributes
 * (`facts`).
 *
 * Offers are refused until it is completed. Any request that finds it completes it with the original actor.
 */
export type PendingChange = { readonly actor: Actor } & (
  { readonly kind: 'delete' } | { readonly kind: 'facts'; readonly attributes: ReplicatedAttributes }
);

/** The record of a registered image. It stays `queued`, because the service stores no image data. */
export interface Image extends ImageAttributes {
  readonly id: ImageId;
  readonly status: 'queued';
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
  readonly memberCount: number;
  /** Increases with every change of the record, but not with the member count. */
  readonly version: number;
  readonly pendingChange: PendingChange | undefined;
}

/** Returns only the replicated attributes of an image. */
export const pickReplicatedAttributes = ({
  owner,
  visibility,
  hidden,
}: ReplicatedAttributes): ReplicatedAttributes => ({ owner, visibility, hidden });

/** Returns whether two images have equal replicated attributes. */
export const hasSameReplicatedAttributes = (a: ReplicatedAttributes, b: ReplicatedAttributes): boolean =>
  a.owner === b.owner && a.visibility === b.visibility && a.hidden === b.hidden;

/** Returns whether images of a visibility are visible to every project. */
export const isPublicOrCommunity = (visibility: Visibility): visibility is 'public' | 'community' =>
  visibility === 'public' || visibility === 'community';

/** Maximum number of custom properties of an image (`image_property_quota` of the Image service). */
const maxProperties = 128;
/** Maximum number of tags of an image (`image_tag_quota` of the Image service). */
const maxTags = 128;
/** Maximum bytes of properties and tags together, because a table item holds 400 KB and a list page several images. */
const maxMetadataBytes = 128 * 1024;

/**
 * Requires at most 128 custom properties, 128 tags and 128 KiB of both together.
 *
 * @throws SharingError `image-too-large`
 */
export function assertImageIsWithinBounds({ properties, tags }: ImageAttributes): void {
  if (Object.keys(properties).length > maxProperties) throw imageTooLarge(`${maxProperties} custom properties`);
  if (tags.length > maxTags) throw imageTooLarge(`${maxTags} tags`);
  if (Buffer.byteLength(JSON.stringify({ properties, tags })) > maxMetadataBytes) {
    throw imageTooLarge(`${maxMetadataBytes} bytes of properties and tags`);
  }
}
