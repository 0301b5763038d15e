import { createDevVerifier } from '#dev-identity';
import { createJwtVerifier } from './jwt.ts';
import { createKeystoneVerifier, type ReadSecret } from './keystone.ts';
import type { IdentitySettings } from './settings.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** Refuses every token: the verifier of a deployed stack without an identity provider. */
const denyAllVerifier: TokenVerifier = { challenge: 'Bearer', verify: () => Promise.resolve(undefined) };

/**
 * Creates the token verifier that a function's settings select.
 *
 * @param readSecret - reads the secret of the service account, if the settings name one
 */
export function createTokenVerifier(
  { identity }: { readonly identity: IdentitySettings },
  readSecret: ReadSecret,
): TokenVerifier {
  if (identity === 'none') return denyAllVerifier;
  if (identity === 'dev') return createDevVerifier();
  return identity.kind === 'jwt' ? createJwtVerifier(identity) : createKeystoneVerifier(identity, readSecret);
}
