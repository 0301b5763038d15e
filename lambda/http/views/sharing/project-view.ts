import type { ProjectSummary } from '../../../use-cases/sharing/show-project.ts';

/** Returns the view of the caller's project. */
export const projectView = ({ projectId, userId, role, offers, atLeast }: ProjectSummary) => ({
  project_id: projectId,
  user_id: userId,
  role,
  offers,
  at_least: atLeast,
  schema: '/sharing/v1/schemas/project',
});
