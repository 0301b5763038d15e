import type { MiddlewareObj } from '@middy/core';
import type { Caller } from '../domain/caller.ts';
import { SharingError } from '../domain/errors.ts';
import type { IdentitySource } from './identity-source.ts';

type Headers = Readonly<Record<string, string | undefined>>;

const refused = (message: string): SharingError => new SharingError('not-authenticated', message);

/**
 * Lets only an identified caller pass, and adds it to the event. Of all headers only
 * `X-Auth-Token` and `Authorization: Bearer` are read, never one that claims an identity.
 */
export const authenticate = (
  source: IdentitySource,
): MiddlewareObj<{ readonly headers: Headers; caller?: Caller }> => ({
  before: async ({ event }) => {
    const { headers } = event;
    const bearer = /^Bearer +(\S+) *$/i.exec(headers['authorization'] ?? '')?.[1];
    const token = headers['x-auth-token'] ?? bearer;
    if (token === undefined || token === '')
      throw refused('A token is needed, in X-Auth-Token or as Authorization: Bearer.');
    if (bearer !== undefined && bearer !== token)
      throw refused('X-Auth-Token and Authorization carry different tokens.');
    const caller = await source.identify(token);
    if (caller === undefined) throw refused('The token is not valid here, or no longer.');
    event.caller = caller;
  },
});
