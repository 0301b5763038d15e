import type { MiddlewareObj } from '@middy/core';
import type { CallerIdentity } from '../domain/caller.ts';
import { SharingError } from '../domain/errors.ts';
import { allowsRequest } from './access-rules.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** The fields of an event that the middleware reads, and the caller that it sets. */
interface TokenEvent {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly requestContext: { readonly http: { readonly method: string }; readonly stage: string };
  readonly rawPath: string;
  caller?: CallerIdentity;
}

/** Maximum length of a token in characters. API Gateway limits all headers together to 10,240 bytes. */
const maxTokenLength = 8192;

const notAuthenticated = (message: string): SharingError => new SharingError('not-authenticated', message);

/**
 * Verifies the caller's token and adds the caller to the event. Reads the token from `X-Auth-Token` or `Authorization:
 * Bearer`; no other header can identify a caller.
 *
 * @param pathnameOf - returns the request's path as access rules name it
 * @throws SharingError `not-authenticated` if the token is missing, invalid or does not allow the request
 */
export const authenticate = (
  verifier: TokenVerifier,
  pathnameOf: (event: TokenEvent) => string,
): MiddlewareObj<TokenEvent> => ({
  before: async ({ event }) => {
    const verifiedToken = await verifier.verify(readTokenHeader(event.headers));
    if (verifiedToken === undefined) throw notAuthenticated('The token is invalid or has expired.');
    const { accessRules, ...caller } = verifiedToken;
    const { method } = event.requestContext.http;
    if (accessRules !== undefined && !allowsRequest(accessRules, method, pathnameOf(event))) {
      throw notAuthenticated("The application credential's access rules do not allow this request.");
    }
    event.caller = caller;
  },
});

function readTokenHeader(headers: TokenEvent['headers']): string {
  const authorization = headers['authorization'] ?? '';
  const isBearer = /^Bearer\b/i.test(authorization);
  const bearer = isBearer ? (/^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '') : undefined;
  const token = headers['x-auth-token'] ?? bearer;
  if (token === undefined || token === '') {
    throw notAuthenticated('A token is required in "X-Auth-Token" or "Authorization: Bearer".');
  }
  if (bearer !== undefined && bearer !== token) {
    throw notAuthenticated('"X-Auth-Token" and "Authorization" must contain the same token.');
  }
  if (token.length > maxTokenLength) throw notAuthenticated(`A token must have at most ${maxTokenLength} characters.`);
  return token;
}
