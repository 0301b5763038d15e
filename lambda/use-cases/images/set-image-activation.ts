import type { Caller } from '../../domain/caller.ts';
import type { Clock } from '../../domain/clock.ts';
import { imageHasNoData } from '../../domain/errors.ts';
import type { ImageId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import { changeImage } from './change-image.ts';

export type SetImageActivation = (request: { readonly imageId: ImageId; readonly caller: Caller }) => Promise<void>;

/**
 * Sets an image with data to `active` or `deactivated`. The current status again has no effect.
 *
 * @param status - the status to set
 */
export const createSetImageActivation = (
  images: ImageRepository,
  clock: Clock,
  status: 'active' | 'deactivated',
): SetImageActivation =>
  async function setImageActivation(request) {
    await changeImage(images, clock, request, (image) => {
      if (image.data === undefined) throw imageHasNoData(image.id);
      return image.status === status ? image : { ...image, status };
    });
  };
