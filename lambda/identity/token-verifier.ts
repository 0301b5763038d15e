import type { CallerIdentity } from '../domain/caller.ts';
import type { AccessRule } from './access-rules.ts';

/** Caller that a valid token identifies. */
export interface VerifiedToken extends CallerIdentity {
  /** The only requests that the token allows; `undefined` allows all requests. */
  readonly accessRules?: readonly AccessRule[] | undefined;
}

/** Turns a token into a verified token: the port of the identity providers. */
export interface TokenVerifier {
  /** The `WWW-Authenticate` header of a 401 response (RFC 9110, section 11.6.1). */
  readonly challenge: string;
  /**
   * Returns the verified token, or `undefined` if the token is not valid.
   *
   * @throws SharingError `identity-unavailable` if the identity provider cannot be reached
   */
  verify(token: string): Promise<VerifiedToken | undefined>;
}
