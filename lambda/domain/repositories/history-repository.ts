import type { Timestamp } from '../clock.ts';
import type {
  HistoryEntry,
  HistoryPosition,
  ImageAccess,
  ImageEntry,
  MembershipEntry,
} from '../history/history-entry.ts';
import type { PastMembership } from '../history/past-access.ts';
import type { ImageId, ProjectId } from '../ids.ts';

/** The image of a history as it is now, and whether one project is its member. */
export interface HistoryImage {
  /** `undefined` if the image was never created or is deleted. */
  readonly image: (ImageAccess & { readonly createdAt: Timestamp }) | undefined;
  /** The owner now or at the deletion; `undefined` if the image was never created or its tombstone has no owner. */
  readonly owner: ProjectId | undefined;
  /** `true` if the image exists or has a tombstone. */
  readonly isKnown: boolean;
  /** `true` if the image is shared now and the project is a member, of any status. */
  readonly isMember: boolean;
}

/** Records changes in the histories of images. */
export interface HistoryRecorder {
  /**
   * Records entries. To record an entry again changes nothing.
   *
   * @returns the entries that were not recorded because the history of their image has reached its maximum size
   */
  record(entries: readonly HistoryEntry[]): Promise<readonly HistoryEntry[]>;
}

/** Reads the histories of images. All reads are strongly consistent. */
export interface HistoryRepository {
  /** Finds the image of a history and the membership of a project, in one round trip. */
  findImage(imageId: ImageId, projectId: ProjectId): Promise<HistoryImage>;

  /**
   * Finds entries, newest first, in one round trip.
   *
   * @param memberId - the project whose memberships the entries are about; `undefined` for all entries
   * @param after - the position of the entry before the first one
   */
  findEntries(
    imageId: ImageId,
    memberId: ProjectId | undefined,
    after: HistoryPosition | undefined,
    count: number,
  ): Promise<readonly HistoryEntry[]>;

  /** Finds the first entry of an image itself after a time, in one round trip. */
  findImageEntryAfter(imageId: ImageId, time: Timestamp): Promise<ImageEntry | undefined>;

  /**
   * Finds projects that are members now or were members within the retention, by id, in one round trip.
   *
   * @param after - the id before the first one
   */
  findProjects(imageId: ImageId, after: ProjectId | undefined, count: number): Promise<readonly ProjectId[]>;

  /**
   * Finds the present memberships of some projects that had been created by a time and had not ended by then, in one
   * round trip.
   */
  findMembershipsSince(
    imageId: ImageId,
    memberIds: readonly ProjectId[],
    time: Timestamp,
  ): Promise<readonly PastMembership[]>;

  /** Finds the first entry of each of some projects after a time. Its calls run in parallel. */
  findMemberEntriesAfter(
    imageId: ImageId,
    memberIds: readonly ProjectId[],
    time: Timestamp,
  ): Promise<ReadonlyMap<ProjectId, MembershipEntry>>;
}
