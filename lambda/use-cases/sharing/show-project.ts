import type { Caller, Role } from '../../domain/caller.ts';
import type { ProjectId } from '../../domain/ids.ts';
import type { ImageListRepository } from '../../domain/image-list.ts';
import { memberStatuses, type MemberStatus } from '../../domain/membership.ts';
import { offerSource } from '../../domain/offer-list.ts';
import { assertCallerMayList } from '../../domain/sharing-rules.ts';

/** A project as its token proves it, with the number of its offers of each status. */
export interface ProjectSummary {
  readonly projectId: ProjectId;
  readonly userId: string;
  /** The strongest role of the caller. */
  readonly role: Role | undefined;
  /** Number of offers of other projects that are not hidden, at most {@link maxCountedOffers}. */
  readonly offers: Readonly<Record<MemberStatus, number>>;
  /** The statuses with at least the counted number of offers, and possibly more. */
  readonly atLeast: readonly MemberStatus[];
}

export type ShowProject = (request: { readonly caller: Caller }) => Promise<ProjectSummary>;

/** Number of offers of one status up to which the count is exact. */
export const maxCountedOffers = 1000;

/** Returns the caller's project with the counts of its offers, read in one round trip. */
export const createShowProject = (lists: ImageListRepository): ShowProject =>
  async function showProject({ caller }) {
    assertCallerMayList(caller);
    const { projectId, userId, role } = caller;
    const counts = await Promise.all(
      memberStatuses.map(async (status) => ({
        status,
        ...(await lists.count(offerSource(projectId, { status, owner: undefined, hidden: false }), maxCountedOffers)),
      })),
    );
    return {
      projectId,
      userId,
      role,
      offers: Object.fromEntries(counts.map(({ status, count }) => [status, count])) as Record<MemberStatus, number>,
      atLeast: counts.filter(({ isExact }) => !isExact).map(({ status }) => status),
    };
  };
