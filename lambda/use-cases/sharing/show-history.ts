import { hasRole, type Caller } from '../../domain/caller.ts';
import { timestamp, type Clock, type Timestamp } from '../../domain/clock.ts';
import { imageNotFound, invalidRequest, memberNotFound } from '../../domain/errors.ts';
import {
  pickImageAccess,
  type HistoryEntry,
  type HistoryPosition,
  type ImageAccess,
} from '../../domain/history/history-entry.ts';
import { existedAt, stateBefore, wasVisible, type PastMembership } from '../../domain/history/past-access.ts';
import type { ImageId, ProjectId } from '../../domain/ids.ts';
import type { HistoryImage, HistoryRepository } from '../../domain/repositories/history-repository.ts';
import { canReadWholeHistory } from '../../domain/sharing-rules.ts';

interface CommonRequest {
  readonly imageId: ImageId;
  readonly caller: Caller;
  /** The project whose memberships are requested; `undefined` for all that the caller may see. */
  readonly memberId: ProjectId | undefined;
  /** Maximum number of entries or projects of the page, 0 to 100. */
  readonly limit: number;
}

/** Request for the changes of an image. */
export interface ChangesRequest extends CommonRequest {
  readonly at: undefined;
  /** Position of the last entry of the previous page. */
  readonly marker: HistoryPosition | undefined;
}

/** Request for the access to an image at a time. */
export interface AccessRequest extends CommonRequest {
  readonly at: Timestamp;
  /** The last project of the previous page. */
  readonly marker: ProjectId | undefined;
}

/** A page of the changes of an image, newest first. */
export interface ChangesPage {
  readonly at: undefined;
  readonly entries: readonly HistoryEntry[];
  /** The marker of the next page, or `undefined` if no more entries can follow. */
  readonly next: HistoryPosition | undefined;
}

/** A page of the access to an image at a time. */
export interface AccessPage {
  readonly at: Timestamp;
  /** `undefined` if the image did not exist then or was hidden from the caller. */
  readonly image: ImageAccess | undefined;
  /** The memberships that existed then, by project id. */
  readonly members: readonly PastMembership[];
  /** The marker of the next page, or `undefined` if no more projects can follow. */
  readonly next: ProjectId | undefined;
}

export type ShowHistory = (request: ChangesRequest | AccessRequest) => Promise<ChangesPage | AccessPage>;

/**
 * Returns one page of the history of an image: its changes or, with `at`, the memberships at that second.
 *
 * The owner, or the owner at the deletion, and an admin see everything. Any other project sees the changes of its own
 * memberships, also after their end.
 *
 * @param retentionDays - retention of the history
 * @throws SharingError `image-not-found` if the image was never created, or is not shared with the caller's project, which
 *   has no entries; `member-not-found` for another project than the caller's; `invalid-request` if `at` is in the future or
 *   before the retention
 */
export const createShowHistory = (history: HistoryRepository, clock: Clock, retentionDays: number): ShowHistory =>
  async function showHistory(request) {
    const { caller, imageId, at } = request;
    if (at !== undefined) assertIsWithinRetention(at, clock(), retentionDays);
    const image = await history.findImage(imageId, caller.projectId);
    if (canReadWholeHistory(caller, image.owner)) {
      if (!image.isKnown) throw imageNotFound(imageId);
      return at === undefined
        ? changesPage(request, await findChanges(history, request, request.memberId))
        : findAccess(history, request, image, request.memberId);
    }
    // A hidden and a missing image must cost the same calls: other callers are searched in the history in both cases.
    const own = { ...request, memberId: caller.projectId };
    const entries = await (own.at === undefined
      ? findChanges(history, own, caller.projectId)
      : history.findEntries(imageId, caller.projectId, undefined, 1));
    const hasEntries = entries.length > 0 || (await hasEarlierEntries(history, own));
    if (!hasRole(caller, 'reader') || (!image.isMember && !hasEntries)) throw imageNotFound(imageId);
    if (request.memberId !== undefined && request.memberId !== caller.projectId)
      throw memberNotFound(imageId, request.memberId);
    return own.at === undefined ? changesPage(own, entries) : findOwnAccess(history, own, image);
  };

/** @throws SharingError `invalid-request` for a time in the future or before the retention */
function assertIsWithinRetention(at: Timestamp, now: Date, retentionDays: number): void {
  if (at > timestamp(now)) throw invalidRequest('"at" must not be in the future.');
  const oldest = timestamp(new Date(now.getTime() - retentionDays * 24 * 3600 * 1000));
  if (at < oldest) {
    throw invalidRequest(`"at" must be within the last ${retentionDays} days, for which the history is kept.`);
  }
}

/** Finds the entries of a page and one more, if there is one. */
const findChanges = (
  history: HistoryRepository,
  { imageId, marker, limit }: ChangesRequest,
  memberId: ProjectId | undefined,
): Promise<readonly HistoryEntry[]> => history.findEntries(imageId, memberId, marker, limit + 1);

function changesPage({ limit }: ChangesRequest, found: readonly HistoryEntry[]): ChangesPage {
  const entries = found.slice(0, limit);
  return { at: undefined, entries, next: found.length > limit ? entries.at(-1) : undefined };
}

/** Returns whether a project whose page is empty has entries before the page. */
const hasEarlierEntries = async (
  history: HistoryRepository,
  { imageId, memberId, at, marker }: ChangesRequest | AccessRequest,
): Promise<boolean> =>
  at === undefined && marker !== undefined && (await history.findEntries(imageId, memberId, undefined, 1)).length > 0;

async function findAccess(
  history: HistoryRepository,
  { imageId, at, marker, limit }: AccessRequest,
  image: HistoryImage,
  memberId: ProjectId | undefined,
): Promise<AccessPage> {
  const found =
    memberId === undefined
      ? await history.findProjects(imageId, marker, limit + 1)
      : // A single project has one page only.
        [memberId].filter(() => marker === undefined);
  const memberIds = found.slice(0, limit);
  // The present is read before the entries: what changes in between has an entry, which has the state before.
  const [present, firstLaterOfImage] = await Promise.all([
    history.findMembershipsSince(imageId, memberIds, at),
    history.findImageEntryAfter(imageId, at),
  ]);
  const firstLater = await history.findMemberEntriesAfter(imageId, memberIds, at);
  const presentImage = image.image !== undefined && image.image.createdAt <= at ? image.image : undefined;
  return {
    at,
    image: stateBefore(firstLaterOfImage, presentImage && pickImageAccess(presentImage)),
    members: memberIds.flatMap((id): PastMembership | [] => {
      const state = stateBefore(
        firstLater.get(id),
        present.find((membership) => membership.memberId === id),
      );
      return state !== undefined && existedAt(state, at)
        ? { memberId: id, status: state.status, expiresAt: state.expiresAt }
        : [];
    }),
    next: found.length > limit ? memberIds.at(-1) : undefined,
  };
}

/** Finds the access of the caller's own project. The image is left out if it was hidden from the project. */
async function findOwnAccess(
  history: HistoryRepository,
  request: AccessRequest,
  image: HistoryImage,
): Promise<AccessPage> {
  const { projectId } = request.caller;
  const page = await findAccess(history, request, image, projectId);
  const isVisible = page.image !== undefined && wasVisible(page.image, projectId, page.members.length > 0);
  return isVisible ? page : { ...page, image: undefined };
}
