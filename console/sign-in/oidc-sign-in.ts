import { Problem } from '../api/problem.ts';
import type { Session } from '../api/send-request.ts';
import { authorizationUrl, discover, exchangeCode, randomText, readCode, refreshTokens } from './oidc-client.ts';
import type { OidcIdentity } from './oidc-client.ts';
import { storePending, type PendingSignIn } from './pending-sign-in.ts';
import { createRefreshingSession } from './refreshing-session.ts';

/** Returns the address to which the issuer returns the browser. The issuer compares all its characters. */
const redirectUri = () => location.origin + location.pathname;

/**
 * Leaves the page for the issuer. The promise stays pending.
 *
 * @param isSilent - true if the issuer must not ask the user
 * @throws Problem if the issuer cannot be reached; then the browser stays on the page
 */
export async function leaveForIssuer(identity: OidcIdentity, isSilent: boolean): Promise<never> {
  const metadata = await discover(identity);
  const pending: PendingSignIn = {
    ...{ verifier: randomText(), state: randomText(), nonce: randomText() },
    ...{ fragment: location.hash, isSilent },
  };
  const url = await authorizationUrl(metadata, identity, pending, redirectUri());
  if (isSilent) url.searchParams.set('prompt', 'none');
  storePending(sessionStorage, pending);
  // The user can return with the browser's Back button, to a page that still waits.
  addEventListener('pageshow', () => location.reload(), { once: true });
  if (isSilent) location.replace(url);
  else location.assign(url);
  return new Promise<never>(() => undefined);
}

/**
 * Completes a sign-in with the response of the issuer.
 *
 * @param query - query of the address to which the issuer returned the browser
 * @throws Problem
 */
export async function completeSignIn(
  identity: OidcIdentity,
  query: URLSearchParams,
  pending: PendingSignIn,
): Promise<Session> {
  const metadata = await discover(identity);
  const code = readCode(metadata, identity, query, pending);
  const tokens = await exchangeCode(metadata, identity, code, pending, redirectUri());
  return createRefreshingSession(tokens, async (refreshToken) => {
    try {
      return await refreshTokens(metadata, identity, refreshToken);
    } catch (error) {
      if (!(error instanceof Problem) || error.kind === 'temporary') throw error;
      throw new Problem('signed-out', `Your sign-in has ended. ${error.message} Sign in again to continue.`);
    }
  });
}
