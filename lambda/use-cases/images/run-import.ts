import { type Clock, timestamp } from '../../domain/clock.ts';
import type { ImageId } from '../../domain/ids.ts';
import { type ImageDataStore, ImportError } from '../../domain/image-data.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { Image, ImageData, ImportJob } from '../../domain/image.ts';
import { laterTimestamp } from './later-timestamp.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

/** Result of an import: it succeeded, it failed for good, or the image has no such import (any more). */
type ImportOutcome = 'active' | 'failed' | 'obsolete';

export type RunImport = (request: {
  readonly imageId: ImageId;
  readonly jobId: string;
  /** True if the import is not attempted again: a temporary error then ends it. */
  readonly isLastAttempt: boolean;
}) => Promise<ImportOutcome>;

export interface RunImportDependencies {
  readonly images: ImageRepository;
  readonly store: ImageDataStore;
  readonly clock: Clock;
  /** Receives a temporary error of the last attempt. */
  readonly onGivenUp: (error: unknown) => void;
}

/** Minimum number of bytes between two records of the progress. */
const progressBytes = 64 * 1024 * 1024;

/**
 * Copies the data of an import and activates the image. It ends each import at most once: the write requires that the
 * image is still importing by this job. If it is not, the copied data is deleted.
 *
 * @throws any temporary error, unless it is the last attempt
 */
export const createRunImport = ({ images, store, clock, onGivenUp }: RunImportDependencies): RunImport => {
  /** Ends the import if the image is still importing by this job, and returns whether it did. */
  const endImport = (job: ImportJob, imageId: ImageId, result: Partial<Image>): Promise<boolean> =>
    retryOnConflict(async () => {
      const { image } = await images.find(imageId, []);
      // The condition of a write that arrives twice at the database fails although the write was applied.
      if (result.data !== undefined && image?.data?.objectKey === result.data.objectKey) return true;
      if (image?.status !== 'importing' || image.importJob?.id !== job.id) return false;
      if (image.pendingChange?.kind === 'delete') return false;
      if (image.pendingChange !== undefined) {
        await images.completePendingChange(image);
        return undefined;
      }
      const updatedAt = laterTimestamp(timestamp(clock()), image.updatedAt);
      const after = { ...image, ...result, importJob: undefined, updatedAt };
      return (await images.update(image, after, job.actor)) === 'conflict' ? undefined : true;
    });

  const copy = async (image: Image, job: ImportJob): Promise<ImageData> => {
    let recorded = 0;
    let recording: Promise<unknown> = Promise.resolve();
    const data = await store.copy(
      { imageId: image.id, uri: job.uri, diskFormat: image.diskFormat ?? '' },
      (storedBytes) => {
        if (storedBytes - recorded < progressBytes) return;
        recorded = storedBytes;
        // Progress is information only: a failed record has no consequence.
        recording = recording.then(() => images.recordProgress(image.id, job.id, storedBytes)).catch(() => undefined);
      },
    );
    await recording;
    return data;
  };

  return async function runImport({ imageId, jobId, isLastAttempt }) {
    const { image } = await images.find(imageId, []);
    const job = image?.importJob;
    if (image === undefined || job?.id !== jobId) return 'obsolete';
    let data: ImageData;
    try {
      data = await copy(image, job);
    } catch (error) {
      if (!(error instanceof ImportError)) {
        if (!isLastAttempt) throw error;
        onGivenUp(error);
      }
      const importError = error instanceof ImportError ? error.message : 'The service could not store the data.';
      return (await endImport(job, imageId, { status: 'queued', importError })) ? 'failed' : 'obsolete';
    }
    if (await endImport(job, imageId, { status: 'active', data })) return 'active';
    await store.delete(data.objectKey);
    return 'obsolete';
  };
};
