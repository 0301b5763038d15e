import { devIdentity } from '#dev-identity';
import type { Config } from '../config.ts';
import type { Caller } from '../domain/caller.ts';

/** Where the identity of a caller comes from. */
export interface IdentitySource {
  /** The `WWW-Authenticate` of an answer without it (RFC 9110, section 11.6.1). */
  readonly challenge: string;
  /** Whom a token proves, or `undefined` where it proves nobody. */
  identify(token: string): Promise<Caller | undefined>;
}

/** Proves nobody: what a deployed stack has until it is given an identity. */
const nobody: IdentitySource = { challenge: 'Bearer', identify: () => Promise.resolve(undefined) };

/** The source of identities that a function is configured to. */
export const identitySource = ({ identity }: Pick<Config, 'identity'>): IdentitySource =>
  identity === 'dev' ? devIdentity() : nobody;
