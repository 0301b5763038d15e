import type { ProjectId } from './ids.ts';

/** The channels of changes: a request, a command, or the end of a membership at its `expires_at`. */
export const channels = ['http', 'command', 'expiry'] as const;

/** Project, user, channel and request of a change: stored with every change and published with its notification. */
export interface Actor {
  readonly projectId: ProjectId;
  readonly userId: string;
  readonly via: (typeof channels)[number];
  /** The request id, or the id of the command. Changes by expiry, and changes that were stored without it, have none. */
  readonly requestId?: string;
}

/** Returns the actor of the end of a membership at its `expires_at`: the project that shares the image, and no user. */
export const expiryActor = (owner: ProjectId): Actor => ({ projectId: owner, userId: 'expiry', via: 'expiry' });
