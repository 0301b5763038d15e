import { actorOf, type Caller } from '../domain/caller.ts';
import { type Clock, timestamp } from '../domain/clock.ts';
import { imageHasNoData } from '../domain/errors.ts';
import type { ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import { assertCallerMayChange, assertImageIsVisible } from '../domain/sharing-rules.ts';
import { laterTimestamp } from './later-timestamp.ts';
import { retryOnConflict } from './retry-on-conflict.ts';

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
  async function setImageActivation({ imageId, caller }) {
    const actor = actorOf(caller);

    await retryOnConflict(async () => {
      const image = assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
      assertCallerMayChange(caller, image);
      if (image.data === undefined) throw imageHasNoData(image.id);
      if (image.status === status) return true;
      if (image.pendingChange !== undefined) {
        await images.completePendingChange(image);
        return undefined;
      }
      const updatedAt = laterTimestamp(timestamp(clock()), image.updatedAt);
      const written = await images.update(image, { ...image, status, updatedAt }, actor);
      return written === 'conflict' ? undefined : true;
    });
  };
