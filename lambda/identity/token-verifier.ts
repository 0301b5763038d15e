import { createDevVerifier } from '#dev-identity';
import type { Caller } from '../domain/caller.ts';
import type { AccessRule } from './access-rules.ts';
import { createJwtVerifier } from './jwt.ts';
import { createKeystoneVerifier, type ReadSecret } from './keystone.ts';
import type { IdentitySettings } from './settings.ts';

/** What a token proves. */
export interface VerifiedToken extends Omit<Caller, 'via'> {
  /** The only requests that the token may make; all of them where absent. */
  readonly accessRules?: readonly AccessRule[] | undefined;
}

/** Where the identity of a caller comes from. */
export interface TokenVerifier {
  /** The `WWW-Authenticate` of an answer without it (RFC 9110, section 11.6.1). */
  readonly challenge: string;
  /**
   * Whom a token proves, or `undefined` where it proves nobody.
   *
   * @throws SharingError `identity-unavailable` if the identity provider cannot be reached
   */
  verify(token: string): Promise<VerifiedToken | undefined>;
}

/** Proves nobody: what a deployed stack has until it is given an identity. */
const denyAllVerifier: TokenVerifier = { challenge: 'Bearer', verify: () => Promise.resolve(undefined) };

/**
 * The source of identities that a function is configured to.
 *
 * @param readSecret - how the secret of a service account is read, where there is one
 */
export function createTokenVerifier(
  { identity }: { readonly identity: IdentitySettings },
  readSecret: ReadSecret,
): TokenVerifier {
  if (identity === 'none') return denyAllVerifier;
  if (identity === 'dev') return createDevVerifier();
  return identity.kind === 'jwt' ? createJwtVerifier(identity) : createKeystoneVerifier(identity, readSecret);
}
