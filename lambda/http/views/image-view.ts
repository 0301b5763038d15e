import type { Image } from '../../domain/image.ts';
import type { ImagePage, PageSize } from '../../use-cases/list-images.ts';
import { lastOfEach } from '../requests/image-list-query.ts';

/** An image as the Image API shows it (schema `/v2/schemas/image`): its custom properties in their order, then these keys. */
export const imageView = (image: Image) => ({
  ...image.properties,
  name: image.name,
  disk_format: image.diskFormat,
  container_format: image.containerFormat,
  visibility: image.visibility,
  // An image without data has no size and no sums.
  size: null,
  virtual_size: null,
  status: image.status,
  checksum: null,
  protected: image.protected,
  min_ram: image.minRam,
  min_disk: image.minDisk,
  owner: image.owner,
  os_hidden: image.hidden,
  os_hash_algo: null,
  os_hash_value: null,
  id: image.id,
  created_at: image.createdAt,
  updated_at: image.updatedAt,
  tags: image.tags,
  self: imagePath(image),
  file: `${imagePath(image)}/file`,
  schema: '/v2/schemas/image',
});

/**
 * The length of a page as Lambda returns it, at most 6 MB with all else in the response: the body is JSON, and a string
 * within the JSON of the response, so that what JSON escapes is escaped twice. An image takes at most 300 KB of it.
 */
export const pageSize: PageSize = {
  sizeOf: (image) => Buffer.byteLength(JSON.stringify(JSON.stringify(imageView(image)))),
  maxBytes: 5_500_000,
};

/** The path of an image from the API's root. */
export const imagePath = ({ id }: Pick<Image, 'id'>): string => `/v2/images/${id}`;

/**
 * A page of images (schema `/v2/schemas/images`), with the paths of the first page and, where more may follow, the next.
 *
 * @param query - the query of the request; both repeat what counts of it
 */
export function imagesView({ images, next }: ImagePage, query: URLSearchParams) {
  const path = (marker?: string): string => {
    const parameters = lastOfEach(query);
    parameters.delete('marker');
    if (marker !== undefined) parameters.append('marker', marker);
    // As the Image service writes them, which in these two marks is not how forms are written.
    const text = parameters.toString().replaceAll('%7E', '~').replaceAll('*', '%2A');
    return parameters.size === 0 ? '/v2/images' : `/v2/images?${text}`;
  };
  return {
    images: images.map(imageView),
    first: path(),
    schema: '/v2/schemas/images',
    ...(next === undefined ? {} : { next: path(next) }),
  };
}
