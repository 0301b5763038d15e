import { hasProject, hasRole, isAdmin, type Caller } from './caller.ts';
import { imageNotFound, imageNotShared, imageProtected, memberNotFound, notPermitted } from './errors.ts';
import type { ImageId, ProjectId } from './ids.ts';
import { isPublicOrCommunity, type Image, type ReplicatedAttributes, type Visibility } from './image.ts';
import type { Membership } from './membership.ts';

/** What was read, at one moment, of an image and of some of its members. */
export interface Sharing {
  readonly imageId: ImageId;
  readonly image: Image | undefined;
  readonly memberships: ReadonlyMap<ProjectId, Membership>;
}

const isOwner = (caller: Caller, image: Image): boolean => caller.projectId === image.owner;

/**
 * Whether there is an image for this caller. Its owner and an admin see it; a public or community image everyone with a
 * role; a shared one its members, whatever their answer.
 */
export function isImageVisible(caller: Caller, sharing: Sharing): sharing is Sharing & { readonly image: Image } {
  const { image, memberships } = sharing;
  return (
    image !== undefined &&
    hasRole(caller, 'reader') &&
    (isAdmin(caller) ||
      isOwner(caller, image) ||
      isPublicOrCommunity(image.visibility) ||
      (image.visibility === 'shared' && memberships.has(caller.projectId)))
  );
}

/** Whoever may not see an image is told that there is none. */
export function assertImageIsVisible(caller: Caller, sharing: Sharing): Image {
  if (!isImageVisible(caller, sharing)) throw imageNotFound(sharing.imageId);
  return sharing.image;
}

/** Only a shared image has members; any other visibility is refused even for its owner. */
export function assertImageIsShared(image: Image): void {
  if (image.visibility !== 'shared') throw imageNotShared(image.id);
}

/** A membership is seen by the image's owner, an admin and the member itself; for anyone else there is none. */
export function assertMemberIsVisible(caller: Caller, image: Image, { memberships }: Sharing, id: string): Membership {
  const membership = memberships.get(id as ProjectId);
  const visible = isAdmin(caller) || isOwner(caller, image) || caller.projectId === id;
  if (membership === undefined || !visible) throw memberNotFound(image.id, id);
  return membership;
}

/** Whether the caller is shown all of an image's members, and not just its own place among them. */
export const canListAllMembers = (caller: Caller, image: Image | undefined): boolean =>
  isAdmin(caller) || (image !== undefined && hasRole(caller, 'reader') && isOwner(caller, image));

/** Whether a caller might answer an offer to this project at all; what depends on the image is decided by the write. */
export const canAttemptAnswer = (caller: Caller, memberId: ProjectId): boolean =>
  isAdmin(caller) || (caller.projectId === memberId && hasRole(caller, 'member'));

/** Only the member itself answers, with role member; never the image's owner, who could else accept for others. */
export function assertCallerMayAnswer(caller: Caller, image: Image, membership: Membership): void {
  if (isAdmin(caller)) return;
  if (isOwner(caller, image)) throw notPermitted('The owner of an image does not answer for its members.');
  if (!canAttemptAnswer(caller, membership.memberId)) throw notPermitted('Answering an offer takes the role member.');
}

/** Members are offered and removed by the image's owner, with role member, or by an admin. */
export function assertCallerMayManageMembers(caller: Caller, image: Image): void {
  if (isAdmin(caller)) return;
  if (!isOwner(caller, image)) throw notPermitted("Only an image's owner offers it to projects or takes that back.");
  if (!hasRole(caller, 'member')) throw notPermitted("Changing an image's members takes the role member.");
}

/** An image is changed and deleted by its owner, with role member, or by an admin. */
export function assertCallerMayChange(caller: Caller, image: Image): void {
  if (isAdmin(caller)) return;
  if (!isOwner(caller, image)) throw notPermitted('Only its owner changes or deletes an image.');
  if (!hasRole(caller, 'member')) throw notPermitted('Changing an image takes the role member.');
}

/** Images are created by projects' members, for themselves; an admin creates them for any project. */
export function assertCallerMayCreate(caller: Caller, image: Image): void {
  assertCallerHasProject(caller);
  if (!hasRole(caller, 'member')) throw notPermitted('Creating an image takes the role member.');
  if (!isAdmin(caller) && !isOwner(caller, image)) {
    throw notPermitted('Only an admin creates an image for another project; leave out "owner".');
  }
  assertCallerMayPublish(caller, image.visibility);
}

/** Only an admin makes an image public or gives it to a project, though it be what the image already is. */
export function assertCallerMaySet(caller: Caller, { owner, visibility }: Partial<ReplicatedAttributes>): void {
  if (!isAdmin(caller) && owner !== undefined) throw notPermitted("Only an admin changes an image's owner.");
  assertCallerMayPublish(caller, visibility);
}

function assertCallerMayPublish(caller: Caller, visibility: Visibility | undefined): void {
  if (visibility === 'public' && !isAdmin(caller)) {
    throw notPermitted('Only an admin makes an image public; "community" shows it to whoever asks for it.');
  }
}

/** A protected image is not deleted, not even by an admin. */
export function assertImageIsNotProtected(image: Image): void {
  if (image.protected) throw imageProtected(image.id);
}

/** An image's data is for callers with role member, whoever may see the image. */
export function assertCallerMayDownload(caller: Caller): void {
  if (!hasRole(caller, 'member')) throw notPermitted("Asking for an image's data takes the role member.");
}

/** Lists are for callers with a role. */
export function assertCallerMayList(caller: Caller): void {
  assertCallerHasProject(caller);
  if (!hasRole(caller, 'reader')) throw notPermitted('Listing images takes the role reader.');
}

/** Requests that name no image tell a caller without a project what is missing; the others find no image. */
function assertCallerHasProject(caller: Caller): void {
  if (!hasProject(caller)) throw notPermitted('The token has no project; request one that is scoped to a project.');
}
