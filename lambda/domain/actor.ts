import type { ProjectId } from './ids.ts';

/** Project, user, channel and request of a change: stored with every change and published with its notification. */
export interface Actor {
  readonly projectId: ProjectId;
  readonly userId: string;
  readonly via: 'http' | 'command';
  /** The request id, or the id of the command. Changes that were stored without it have none. */
  readonly requestId?: string;
}
