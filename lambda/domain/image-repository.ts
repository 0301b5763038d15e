import type { Actor } from './actor.ts';
import type { ImageId, ProjectId } from './ids.ts';
import type { Image } from './image.ts';
import type { Membership } from './membership.ts';
import type { Sharing } from './sharing-rules.ts';

/** What became of a write that was made on condition that nothing had changed since the image was read. */
export type WriteOutcome = 'written' | 'conflict';

/** The images and what is known of their members. All reads are strongly consistent. */
export interface ImageRepository {
  /** An image and these projects' memberships of it, as of one moment each, in one round trip. */
  find(imageId: ImageId, projectIds: readonly ProjectId[]): Promise<Sharing>;

  /** An image and the projects it was offered to, `count` of them at most, in one round trip for each megabyte. */
  findOffers(
    imageId: ImageId,
    count: number,
  ): Promise<{ readonly image: Image | undefined; readonly memberIds: readonly ProjectId[] }>;

  /** These projects' memberships of an image, in one round trip; a project without one is left out. */
  findMemberships(imageId: ImageId, memberIds: readonly ProjectId[]): Promise<readonly Membership[]>;

  /** Registers an image; `false` where its id is taken, even by an image that was deleted. */
  create(image: Image, actor: Actor): Promise<boolean>;

  /**
   * Writes the record of an image that was read as `before`. Where its owner, visibility or hiding changes, so do its
   * entries in lists and its memberships; the promise resolves after the last of them.
   *
   * @returns the image as it was written
   */
  update(before: Image, after: Image, actor: Actor): Promise<Image | 'conflict'>;

  /** Deletes an image that was read as `before`, and its memberships with it. */
  delete(before: Image, actor: Actor): Promise<WriteOutcome>;

  /** Completes the pending change of an image that was read with one. */
  completePendingChange(image: Image): Promise<void>;
}
