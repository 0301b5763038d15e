/** Prefix of the keys of all image data. */
export const imageDataPrefix = 'images/';

/**
 * Returns the key of image data.
 *
 * @param attemptId - unique for each attempt to import the image, so that a second attempt cannot overwrite bytes whose
 *   hashes are already recorded
 */
export const imageDataKey = (imageId: string, attemptId: string): string => `${imageDataPrefix}${imageId}/${attemptId}`;
