import { actorOf, type Caller } from '../domain/caller.ts';
import { timestamp, type Clock } from '../domain/clock.ts';
import { imageExists } from '../domain/errors.ts';
import type { ImageId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import { assertImageIsWithinBounds, type Image, type ImageAttributes } from '../domain/image.ts';
import { assertCallerMayCreate } from '../domain/sharing-rules.ts';

export type CreateImage = (request: {
  readonly imageId: ImageId | undefined;
  /** What the caller says of the image; anything it does not say has its default. */
  readonly attributes: Partial<ImageAttributes>;
  readonly caller: Caller;
}) => Promise<Image>;

/**
 * Registers an image, shared unless its creator says otherwise, for the caller's project; an admin does so for any.
 *
 * @param newImageId - makes ids that sort by the time they were made, so that images of one second keep their order
 */
export const createCreateImage =
  (images: ImageRepository, clock: Clock, newImageId: () => ImageId): CreateImage =>
  async ({ imageId, attributes, caller }) => {
    const at = timestamp(clock());
    const image: Image = {
      name: null,
      owner: caller.projectId,
      visibility: 'shared',
      hidden: false,
      protected: false,
      minDisk: 0,
      minRam: 0,
      diskFormat: null,
      containerFormat: null,
      tags: [],
      properties: {},
      ...attributes,
      id: imageId ?? newImageId(),
      status: 'queued',
      createdAt: at,
      updatedAt: at,
      memberCount: 0,
      version: 1,
      pendingChange: undefined,
    };
    assertCallerMayCreate(caller, image);
    assertImageIsWithinBounds(image);
    const created = await images.create(image, actorOf(caller));
    if (!created) throw imageExists(image.id);
    return image;
  };
