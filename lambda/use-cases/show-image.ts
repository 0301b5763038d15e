import type { Caller } from '../domain/caller.ts';
import { type ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { Image } from '../domain/image.ts';
import { assertCallerMayDownload, assertImageIsVisible } from '../domain/sharing-rules.ts';

export type ShowImage = (request: { readonly imageId: ImageId; readonly caller: Caller }) => Promise<Image>;

/** One image, for whoever may see it. */
export const createShowImage =
  (images: ImageRepository): ShowImage =>
  async ({ imageId, caller }) => {
    return assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
  };

/** An image whose data is asked for, by whoever may see it and has role member; there is none as yet. */
export const createDownloadImage =
  (images: ImageRepository): ShowImage =>
  async (request) => {
    const image = await createShowImage(images)(request);
    assertCallerMayDownload(request.caller);
    return image;
  };
