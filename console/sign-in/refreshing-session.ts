import { Problem } from '../api/problem.ts';
import type { Session } from '../api/send-request.ts';

/** Tokens of a token response (RFC 6749, section 5.1). */
export interface IssuedTokens {
  readonly access_token: string;
  /** Lifetime of the access token in seconds. */
  readonly expires_in?: number | undefined;
  readonly refresh_token?: string | undefined;
}

/** Time before the end of an access token from which it is replaced. A request in progress must not outlive its token. */
const reserveMilliseconds = 30_000;

/**
 * Creates a session that replaces its access token before the token expires, if there is a refresh token. Concurrent
 * requests share one replacement, because an issuer may accept each refresh token only once.
 *
 * @param refresh - requests new tokens. @throws Problem
 * @param now - clock in milliseconds
 */
export function createRefreshingSession(
  issued: IssuedTokens,
  refresh: (refreshToken: string) => Promise<IssuedTokens>,
  now: () => number = Date.now,
): Session {
  let tokens = issued;
  let receivedAt = now();
  let pending: Promise<string> | undefined;

  const replace = async (refreshToken: string): Promise<string> => {
    const sentAt = now();
    // A response without a lifetime or a refresh token does not change them.
    tokens = { ...tokens, ...present(await refresh(refreshToken)) };
    receivedAt = sentAt;
    return tokens.access_token;
  };
  return {
    token: () => {
      const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds = Infinity } = tokens;
      const isFresh = now() < receivedAt + seconds * 1000 - reserveMilliseconds;
      if (isFresh || refreshToken === undefined) return Promise.resolve(accessToken);
      pending ??= replace(refreshToken)
        .catch((error: unknown) => {
          // The attempt can end after the token.
          const hasEnded = now() >= receivedAt + seconds * 1000;
          if (hasEnded || !(error instanceof Problem) || error.kind !== 'temporary') throw error;
          // The next request tries again.
          return accessToken;
        })
        .finally(() => {
          pending = undefined;
        });
      return pending;
    },
  };
}

/** Returns the tokens without the fields that are missing or null. */
const present = (tokens: IssuedTokens): IssuedTokens =>
  Object.fromEntries(Object.entries(tokens).filter(([, value]) => value != null)) as unknown as IssuedTokens;
