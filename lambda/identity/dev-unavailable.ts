import type { TokenVerifier } from './token-verifier.ts';

/**
 * Replaces the test identity of the local server in every deployable bundle.
 *
 * @throws Error always, so that the function does not start
 */
export function createDevVerifier(): TokenVerifier {
  throw new Error('IDENTITY is "dev", which is for the local server only.');
}
