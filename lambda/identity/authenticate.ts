import type { MiddlewareObj } from '@middy/core';
import type { Caller } from '../domain/caller.ts';
import { SharingError } from '../domain/errors.ts';
import { allowsRequest } from './access-rules.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** What is looked at of an event. */
interface TokenEvent {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly requestContext: { readonly http: { readonly method: string }; readonly stage: string };
  readonly rawPath: string;
  caller?: Omit<Caller, 'via'>;
}

/** The longest token that is looked at, in characters: a gateway takes 10,240 bytes of headers in all. */
const maxTokenLength = 8192;

const refused = (message: string): SharingError => new SharingError('not-authenticated', message);

/**
 * Lets only an identified caller pass, and adds it to the event. Of all headers only
 * `X-Auth-Token` and `Authorization: Bearer` are read, never one that claims an identity.
 *
 * @param pathnameOf - the path that was asked for, as the access rules of an application credential name it
 */
export const authenticate = (
  source: TokenVerifier,
  pathnameOf: (event: TokenEvent) => string,
): MiddlewareObj<TokenEvent> => ({
  before: async ({ event }) => {
    const verifiedToken = await source.verify(readTokenHeader(event.headers));
    if (verifiedToken === undefined) throw refused('The token is not valid here, or no longer.');
    const { accessRules, ...caller } = verifiedToken;
    const { method } = event.requestContext.http;
    if (accessRules !== undefined && !allowsRequest(accessRules, method, pathnameOf(event))) {
      throw refused("The application credential's access rules do not allow this request.");
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
    throw refused('A token is needed, in X-Auth-Token or as Authorization: Bearer.');
  }
  if (bearer !== undefined && bearer !== token) {
    throw refused('X-Auth-Token and Authorization carry different tokens.');
  }
  if (token.length > maxTokenLength) throw refused(`A token has at most ${maxTokenLength} characters.`);
  return token;
}
