import { randomUUID } from 'node:crypto';
import type { ImageDataStore } from '../domain/image-data.ts';
import { virtualSizeHeaderBytes, virtualSizeOf } from './virtual-size.ts';
import { imageDataKey } from './image-data-key.ts';
import type { S3ImageStore } from './s3-image-store.ts';

export interface ImageDataStoreDependencies {
  /** Opens a source. @throws ImportError if it is refused, incomplete or too large */
  readonly open: (uri: string) => Promise<AsyncIterable<Uint8Array>>;
  readonly objects: Pick<S3ImageStore, 'store' | 'delete'>;
  /** Maximum number of bytes of image data. */
  readonly maxBytes: number;
}

/** Creates the store of image data in a bucket. */
export function createImageDataStore({ open, objects, maxBytes }: ImageDataStoreDependencies): ImageDataStore {
  return {
    async copy({ imageId, uri, diskFormat }, onProgress) {
      const source = await open(uri);
      const objectKey = imageDataKey(imageId, randomUUID());
      const header = Buffer.alloc(virtualSizeHeaderBytes);
      let headerBytes = 0;
      const content = async function* () {
        for await (const chunk of source) {
          if (headerBytes < header.length) headerBytes += Buffer.from(chunk).copy(header, headerBytes);
          yield chunk;
        }
      };
      try {
        const {
          size,
          checksum,
          osHashValue: hash,
        } = await objects.store(objectKey, content(), { maxBytes, onProgress });
        const virtualSize = virtualSizeOf(diskFormat, size, header.subarray(0, headerBytes));
        return { size, virtualSize, checksum, hash, objectKey };
      } catch (error) {
        // The object exists if only the last response was lost. A failed deletion leaves an object without an image.
        await objects.delete(objectKey).catch(() => undefined);
        throw error;
      }
    },
    delete: (objectKey) => objects.delete(objectKey),
  };
}
