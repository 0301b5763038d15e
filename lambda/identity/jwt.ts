import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { callerWithoutProject, strongestRole } from '../domain/caller.ts';
import type { Clock } from '../domain/clock.ts';
import { identityUnavailable } from '../domain/errors.ts';
import { parseProjectId } from '../domain/ids.ts';
import type { IdentitySource, Proof } from './identity-source.ts';
import type { JwtSettings } from './settings.ts';

/** How far the issuer's clock may be from ours. */
const leewaySeconds = 5;
/** How long the issuer may take to hand out its keys. */
const timeoutMilliseconds = 3000;
/** How long keys are believed without asking again. */
const keySetMilliseconds = 600_000;
/** How often at most a token with an unknown key makes us look for new ones. */
const cooldownMilliseconds = 30_000;

/**
 * Believes the JSON Web Tokens of one issuer: verified here against its key set, which is fetched seldom (RFC 7519; RFC
 * 8725 for what is refused).
 */
export function jwtIdentity(settings: JwtSettings, clock: Clock = () => new Date()): IdentitySource {
  const { issuer, audience, audienceClaim, algorithms } = settings;
  const keyOf = keysOf(settings);
  return {
    challenge: 'Bearer',
    identify: async (token) => {
      try {
        const { payload } = await jwtVerify(token, keyOf, {
          issuer,
          algorithms: [...algorithms],
          ...(audienceClaim === 'aud' && { audience }),
          requiredClaims: ['exp', audienceClaim],
          clockTolerance: leewaySeconds,
          currentDate: clock(),
        });
        if (audienceClaim !== 'aud' && payload[audienceClaim] !== audience) return undefined;
        return proofOf(payload, settings);
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

/** Finds the key of a token in the issuer's key set. That the set cannot be had says nothing of the token. */
function keysOf(settings: JwtSettings): JWTVerifyGetKey {
  let keySet: JWTVerifyGetKey | undefined;
  return async (header, token) => {
    try {
      keySet ??= createRemoteJWKSet(new URL(settings.keySetUrl ?? (await discoverKeySet(settings.issuer))), {
        timeoutDuration: timeoutMilliseconds,
        cacheMaxAge: keySetMilliseconds,
        cooldownDuration: cooldownMilliseconds,
      });
      return await keySet(header, token);
    } catch (error) {
      throw faultsOfTokens.some((fault) => error instanceof fault) ? error : identityUnavailable(error);
    }
  };
}

/** What a key set says of a token, as opposed to what is wrong with the key set. */
const faultsOfTokens = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/** The address of an issuer's keys (OpenID Connect Discovery 1.0, section 4). */
async function discoverKeySet(issuer: string): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(timeoutMilliseconds) });
  if (!response.ok) throw new Error(`${address} answered ${response.status}.`);
  const { issuer: ownName, jwks_uri: keySet } = (await response.json()) as Readonly<Record<string, unknown>>;
  if (ownName !== issuer) throw new Error(`${address} is about the issuer ${JSON.stringify(ownName)}.`);
  if (typeof keySet !== 'string') throw new Error(`${address} names no key set.`);
  return keySet;
}

function proofOf(claims: JWTPayload, { projectClaim, userClaim, rolesClaim, roleMap }: JwtSettings): Proof | undefined {
  const userId = claimOf(claims, userClaim);
  if (typeof userId !== 'string' || userId === '') return undefined;
  const project = claimOf(claims, projectClaim);
  if (project === undefined || project === null) return callerWithoutProject(userId);
  const projectId = typeof project === 'string' ? parseProjectId(project) : undefined;
  if (projectId === undefined) return undefined;
  const names = wordsOf(claimOf(claims, rolesClaim));
  return { projectId, userId, role: strongestRole(roleMap ? names.map((name) => roleMap[name] ?? '') : names) };
}

/** A claim by its name, or else by its path: `realm_access.roles` is also `roles` within `realm_access`. */
function claimOf(claims: unknown, name: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined;
  if (Object.hasOwn(claims, name)) return (claims as Readonly<Record<string, unknown>>)[name];
  const [first = '', ...rest] = name.split('.');
  if (rest.length === 0 || !Object.hasOwn(claims, first)) return undefined;
  return claimOf((claims as Readonly<Record<string, unknown>>)[first], rest.join('.'));
}

/** The words of a claim that is a list of them, or one text with spaces or commas between. */
function wordsOf(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(/[ ,]+/);
  return Array.isArray(claim) ? claim.filter((word) => typeof word === 'string') : [];
}
