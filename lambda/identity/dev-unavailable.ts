import type { TokenVerifier } from './token-verifier.ts';

/**
 * What a deployable bundle has in place of the local server's test identity.
 *
 * @throws Error always: the function does not start
 */
export function createDevVerifier(): TokenVerifier {
  throw new Error('IDENTITY is "dev", which is for the local server only.');
}
