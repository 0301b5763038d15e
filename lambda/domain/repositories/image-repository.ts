import type { Actor } from '../actor.ts';
import type { ImageId, ProjectId } from '../ids.ts';
import type { Image } from '../image.ts';
import type { Membership } from '../membership.ts';
import type { Sharing } from '../sharing-rules.ts';
import type { StandingAnswers } from '../standing-answer.ts';

/** Result of a write with the condition that the image has not changed since it was read. */
export type WriteOutcome = 'written' | 'conflict';

/** Scope of the condition that an image has not changed since it was read. */
export interface UnchangedScope {
  /** True if the progress of an import is included, which is no change of the record. Default: `false`. */
  readonly includingProgress?: boolean;
}

/** Reads and writes images and reads their memberships. All reads are strongly consistent. */
export interface ImageRepository {
  /**
   * Finds an image and the memberships of some projects in one round trip. Each item is read consistently by itself.
   */
  find(imageId: ImageId, projectIds: readonly ProjectId[]): Promise<Sharing>;

  /**
   * Finds the same and, of the project that the image is offered to, the standing answers and whether it has a
   * membership that has passed its end and is not withdrawn yet, in one round trip.
   */
  findForOffer(
    imageId: ImageId,
    memberId: ProjectId,
    projectIds: readonly ProjectId[],
  ): Promise<{ readonly sharing: Sharing; readonly standingAnswers: StandingAnswers; readonly isExpired: boolean }>;

  /**
   * Finds members of an image whose end has passed and that are still counted, at most `count`. It reads at most four
   * megabytes of the image's members.
   */
  findExpired(imageId: ImageId, count: number): Promise<readonly ProjectId[]>;

  /** Finds an image and the ids of at most `count` of its members, in one round trip per megabyte. */
  findOffers(
    imageId: ImageId,
    count: number,
  ): Promise<{ readonly image: Image | undefined; readonly memberIds: readonly ProjectId[] }>;

  /** Finds the memberships of some projects in one round trip. Projects without a membership are left out. */
  findMemberships(imageId: ImageId, memberIds: readonly ProjectId[]): Promise<readonly Membership[]>;

  /** Registers an image. Returns `false` if its id is used, even by a deleted image. */
  create(image: Image, actor: Actor): Promise<boolean>;

  /**
   * Writes the record of an image that was read as `before`. If a replicated attribute changes, the image's list
   * entries and memberships change as well, and the promise resolves after the last of them.
   *
   * @returns the written image
   */
  update(before: Image, after: Image, actor: Actor, unchanged?: UnchangedScope): Promise<Image | 'conflict'>;

  /** Deletes an image that was read as `before`, and ends its memberships. */
  delete(before: Image, actor: Actor, unchanged?: UnchangedScope): Promise<WriteOutcome>;

  /**
   * Records how many bytes an import has stored. It is no change of the image: its version stays the same.
   *
   * @returns `false` if the image has no such import
   */
  recordProgress(imageId: ImageId, jobId: string, importedBytes: number): Promise<boolean>;

  /** Completes the pending change of an image. */
  completePendingChange(image: Image): Promise<void>;
}
