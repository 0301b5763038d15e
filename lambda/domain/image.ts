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

/**
 * Status of an image (Image API v2, "Image statuses"): `queued` without data, `importing` while its data is copied,
 * `active` with data, and `deactivated` if only an admin may download the data.
 */
export const imageStatuses = ['queued', 'importing', 'active', 'deactivated'] as const;
type ImageStatus = (typeof imageStatuses)[number];

/** The algorithm of {@link ImageData.hash}. */
export const hashAlgorithm = 'sha512';

/** The stored data of an image. */
export interface ImageData {
  /** In bytes. */
  readonly size: number;
  /** Size of the virtual disk in bytes; `null` if the disk format does not tell it. */
  readonly virtualSize: number | null;
  /** MD5 in hexadecimal. */
  readonly checksum: string;
  /** SHA-512 in hexadecimal. */
  readonly hash: string;
  /** Key of the object in the bucket. */
  readonly objectKey: string;
}

/** An import of image data that has started and has not ended. */
export interface ImportJob {
  readonly id: string;
  /** URL of the source. */
  readonly uri: string;
  /** The actor of the request that started the import, who is also the actor of its end. */
  readonly actor: Actor;
}

/** The record of a registered image. */
export interface Image extends ImageAttributes {
  readonly id: ImageId;
  readonly status: ImageStatus;
  /** Present in the statuses `active` and `deactivated`. */
  readonly data: ImageData | undefined;
  /** Present in the status `importing`. */
  readonly importJob: ImportJob | undefined;
  /** Sentence about the failure of the last import. */
  readonly importError: string | undefined;
  /** Bytes that the import has stored so far. */
  readonly importedBytes: number;
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
