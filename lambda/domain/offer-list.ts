import type { ProjectId } from './ids.ts';
import type { ListSource } from './image-list.ts';
import type { MemberStatus } from './membership.ts';

/** Returns the source of the offers of other projects to a project. */
export const offerSource = (
  project: ProjectId,
  {
    status,
    owner,
    hidden,
  }: { readonly status: MemberStatus | 'all'; readonly owner: ProjectId | undefined; readonly hidden: boolean },
): ListSource => ({ kind: 'offered', project, status, hidden, owner, visibilities: undefined, excludedOwner: project });
