import type { ProjectId } from './ids.ts';

/** Project, user and channel of a change: stored with every change and published with every notification. */
export interface Actor {
  readonly projectId: ProjectId;
  readonly userId: string;
  readonly via: 'http' | 'command';
}
