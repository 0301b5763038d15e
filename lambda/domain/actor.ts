import type { ProjectId } from './ids.ts';

/** Who made a change and through which way in: written with every change, told with every notification. */
export interface Actor {
  readonly projectId: ProjectId;
  readonly userId: string;
  readonly via: 'http' | 'command';
}
