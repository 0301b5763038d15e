import type { PageIdentity } from '../../lambda/console/page-settings.ts';
import type { Session } from '../api/send-request.ts';

/** Result of an attempt to sign in without the user. */
interface Resumed {
  readonly session?: Session;
  /** Sentence for the user about a failed sign-in. */
  readonly message?: string;
}

/** Completes a sign-in that left the page, if there is one. */
export function resumeSession(_identity: PageIdentity): Promise<Resumed> {
  return Promise.resolve({});
}
