import { actorOf, type Caller } from '../../domain/caller.ts';
import { timestamp, type Clock } from '../../domain/clock.ts';
import { imageExists } from '../../domain/errors.ts';
import type { ImageId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import { assertImageIsWithinBounds, type Image, type ImageAttributes } from '../../domain/image.ts';
import { assertCallerMayCreate } from '../../domain/sharing-rules.ts';

export type CreateImage = (request: {
  readonly imageId: ImageId | undefined;
  /** The requested attributes; the others get their defaults. */
  readonly attributes: Partial<ImageAttributes>;
  readonly caller: Caller;
}) => Promise<Image>;

/**
 * Registers an image, by default with the visibility `shared` and for the caller's project.
 *
 * @param newImageId - creates ids that sort by creation time, so that images of the same second keep their order
 */
export const createCreateImage = (images: ImageRepository, clock: Clock, newImageId: () => ImageId): CreateImage =>
  async function createImage({ imageId, attributes, caller }) {
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
      data: undefined,
      importJob: undefined,
      importError: undefined,
      importedBytes: 0,
      createdAt: at,
      updatedAt: at,
      memberCount: 0,
      version: 1,
      pendingChange: undefined,
    };
    assertCallerMayCreate(caller, image);
    assertImageIsWithinBounds(image);
    const isCreated = await images.create(image, actorOf(caller));
    if (!isCreated) throw imageExists(image.id);
    return image;
  };
