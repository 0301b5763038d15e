import { actorOf, type Caller } from '../../domain/caller.ts';
import type { Clock } from '../../domain/clock.ts';
import { imageFormatsMissing, imageNotQueued, invalidRequest } from '../../domain/errors.ts';
import type { ImageId } from '../../domain/ids.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { Image } from '../../domain/image.ts';
import { changeImage } from './change-image.ts';

export type ImportImage = (request: {
  readonly imageId: ImageId;
  /** URL of the source. */
  readonly uri: string;
  readonly caller: Caller;
}) => Promise<Image>;

export interface ImportImageDependencies {
  readonly images: ImageRepository;
  readonly clock: Clock;
  /** Creates unique ids. */
  readonly newJobId: () => string;
  /** Throws an error with a sentence if a URL can never be a source. The worker checks every address again. */
  readonly assertIsPossibleSource: (uri: string) => unknown;
}

/**
 * Starts the import of an image that is `queued` and has both formats. The write is the only effect of the request: the
 * table's stream starts the copy, so that no import is lost.
 *
 * @throws SharingError `invalid-request` if the source is refused
 */
export const createImportImage = (dependencies: ImportImageDependencies): ImportImage => {
  const { images, clock, newJobId, assertIsPossibleSource } = dependencies;
  return async function importImage({ uri, ...request }) {
    return changeImage(images, clock, request, (image) => {
      if (image.status !== 'queued') throw imageNotQueued(image.id, image.status);
      if (image.diskFormat === null || image.containerFormat === null) throw imageFormatsMissing(image.id);
      try {
        assertIsPossibleSource(uri);
      } catch (error) {
        throw invalidRequest((error as Error).message);
      }
      return {
        ...image,
        status: 'importing',
        importJob: { id: newJobId(), uri, actor: actorOf(request.caller) },
        importError: undefined,
        importedBytes: 0,
      };
    });
  };
};
