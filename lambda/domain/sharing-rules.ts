import { hasProject, hasRole, isAdmin, type Caller } from './caller.ts';
import {
  imageNotFound,
  imageNotShared,
  imageProtected,
  memberNotFound,
  notPermitted,
  preconditionFailed,
} from './errors.ts';
import type { ImageId, ProjectId } from './ids.ts';
import { isPublicOrCommunity, type Image, type ReplicatedAttributes, type Visibility } from './image.ts';
import { isInState, type Membership, type MembershipState } from './membership.ts';

/** An image and some of its memberships, read together. */
export interface Sharing {
  readonly imageId: ImageId;
  readonly image: Image | undefined;
  readonly memberships: ReadonlyMap<ProjectId, Membership>;
}

const isOwner = (caller: Caller, image: Image): boolean => caller.projectId === image.owner;

/**
 * Returns whether the image exists and is visible to the caller.
 *
 * Every image is visible to an admin. With the role reader, an image is visible to its owner, a public or community
 * image to every project, and a shared image to its members regardless of their status.
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

/**
 * Returns the image.
 *
 * @throws SharingError `image-not-found` if it is missing or hidden from the caller
 */
export function assertImageIsVisible(caller: Caller, sharing: Sharing): Image {
  if (!isImageVisible(caller, sharing)) throw imageNotFound(sharing.imageId);
  return sharing.image;
}

/**
 * Requires a shared image.
 *
 * @throws SharingError `image-not-shared` for any other visibility, even for the owner
 */
export function assertImageIsShared(image: Image): void {
  if (image.visibility !== 'shared') throw imageNotShared(image.id);
}

/**
 * Returns the membership of a project. It is visible to the image's owner, an admin and the member itself.
 *
 * @throws SharingError `member-not-found` if the membership is missing or hidden from the caller
 */
export function assertMemberIsVisible(caller: Caller, sharing: Sharing, memberId: ProjectId): Membership {
  const { imageId, image, memberships } = sharing;
  const membership = memberships.get(memberId);
  const isVisible = isAdmin(caller) || caller.projectId === memberId || (image !== undefined && isOwner(caller, image));
  if (membership === undefined || !isVisible) throw memberNotFound(imageId, memberId);
  return membership;
}

/** Returns whether the caller can list all members of an image, and not only its own membership. */
export const canListAllMembers = (caller: Caller, image: Image | undefined): boolean =>
  isAdmin(caller) || (image !== undefined && hasRole(caller, 'reader') && isOwner(caller, image));

/** Returns whether the caller can read the whole history of an image, and not only that of its own project. */
export const canReadWholeHistory = (caller: Caller, owner: ProjectId | undefined): boolean =>
  isAdmin(caller) || (hasRole(caller, 'reader') && caller.projectId === owner);

/** Returns whether the caller can answer for a project, before the write checks what depends on the image. */
export const canAttemptAnswer = (caller: Caller, memberId: ProjectId): boolean =>
  isAdmin(caller) || (caller.projectId === memberId && hasRole(caller, 'member'));

/**
 * Permits an answer by the member itself with the role member, and by an admin. The image's owner cannot answer for a
 * member.
 */
export function assertCallerMayAnswer(caller: Caller, image: Image, membership: Membership): void {
  if (isAdmin(caller)) return;
  if (isOwner(caller, image)) throw notPermitted('The owner of an image cannot set the status of its members.');
  if (!canAttemptAnswer(caller, membership.memberId))
    throw notPermitted('Answering an offer requires the role member.');
}

/** Permits a project with the role member to end its own membership. */
export function assertCallerMayLeave(caller: Caller): void {
  if (!hasRole(caller, 'member')) throw notPermitted('Leaving an image requires the role member.');
}

/** Permits changes that concern no single image, such as standing answers and bulk requests, with the role member. */
export function assertCallerMayChangeShares(caller: Caller): void {
  assertCallerHasProject(caller);
  if (!hasRole(caller, 'member')) throw notPermitted('The request requires the role member.');
}

/** Permits offers, withdrawals and changes of their end by the image's owner with the role member, and by an admin. */
export function assertCallerMayManageMembers(caller: Caller, image: Image): void {
  if (isAdmin(caller)) return;
  if (!isOwner(caller, image)) throw notPermitted('Only the owner of an image can add, change or remove its members.');
  if (!hasRole(caller, 'member')) throw notPermitted('Adding, changing and removing members requires the role member.');
}

/** Permits changes and the deletion of an image by its owner with the role member, and by an admin. */
export function assertCallerMayChange(caller: Caller, image: Image): void {
  if (isAdmin(caller)) return;
  if (!isOwner(caller, image)) throw notPermitted('Only the owner of an image can change or delete it.');
  if (!hasRole(caller, 'member')) throw notPermitted('Changing an image requires the role member.');
}

/** Permits the creation of an image for the caller's project with the role member, and for any project by an admin. */
export function assertCallerMayCreate(caller: Caller, image: Image): void {
  assertCallerHasProject(caller);
  if (!hasRole(caller, 'member')) throw notPermitted('Creating an image requires the role member.');
  if (!isAdmin(caller) && !isOwner(caller, image)) {
    throw notPermitted('Only an admin can create an image for another project; leave out "owner".');
  }
  assertCallerMayPublish(caller, image.visibility);
}

/** Permits only an admin to set the visibility `public` or an owner, even to the current value. */
export function assertCallerMaySet(caller: Caller, { owner, visibility }: Partial<ReplicatedAttributes>): void {
  if (!isAdmin(caller) && owner !== undefined) throw notPermitted('Only an admin can set "owner".');
  assertCallerMayPublish(caller, visibility);
}

function assertCallerMayPublish(caller: Caller, visibility: Visibility | undefined): void {
  if (visibility === 'public' && !isAdmin(caller)) {
    throw notPermitted('Only an admin can set "visibility" to "public"; use "community" instead.');
  }
}

/**
 * Requires an image that is not protected.
 *
 * @throws SharingError `image-protected`, even for an admin
 */
export function assertImageIsNotProtected(image: Image): void {
  if (image.protected) throw imageProtected(image.id);
}

/**
 * Requires an image in the state that a request expects, by default in any state.
 *
 * @throws SharingError `precondition-failed`
 */
export function assertImageIsExpected(image: Image, isExpected: ((image: Image) => boolean) | undefined): void {
  if (isExpected?.(image) === false) throw preconditionFailed('image');
}

/**
 * Requires a membership in the state that a request expects, by default in any state.
 *
 * @throws SharingError `precondition-failed`
 */
export function assertMemberIsExpected(membership: Membership, expected: MembershipState | undefined): void {
  if (!isInState(membership, expected)) throw preconditionFailed('membership');
}

/** Permits downloads by any caller with the role member, and of a deactivated image by an admin only. */
export function assertCallerMayDownload(caller: Caller, image: Image): void {
  if (!hasRole(caller, 'member')) throw notPermitted('Downloading image data requires the role member.');
  if (image.status === 'deactivated' && !isAdmin(caller)) {
    throw notPermitted('The image is deactivated; only an admin can download its data.');
  }
}

/** Permits lists for any caller with the role reader. */
export function assertCallerMayList(caller: Caller): void {
  assertCallerHasProject(caller);
  if (!hasRole(caller, 'reader')) throw notPermitted('Lists require the role reader.');
}

/**
 * Requires a token with a project, in requests without an image id. With an image id, such a caller finds no image.
 *
 * @throws SharingError `not-permitted`
 */
function assertCallerHasProject(caller: Caller): void {
  if (!hasProject(caller)) throw notPermitted('The token has no project; request one that is scoped to a project.');
}
