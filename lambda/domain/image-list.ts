import { isAdmin, type Caller } from './caller.ts';
import type { ProjectId } from './ids.ts';
import { isPublicOrCommunity, visibilities, type Image, type Visibility } from './image.ts';
import type { MemberStatus } from './membership.ts';

/** What a list of images is asked for, before any filter on the records themselves. */
export interface ImageListScope {
  readonly caller: Caller;
  /** `undefined` is the default: everything but other projects' community images. */
  readonly visibility: Visibility | 'all' | undefined;
  readonly memberStatus: MemberStatus | 'all';
  readonly owner: ProjectId | undefined;
  readonly hidden: boolean;
}

/**
 * A run of images in creation order: those a project owns, those offered to it with one status or with any, everyone's
 * of one visibility, or every project's of one visibility. `owner` and `visibilities` narrow it where they are given.
 */
export type ListSource = {
  readonly hidden: boolean;
  readonly owner: ProjectId | undefined;
  readonly visibilities: readonly Visibility[] | undefined;
} & (
  | { readonly kind: 'owned'; readonly project: ProjectId }
  | { readonly kind: 'offered'; readonly project: ProjectId; readonly status: MemberStatus | 'all' }
  | { readonly kind: 'everyone' | 'catalog'; readonly visibility: Visibility }
);

/**
 * The runs that make up a list (Image API v2, "List images", and the table of `member_status` and `visibility` there):
 * a project's own images whatever their visibility, those offered to it with the status asked for, everyone's; for an
 * admin every project's, whatever their members answered. Others' community images only where they are asked for.
 */
export function imageSources({
  caller,
  visibility,
  memberStatus,
  owner,
  hidden,
}: ImageListScope): readonly ListSource[] {
  const { projectId } = caller;
  const asked = (candidates: readonly Visibility[]): readonly Visibility[] =>
    candidates.filter((candidate) => visibility === undefined || visibility === 'all' || visibility === candidate);
  const wantsCommunity = visibility === 'community' || visibility === 'all';
  const run = { hidden, owner: undefined, visibilities: undefined };

  const own = (project: ProjectId, among: readonly Visibility[]): ListSource[] => {
    const wanted = asked(among);
    const narrowed = wanted.length < visibilities.length ? wanted : undefined;
    return wanted.length === 0 ? [] : [{ ...run, kind: 'owned', project, visibilities: narrowed }];
  };

  if (isAdmin(caller)) {
    if (owner !== undefined) {
      const others = visibilities.filter(
        (candidate) => owner === projectId || wantsCommunity || candidate !== 'community',
      );
      return own(owner, others);
    }
    const everyProjects = asked(visibilities).filter((candidate) => candidate !== 'community' || wantsCommunity);
    return [
      ...everyProjects.map((each): ListSource => ({ ...run, kind: 'catalog', visibility: each })),
      ...(wantsCommunity ? [] : own(projectId, ['community'])),
    ];
  }

  const offered = asked(['shared']).map((): ListSource => ({
    ...run,
    owner,
    kind: 'offered',
    project: projectId,
    status: memberStatus,
  }));
  const everyone = asked(visibilities)
    .filter((candidate) => isPublicOrCommunity(candidate) && (candidate !== 'community' || wantsCommunity))
    .map((each): ListSource => ({ ...run, owner, kind: 'everyone', visibility: each }));
  // Own images for everyone are among everyone's too, so that where only those are asked for this run adds nothing.
  const ownAsked =
    visibility !== undefined && visibility !== 'all' && isPublicOrCommunity(visibility)
      ? []
      : own(projectId, visibilities);
  return [...(owner === undefined || owner === projectId ? ownAsked : []), ...offered, ...everyone];
}

/** Whether an image's record, read after the run was, still belongs into it: a list shows nothing that has just ended. */
export function matchesSource(image: Image, source: ListSource): boolean {
  const holds = {
    owned: () => source.kind === 'owned' && image.owner === source.project,
    offered: () => image.visibility === 'shared',
    everyone: () => source.kind === 'everyone' && image.visibility === source.visibility,
    catalog: () => source.kind === 'catalog' && image.visibility === source.visibility,
  }[source.kind];
  return (
    holds() &&
    image.hidden === source.hidden &&
    (source.owner === undefined || image.owner === source.owner) &&
    (source.visibilities === undefined || source.visibilities.includes(image.visibility))
  );
}

/** A place in the order of creation: an image's creation time and id. */
export type ListPosition = Pick<Image, 'createdAt' | 'id'>;

/** The position of an image that a list may show, with the sources that it was found in. Its record is not read yet. */
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
   * @param after - the position of the last candidate that was examined before
   * @param count - maximum number of candidates
   * @returns the candidates, and `next`, the position to continue after, unless the sources end here. Fewer candidates
   *   than `count` with a `next` mean that a source narrowed by `owner` or `visibilities` has used up the entries that
   *   may be read for one call; `next` then is an entry that the sources contain but for that narrowing
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
   * @returns for each candidate its image, `undefined` if that was deleted or has left all of the sources, and the size
   *   in bytes of all records that were read
   */
  records(
    candidates: readonly ListCandidate[],
  ): Promise<{ readonly images: readonly (Image | undefined)[]; readonly bytes: number }>;
}
