import { actorOf, type Caller } from '../../domain/caller.ts';
import type { ImageId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import { assertCallerMayChange, assertImageIsNotProtected, assertImageIsVisible } from '../../domain/sharing-rules.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

export type DeleteImage = (request: { readonly imageId: ImageId; readonly caller: Caller }) => Promise<void>;

/** Deletes an image and ends its memberships, unless the image is protected. Its id cannot be used again. */
export const createDeleteImage = (images: ImageRepository): DeleteImage =>
  async function deleteImage({ imageId, caller }) {
    const actor = actorOf(caller);

    await retryOnConflict(async () => {
      const image = assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
      assertCallerMayChange(caller, image);
      assertImageIsNotProtected(image);
      if (image.pendingChange !== undefined) {
        await images.completePendingChange(image);
        return image.pendingChange.kind === 'delete' ? true : undefined;
      }
      return (await images.delete(image, actor)) === 'written' ? true : undefined;
    });
  };
