import { createHash } from 'node:crypto';
import { hashAlgorithm, type Image } from '../../domain/image.ts';
import type { ListPage, PageSize } from '../../use-cases/list-page.ts';
import type { EntityTag } from '../entity-tag.ts';
import { effectiveParameters } from '../requests/image-list-query.ts';
import { pageLinks } from './page-links.ts';

/** Returns the Image API's view of an image (schema `/v2/schemas/image`): its custom properties, then these keys. */
export const imageView = (image: Image) => ({
  ...image.properties,
  ...importProperties(image),
  name: image.name,
  disk_format: image.diskFormat,
  container_format: image.containerFormat,
  visibility: image.visibility,
  size: image.data?.size ?? null,
  virtual_size: image.data?.virtualSize ?? null,
  status: image.status,
  checksum: image.data?.checksum ?? null,
  protected: image.protected,
  min_ram: image.minRam,
  min_disk: image.minDisk,
  owner: image.owner,
  os_hidden: image.hidden,
  os_hash_algo: image.data === undefined ? null : hashAlgorithm,
  os_hash_value: image.data?.hash ?? null,
  id: image.id,
  created_at: image.createdAt,
  updated_at: image.updatedAt,
  tags: image.tags,
  self: imagePath(image),
  file: `${imagePath(image)}/file`,
  schema: '/v2/schemas/image',
});

/** Returns the entity tag of an image's view: two views have the same tag only if they are equal. */
export const imageTag = (image: Image): EntityTag =>
  `"${createHash('sha256')
    .update(JSON.stringify(imageView(image)))
    .digest('base64url')}"`;

/**
 * Returns the state of an import as properties with the prefix that is reserved for the service, because the Image API
 * has no field for it: the store and the progress while it runs, the store and the reason after a failure.
 */
function importProperties({ importJob, importError, importedBytes }: Image): Readonly<Record<string, string>> {
  if (importJob !== undefined) {
    return { os_glance_importing_to_stores: storeName, os_glance_imported_bytes: String(importedBytes) };
  }
  return importError === undefined ? {} : { os_glance_failed_import: storeName, os_glance_import_error: importError };
}

/** Name of the only store of image data. */
const storeName = 's3';

/**
 * Maximum size of a page. A Lambda response has at most 6 MB. An image needs at most 300 KB.
 */
export const maxPageBytes = 5_500_000;

/**
 * Returns the size of a view in a response. The response contains the JSON body as a JSON string, so that special
 * characters are escaped twice.
 */
export const encodedBytes = (view: object): number => Buffer.byteLength(JSON.stringify(JSON.stringify(view)));

/** Size limit of a page of images. */
export const pageSize: PageSize<Image> = {
  sizeOf: (image) => encodedBytes(imageView(image)),
  maxBytes: maxPageBytes,
};

/** Returns the path of an image below the API's URL. */
export const imagePath = ({ id }: Pick<Image, 'id'>): string => `/v2/images/${id}`;

/**
 * Returns the Image API's view of a page of images (schema `/v2/schemas/images`), with the path of the first page and,
 * if more images can follow, of the next page.
 *
 * @param query - the request's query, which both paths repeat
 */
export function imagesView({ entries, next }: ListPage<Image>, query: URLSearchParams) {
  const links = pageLinks('/v2/images', effectiveParameters(query), next);
  return {
    images: entries.map(imageView),
    first: links.first,
    schema: '/v2/schemas/images',
    ...(links.next !== undefined && { next: links.next }),
  };
}
