import type { PageIdentity } from '../../lambda/console/page-settings.ts';
import type { Session } from '../api/send-request.ts';
import { completeSignIn, leaveForIssuer } from './oidc-sign-in.ts';
import { nextStep, takePending } from './pending-sign-in.ts';

/** Result of an attempt to sign in without the user. */
interface Resumed {
  readonly session?: Session;
  /** Sentence for the user about a failed sign-in. */
  readonly message?: string;
}

/**
 * Completes a sign-in that left the page. Otherwise, with an OpenID Connect issuer, leaves the page once, to sign in a user
 * who has a session at the issuer.
 */
export async function resumeSession(identity: PageIdentity): Promise<Resumed> {
  if (identity.kind !== 'oidc') return {};
  try {
    const pending = takePending(sessionStorage);
    const query = new URLSearchParams(location.search);
    const step = nextStep(query, pending);
    if (step === 'try-silently') return await leaveForIssuer(identity, true);
    // The address must not keep the code.
    history.replaceState(null, '', location.pathname + (pending?.fragment ?? location.hash));
    if (step === 'ask') return {};
    if (pending === undefined) return { message: 'This sign-in was completed already or began in another tab.' };
    return { session: await completeSignIn(identity, query, pending) };
  } catch (error) {
    return { message: (error as Error).message };
  }
}
