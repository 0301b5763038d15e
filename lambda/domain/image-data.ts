import type { ImageData } from './image.ts';

/** Stores the data of images. */
export interface ImageDataStore {
  /**
   * Copies the data of a source into a new object. Each attempt has an object of its own, so that a second attempt
   * never changes bytes whose hashes are recorded.
   *
   * @param onProgress - receives the number of stored bytes
   * @throws ImportError if the source is refused, incomplete or too large; any other error is temporary
   */
  copy(
    source: { readonly imageId: string; readonly uri: string; readonly diskFormat: string },
    onProgress: (storedBytes: number) => void,
  ): Promise<ImageData>;

  /** Deletes an object. A repetition has no effect. */
  delete(objectKey: string): Promise<void>;
}

/** An import that fails whenever it is repeated, with a sentence for the owner of the image. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** Returns a URL that permits one method on image data for 60 seconds. */
export type SignDownloadUrl = (objectKey: string, method: 'GET' | 'HEAD') => string;
