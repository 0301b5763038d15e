import { type ImageId, parseImageId } from '../domain/ids.ts';

/** Prefix of the keys of all image data. */
export const imageDataPrefix = 'images/';

/**
 * Returns the key of image data.
 *
 * @param attemptId - unique for each attempt to import the image, so that a second attempt cannot overwrite bytes whose
 *   hashes are already recorded
 */
export const imageDataKey = (imageId: string, attemptId: string): string => `${imageDataPrefix}${imageId}/${attemptId}`;

/** Returns the image that a key of image data belongs to, or undefined for any other key. */
export function imageIdOfKey(key: string): ImageId | undefined {
  const [, imageId, attemptId] = /^images\/([^/]+)\/([^/]+)$/.exec(key) ?? [];
  return attemptId === undefined ? undefined : parseImageId(imageId ?? '');
}
