import type { Caller } from '../../domain/caller.ts';
import type { ImageId } from '../../domain/ids.ts';
import type { SignDownloadUrl } from '../../domain/image-data.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { Image } from '../../domain/image.ts';
import { assertCallerMayDownload, assertImageIsVisible } from '../../domain/sharing-rules.ts';

export type ShowImage = (request: { readonly imageId: ImageId; readonly caller: Caller }) => Promise<Image>;

/** Returns an image that is visible to the caller. */
export const createShowImage = (images: ImageRepository): ShowImage =>
  async function showImage({ imageId, caller }) {
    return assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
  };

export type DownloadImage = (request: {
  readonly imageId: ImageId;
  readonly caller: Caller;
  readonly method: 'GET' | 'HEAD';
}) => Promise<string | undefined>;

/** Returns a URL of the data of a visible image for 60 seconds, or `undefined` if the image has no data. */
export const createDownloadImage = (images: ImageRepository, signUrl: SignDownloadUrl): DownloadImage => {
  const showImage = createShowImage(images);
  return async function downloadImage({ method, ...request }) {
    const image = await showImage(request);
    assertCallerMayDownload(request.caller, image);
    return image.data && signUrl(image.data.objectKey, method);
  };
};
