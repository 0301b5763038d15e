import type { Actor } from './actor.ts';
import type { ProjectId } from './ids.ts';

/** The roles that mean something here, each implying the ones after it. */
export const roles = ['admin', 'manager', 'member', 'reader'] as const;
export type Role = (typeof roles)[number];

/** Who is asking: proved by a token, never by a header that claims it. */
export interface Caller {
  readonly projectId: ProjectId;
  readonly userId: string;
  /** The strongest role held, or `undefined` for a caller with none that means something here. */
  readonly role: Role | undefined;
  /** The channel of the request. */
  readonly via: Actor['via'];
}

/** Stands for the project of a caller that has none: no project id is empty, so nothing belongs to it. */
const noProject = '' as ProjectId;

/** A caller whose token has no project (scoped to a system or a domain, or unscoped). Its roles elsewhere do not count. */
export const callerWithoutProject = (userId: string): Omit<Caller, 'via'> => ({
  projectId: noProject,
  userId,
  role: undefined,
});

export const hasProject = (caller: Pick<Caller, 'projectId'>): boolean => caller.projectId !== noProject;

/** Returns the actor that is stored with a change by this caller. */
export const actorOf = ({ projectId, userId, via }: Caller): Actor => ({ projectId, userId, via });

/** The strongest of a token's roles; names that mean nothing here are passed over. */
export const strongestRole = (names: readonly string[]): Role | undefined => roles.find((role) => names.includes(role));

/** Whether the caller holds a role, itself or by implication (admin → manager → member → reader). */
export const hasRole = (caller: Caller, role: Role): boolean =>
  caller.role !== undefined && roles.indexOf(caller.role) <= roles.indexOf(role);

export const isAdmin = (caller: Caller): boolean => hasRole(caller, 'admin');
