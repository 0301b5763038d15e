import { isAdmin, type Caller } from './caller.ts';
import type { ProjectId } from './ids.ts';
import { visibilities, type Image, type Visibility } from './image.ts';
import type { Membership, MemberStatus } from './membership.ts';

/** The conditions that select an image list before the filters on image records. */
export interface ImageListScope {
  readonly caller: Caller;
  /** `undefined` selects every visibility, but no community images of other projects. */
  readonly visibility: Visibility | 'all' | undefined;
  readonly memberStatus: MemberStatus | 'all';
  readonly owner: ProjectId | undefined;
  readonly hidden: boolean;
}

/**
 * A set of images that the table keeps in creation order:
 *
 * - `owned`: the images of a project
 * - `offered`: the images offered to a project, with one membership status or with any
 * - `public-or-community`: the public or the community images
 * - `catalog`: all images of one visibility, for an admin
 *
 * `owner` and `visibilities` narrow the set if they are defined.
 */
export type ListSource = {
  readonly hidden: boolean;
  readonly owner: ProjectId | undefined;
  readonly visibilities: readonly Visibility[] | undefined;
} & (
  | { readonly kind: 'owned'; readonly project: ProjectId }
  | {
      readonly kind: 'offered';
      readonly project: ProjectId;
      readonly status: MemberStatus | 'all';
      /** A project whose images are left out. */
      readonly excludedOwner?: ProjectId;
    }
  | { readonly kind: 'public-or-community' | 'catalog'; readonly visibility: Visibility }
);

/**
 * Returns the sources of an image list (Image API v2, "List images", and its table of `member_status` and
 * `visibility`).
 *
 * A project lists its own images, the images offered to it with the requested status, and the public images. An admin
 * lists the images of all projects, regardless of any membership. Community images of other projects require a request.
 */
export const listSources = (scope: ImageListScope): readonly ListSource[] =>
  isAdmin(scope.caller) ? adminSources(scope) : projectSources(scope);

function projectSources(scope: ImageListScope): readonly ListSource[] {
  const { caller, visibility, memberStatus, owner, hidden } = scope;
  const { projectId } = caller;
  const common = { hidden, owner, visibilities: undefined };
  const sources: ListSource[] = [];
  // The project's own public and community images are among all public and community images.
  const requiresOwned = visibility !== 'public' && visibility !== 'community';
  if (requiresOwned && (owner === undefined || owner === projectId)) {
    sources.push(...ownedSources(scope, projectId, visibilities));
  }
  if (isRequested(scope, 'shared')) {
    sources.push({ ...common, kind: 'offered', project: projectId, status: memberStatus });
  }
  if (isCommunityRequested(scope)) sources.push({ ...common, kind: 'public-or-community', visibility: 'community' });
  if (isRequested(scope, 'public')) sources.push({ ...common, kind: 'public-or-community', visibility: 'public' });
  return sources;
}

function adminSources(scope: ImageListScope): readonly ListSource[] {
  const { caller, owner, hidden } = scope;
  const { projectId } = caller;
  const visibilitiesOfOthers = isCommunityRequested(scope)
    ? visibilities
    : visibilities.filter((visibility) => visibility !== 'community');
  if (owner !== undefined) {
    return ownedSources(scope, owner, owner === projectId ? visibilities : visibilitiesOfOthers);
  }
  const catalogs = visibilitiesOfOthers
    .filter((visibility) => isRequested(scope, visibility))
    .map((visibility): ListSource => ({ hidden, owner, visibilities: undefined, kind: 'catalog', visibility }));
  return isCommunityRequested(scope) ? catalogs : [...catalogs, ...ownedSources(scope, projectId, ['community'])];
}

/** Returns the source of a project's images with the requested ones of some visibilities, or no source. */
function ownedSources(scope: ImageListScope, project: ProjectId, candidates: readonly Visibility[]): ListSource[] {
  const requested = candidates.filter((visibility) => isRequested(scope, visibility));
  if (requested.length === 0) return [];
  const narrowed = requested.length < visibilities.length ? requested : undefined;
  return [{ hidden: scope.hidden, owner: undefined, visibilities: narrowed, kind: 'owned', project }];
}

const isRequested = ({ visibility }: ImageListScope, candidate: Visibility): boolean =>
  visibility === undefined || visibility === 'all' || visibility === candidate;

const isCommunityRequested = ({ visibility }: ImageListScope): boolean =>
  visibility === 'community' || visibility === 'all';

/** Returns whether an image's record still belongs to a source. It may have changed since the source was read. */
export function matchesSource(image: Image, source: ListSource): boolean {
  return (
    matchesKind(image, source) &&
    image.hidden === source.hidden &&
    (source.owner === undefined || image.owner === source.owner) &&
    (source.visibilities === undefined || source.visibilities.includes(image.visibility))
  );
}

function matchesKind(image: Image, source: ListSource): boolean {
  switch (source.kind) {
    case 'owned':
      return image.owner === source.project;
    case 'offered':
      return image.visibility === 'shared' && image.owner !== source.excludedOwner;
    case 'public-or-community':
    case 'catalog':
      return image.visibility === source.visibility;
  }
}

/** Returns whether a membership still belongs to a source. Its status may have changed since the source was read. */
export const hasStatusOfSource = ({ status }: Membership, source: ListSource): boolean =>
  source.kind === 'offered' && (source.status === 'all' || source.status === status);

/** A position in creation order: an image's creation time and id. */
export type ListPosition = Pick<Image, 'createdAt' | 'id'>;

/** An entry of one or more sources whose image record is not read yet. */
export interface ListCandidate {
  readonly position: ListPosition;
  readonly sources: readonly ListSource[];
}

/** Reads lists of images in two steps: the order from the list entries, then the records. */
export interface ImageListRepository {
  /**
   * Returns the next candidates of several sources, merged into one order, each image once.
   *
   * @param sources - at least one
   * @param order - `desc` is newest first
   * @param after - the position of the last candidate of the previous call
   * @param count - maximum number of candidates
   * @returns the candidates, and `next`, the position to continue after, unless the sources end. Fewer candidates
   *   than `count` with a `next` mean that the call has read the maximum number of entries of a source narrowed by
   *   `owner` or `visibilities`; `next` is then the last of these entries, which may not match
   */
  candidates(
    sources: readonly ListSource[],
    order: 'asc' | 'desc',
    after: ListPosition | undefined,
    count: number,
  ): Promise<{ readonly candidates: readonly ListCandidate[]; readonly next: ListPosition | undefined }>;

  /**
   * Reads the records of candidates, all in parallel.
   *
   * @returns the image of each candidate, `undefined` if it was deleted or no longer matches any of the sources, and
   *   the size in bytes of all records that were read
   */
  records(
    candidates: readonly ListCandidate[],
  ): Promise<{ readonly images: readonly (Image | undefined)[]; readonly bytes: number }>;

  /**
   * Counts the entries of a source in its index.
   *
   * @param max - number at which the count ends
   * @returns the number, at most `max`, and whether it is exact: the source has more entries otherwise, or may have,
   *   because the call has read the maximum number of entries
   */
  count(source: ListSource, max: number): Promise<{ readonly count: number; readonly isExact: boolean }>;
}
