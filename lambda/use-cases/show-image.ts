import type { Caller } from '../domain/caller.ts';
import type { ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { Image } from '../domain/image.ts';
import { assertCallerMayDownload, assertImageIsVisible } from '../domain/sharing-rules.ts';

export type ShowImage = (request: { readonly imageId: ImageId; readonly caller: Caller }) => Promise<Image>;

/** Returns an image that is visible to the caller. */
export const createShowImage = (images: ImageRepository): ShowImage =>
  async function showImage({ imageId, caller }) {
    return assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
  };

/** Returns a visible image if the caller may download its data. No image has data. */
export const createDownloadImage = (images: ImageRepository): ShowImage => {
  const showImage = createShowImage(images);
  return async function downloadImage(request) {
    const image = await showImage(request);
    assertCallerMayDownload(request.caller);
    return image;
  };
};
