import { strongestRole, type Caller } from '../../../lambda/domain/caller.ts';
import type { ProjectId } from '../../../lambda/domain/ids.ts';

/** Returns the caller of `<project>:<role>[,<role>]`; the user id contains the project. */
export function aCaller(as: string): Caller {
  const [project = '', roles = ''] = as.split(':');
  const role = strongestRole(roles.split(','));
  return { projectId: project as ProjectId, userId: `user-of-${project}`, role, via: 'http', requestId: 'req-test' };
}
