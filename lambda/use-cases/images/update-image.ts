import type { Clock } from '../../domain/clock.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import { assertImageIsWithinBounds, type Image, type ImageAttributes } from '../../domain/image.ts';
import { assertCallerMaySet } from '../../domain/sharing-rules.ts';
import { changeImage, type ImageToChange } from './change-image.ts';

/**
 * Returns the changed attributes of an image, or the same object if nothing changes.
 *
 * @param assertMaySet - called with the attributes of each step before the step; throws if the caller may not set them
 * @throws SharingError if the change does not fit the attributes
 */
export type ImageChange = (
  attributes: ImageAttributes,
  assertMaySet: (attributes: Partial<ImageAttributes>) => void,
) => ImageAttributes;

export type UpdateImage = (request: ImageToChange & { readonly change: ImageChange }) => Promise<Image>;

/**
 * Changes an image on condition that it is unchanged since it was read; otherwise repeats the change on the new image.
 * Completes a pending change first.
 */
export const createUpdateImage = (images: ImageRepository, clock: Clock): UpdateImage =>
  async function updateImage({ change, ...request }) {
    const { caller } = request;

    return changeImage(images, clock, request, (before) => {
      const changed = change(before, (attributes) => {
        assertCallerMaySet(caller, attributes);
      });
      if (changed === before) return before;
      // In addition to the steps of the change: the result must be permitted as well.
      assertCallerMaySet(caller, {
        ...(changed.owner !== before.owner && { owner: changed.owner }),
        ...(changed.visibility !== before.visibility && { visibility: changed.visibility }),
      });
      assertImageIsWithinBounds(changed);
      return { ...before, ...changed };
    });
  };
