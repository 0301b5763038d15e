import type { Actor } from './actor.ts';
import type { ProjectId } from './ids.ts';

/** The roles that grant permissions. Each role implies the roles after it. */
export const roles = ['admin', 'manager', 'member', 'reader'] as const;
export type Role = (typeof roles)[number];

/** Project, user and role of one request, from a verified token and never from a header. */
export interface Caller {
  readonly projectId: ProjectId;
  readonly userId: string;
  /** The strongest of the caller's roles, or `undefined` if none of them grants a permission. */
  readonly role: Role | undefined;
  /** The channel of the request. */
  readonly via: Exclude<Actor['via'], 'expiry'>;
  /** The request id, or the id of the command. */
  readonly requestId: string;
}

/** The part of a caller that its token proves. */
export type CallerIdentity = Omit<Caller, 'via' | 'requestId'>;

/** Project id of a caller without a project. No project id is empty, so this caller owns nothing. */
const noProject = '' as ProjectId;

/**
 * Returns the caller of a token without a project: system-scoped, domain-scoped or unscoped. It has no role, because
 * roles outside a project grant no permissions.
 */
export const callerWithoutProject = (userId: string): CallerIdentity => ({
  projectId: noProject,
  userId,
  role: undefined,
});

/** Returns whether the caller's token has a project. */
export const hasProject = (caller: Pick<Caller, 'projectId'>): boolean => caller.projectId !== noProject;

/** Returns the actor of a change by this caller. */
export const actorOf = ({ projectId, userId, via, requestId }: Caller): Actor => ({
  projectId,
  userId,
  via,
  requestId,
});

/** Returns the strongest of a token's roles and ignores unknown role names. */
export const strongestRole = (roleNames: readonly string[]): Role | undefined =>
  roles.find((role) => roleNames.includes(role));

/** Returns whether the caller has a role or a role that implies it (admin → manager → member → reader). */
export const hasRole = (caller: Caller, role: Role): boolean =>
  caller.role !== undefined && roles.indexOf(caller.role) <= roles.indexOf(role);

/** Returns whether the caller has the role admin. */
export const isAdmin = (caller: Caller): boolean => hasRole(caller, 'admin');
