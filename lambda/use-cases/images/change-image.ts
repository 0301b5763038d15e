import { actorOf, type Caller } from '../../domain/caller.ts';
import { timestamp, type Clock } from '../../domain/clock.ts';
import type { ImageId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { Image } from '../../domain/image.ts';
import { assertCallerMayChange, assertImageIsExpected, assertImageIsVisible } from '../../domain/sharing-rules.ts';
import { laterTimestamp } from './later-timestamp.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

/** A request to change or delete an image. */
export interface ImageToChange {
  readonly imageId: ImageId;
  readonly caller: Caller;
  /** Returns whether the image has the state that the request expects; by default any state. */
  readonly isExpected?: ((image: Image) => boolean) | undefined;
}

/**
 * Changes an image that the caller may change, on condition that it is unchanged since it was read; otherwise repeats
 * the change on the new image. Completes a pending change first.
 *
 * @param change - returns the changed image, or the same object if nothing changes; throws if the change is refused
 * @returns the written image, or the image as read if nothing changes
 * @throws SharingError `image-not-found`, `not-permitted` or `precondition-failed`, in this order, before the change
 */
export function changeImage(
  images: ImageRepository,
  clock: Clock,
  { imageId, caller, isExpected }: ImageToChange,
  change: (image: Image) => Image,
): Promise<Image> {
  const actor = actorOf(caller);
  return retryOnConflict(async () => {
    const before = assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
    assertCallerMayChange(caller, before);
    assertImageIsExpected(before, isExpected);
    const changed = change(before);
    if (changed === before) return before;
    if (before.pendingChange !== undefined) {
      await images.completePendingChange(before);
      return undefined;
    }
    const after = { ...changed, updatedAt: laterTimestamp(timestamp(clock()), before.updatedAt) };
    const written = await images.update(before, after, actor, { includingProgress: isExpected !== undefined });
    return written === 'conflict' ? undefined : written;
  });
}
