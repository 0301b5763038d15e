import type { Caller } from '../domain/caller.ts';
import { imageNotFound } from '../domain/errors.ts';
import { parseImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import { assertCallerMayChange, assertImageIsNotProtected, assertImageIsVisible } from '../domain/sharing-rules.ts';
import { retryOnConflict } from './retry-on-conflict.ts';

export type DeleteImage = (request: {
  readonly imageId: string;
  readonly caller: Caller;
  readonly via: 'http' | 'command';
}) => Promise<void>;

/** Deletes an image and its memberships, unless it is protected. Its id is never given again. */
export const createDeleteImage =
  (images: ImageRepository): DeleteImage =>
  async ({ imageId: id, caller, via }) => {
    const imageId = parseImageId(id);
    if (imageId === undefined) throw imageNotFound(id);
    const actor = { projectId: caller.projectId, userId: caller.userId, via };

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
