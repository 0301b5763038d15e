import { actorOf } from '../../domain/caller.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import {
  assertCallerMayChange,
  assertImageIsExpected,
  assertImageIsNotProtected,
  assertImageIsVisible,
} from '../../domain/sharing-rules.ts';
import type { ImageToChange } from './change-image.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

export type DeleteImage = (request: ImageToChange) => Promise<void>;

/** Deletes an image and ends its memberships, unless the image is protected. Its id cannot be used again. */
export const createDeleteImage = (images: ImageRepository): DeleteImage =>
  async function deleteImage({ imageId, caller, isExpected }) {
    const actor = actorOf(caller);

    await retryOnConflict(async () => {
      const image = assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
      assertCallerMayChange(caller, image);
      assertImageIsNotProtected(image);
      assertImageIsExpected(image, isExpected);
      if (image.pendingChange !== undefined) {
        await images.completePendingChange(image);
        return image.pendingChange.kind === 'delete' ? true : undefined;
      }
      return (await images.delete(image, actor, { includingProgress: isExpected !== undefined })) === 'written'
        ? true
        : undefined;
    });
  };
