import type { ShowProject } from '../../../use-cases/sharing/show-project.ts';
import { ok } from '../../api-response.ts';
import { defineOperation } from '../../operation.ts';
import { knownParameters } from '../../requests/query-parameters.ts';
import { projectView } from '../../views/sharing/project-view.ts';

/** The operation on the caller's project. */
export const projectOperations = {
  showProject: defineOperation<ShowProject>({
    route: 'GET /sharing/v1/project',
    summary: 'Show the project of the token and the numbers of its offers',
    role: 'reader',
    body: 'none',
    success: [200, 'sharing-project-view'],
    faults: ['not-permitted'],
    handle:
      (showProject) =>
      async ({ query, caller }) => {
        knownParameters(query, []);
        return ok(projectView(await showProject({ caller })));
      },
  }),
} as const;
