import { devIdentity } from '#dev-identity';
import type { Caller } from '../domain/caller.ts';
import type { AccessRule } from './access-rules.ts';
import { jwtIdentity } from './jwt.ts';
import { keystoneIdentity, type ReadSecret } from './keystone.ts';
import type { Identity } from './settings.ts';

/** What a token proves. */
export interface Proof extends Caller {
  /** The only requests that the token may make; all of them where absent. */
  readonly accessRules?: readonly AccessRule[] | undefined;
}

/** Where the identity of a caller comes from. */
export interface IdentitySource {
  /** The `WWW-Authenticate` of an answer without it (RFC 9110, section 11.6.1). */
  readonly challenge: string;
  /**
   * Whom a token proves, or `undefined` where it proves nobody.
   *
   * @throws SharingError `identity-unavailable` if the identity provider cannot be reached
   */
  identify(token: string): Promise<Proof | undefined>;
}

/** Proves nobody: what a deployed stack has until it is given an identity. */
const nobody: IdentitySource = { challenge: 'Bearer', identify: () => Promise.resolve(undefined) };

/**
 * The source of identities that a function is configured to.
 *
 * @param readSecret - how the secret of a service account is read, where there is one
 */
export function identitySource({ identity }: { readonly identity: Identity }, readSecret: ReadSecret): IdentitySource {
  if (identity === 'none') return nobody;
  if (identity === 'dev') return devIdentity();
  return identity.kind === 'jwt' ? jwtIdentity(identity) : keystoneIdentity(identity, readSecret);
}
