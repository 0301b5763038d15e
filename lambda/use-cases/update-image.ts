import { actorOf, type Caller } from '../domain/caller.ts';
import { timestamp, type Clock } from '../domain/clock.ts';
import { type ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import { assertImageIsWithinBounds, type Image, type ImageAttributes } from '../domain/image.ts';
import { assertCallerMayChange, assertCallerMaySet, assertImageIsVisible } from '../domain/sharing-rules.ts';
import { retryOnConflict } from './retry-on-conflict.ts';

/**
 * What becomes of an image's attributes; throws a SharingError where the change does not fit them.
 *
 * @param assertMaySet - told what the change sets before it does, step by step; throws where the caller may not
 */
export type ImageChange = (
  attributes: ImageAttributes,
  assertMaySet: (some: Partial<ImageAttributes>) => void,
) => ImageAttributes;

export type UpdateImage = (request: {
  readonly imageId: ImageId;
  readonly change: ImageChange;
  readonly caller: Caller;
}) => Promise<Image>;

/**
 * Changes an image, on condition that it is as it was read; where it is not, the change is made again on what it is now.
 * A change that another request left half-way is completed first.
 */
export const createUpdateImage =
  (images: ImageRepository, clock: Clock): UpdateImage =>
  async ({ imageId, change, caller }) => {
    const actor = actorOf(caller);

    return retryOnConflict(async () => {
      const before = assertImageIsVisible(caller, await images.find(imageId, [caller.projectId]));
      assertCallerMayChange(caller, before);
      const changed = change(before, (some) => {
        assertCallerMaySet(caller, some);
      });
      if (changed === before) return before;
      // Whatever the change has asked for.
      assertCallerMaySet(caller, {
        ...(changed.owner !== before.owner && { owner: changed.owner }),
        ...(changed.visibility !== before.visibility && { visibility: changed.visibility }),
      });
      const now = timestamp(clock());
      // Another function's clock may be ahead of this one's.
      const updatedAt = now > before.updatedAt ? now : before.updatedAt;
      const after = { ...before, ...changed, updatedAt };
      assertImageIsWithinBounds(after);
      if (before.pendingChange !== undefined) {
        await images.completePendingChange(before);
        return undefined;
      }
      const written = await images.update(before, after, actor);
      return written === 'conflict' ? undefined : written;
    });
  };
