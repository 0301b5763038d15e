import type { Caller } from '../domain/caller.ts';
import { imageNotFound } from '../domain/errors.ts';
import { parseImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import type { Image } from '../domain/image.ts';
import { assertCallerMayDownload, assertImageIsVisible } from '../domain/sharing-rules.ts';

export type ShowImage = (request: { readonly imageId: string; readonly caller: Caller }) => Promise<Image>;

/** One image, for whoever may see it. */
export const createShowImage =
  (images: ImageRepository): ShowImage =>
  async ({ imageId: id, caller }) => {
    const imageId = parseImageId(id);
    if (imageId === undefined) throw imageNotFound(id);
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
