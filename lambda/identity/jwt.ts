import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { callerWithoutProject, strongestRole } from '../domain/caller.ts';
import type { Clock } from '../domain/clock.ts';
import { parseProjectId, parseUserId } from '../domain/ids.ts';
import type { TokenVerifier, VerifiedToken } from './token-verifier.ts';
import { issuerKeys } from './issuer-keys.ts';
import type { JwtSettings } from './settings.ts';

/** How far the issuer's clock may be from ours. */
const leewaySeconds = 5;

/**
 * Believes the JSON Web Tokens of one issuer: verified here against its key set, which is fetched seldom (RFC 7519; RFC
 * 8725 for what is refused).
 */
export function createJwtVerifier(settings: JwtSettings, clock: Clock = () => new Date()): TokenVerifier {
  const { issuer, audience, audienceClaim, algorithms } = settings;
  const keyOf = issuerKeys(settings, clock);
  return {
    challenge: 'Bearer',
    verify: async (token) => {
      if (!mayBeValid(token, settings, clock())) return undefined;
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
        return toVerifiedToken(payload, settings);
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

/**
 * Whether a token could be a valid one of the issuer, by what it says itself. Others cost no call for the issuer's keys.
 * The signature is still to be verified, over the same header and claims.
 */
function mayBeValid(token: string, { issuer, algorithms }: JwtSettings, now: Date): boolean {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false;
  let header: JWTHeaderParameters;
  let claims: JWTPayload;
  try {
    header = decodeProtectedHeader(token) as JWTHeaderParameters;
    claims = decodeJwt(token);
  } catch {
    return false;
  }
  return (
    algorithms.includes(header.alg) &&
    claims.iss === issuer &&
    typeof claims.exp === 'number' &&
    claims.exp > now.getTime() / 1000 - leewaySeconds &&
    isAccessToken(header, claims)
  );
}

function toVerifiedToken(
  claims: JWTPayload,
  { projectClaim, userClaim, rolesClaim, roleMap }: JwtSettings,
): VerifiedToken | undefined {
  const user = claimOf(claims, userClaim);
  const userId = typeof user === 'string' ? parseUserId(user) : undefined;
  if (userId === undefined) return undefined;
  const project = claimOf(claims, projectClaim);
  if (project === undefined || project === null) return callerWithoutProject(userId);
  const projectId = typeof project === 'string' ? parseProjectId(project) : undefined;
  if (projectId === undefined) return undefined;
  const names = roleNames(claimOf(claims, rolesClaim), rolesClaim);
  const roles = names.map((name) => (roleMap ? roleMap[name] : unmappedRole(name)) ?? '');
  return { projectId, userId, role: strongestRole(roles) };
}

/** A claim by its name, or else by its path: `realm_access.roles` is also `roles` within `realm_access`. */
function claimOf(claims: unknown, name: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined;
  if (Object.hasOwn(claims, name)) return (claims as Readonly<Record<string, unknown>>)[name];
  const [first = '', ...rest] = name.split('.');
  if (rest.length === 0 || !Object.hasOwn(claims, first)) return undefined;
  return claimOf((claims as Readonly<Record<string, unknown>>)[first], rest.join('.'));
}

/** Without a role map the issuer's names are ours, except admin: an issuer's own admins are not automatically ours. */
const unmappedRole = (name: string): string | undefined => (name === 'admin' ? undefined : name);

/** The claims whose text is a list of words, with single spaces between (RFC 6749, section 3.3). */
const scopeClaims: readonly string[] = ['scope', 'scp'];

/** The names in a claim: a list, the words of a scope, or any other text as a whole. */
function roleNames(claim: unknown, claimName: string): readonly string[] {
  if (typeof claim === 'string') return scopeClaims.includes(claimName) ? claim.split(' ') : [claim];
  return Array.isArray(claim) ? claim.filter((name) => typeof name === 'string') : [];
}

/** The header `typ` of tokens that may be access tokens (RFC 7519, section 5.1; RFC 9068, section 2.1). */
const accessTokenTypes = /^(jwt|(application\/)?at\+jwt)$/i;

/**
 * Whether a token is an access token, as far as its issuer says so: by the header `typ`, by `token_use` (Cognito) or by
 * the claim `typ` (Keycloak). An ID token tells a client who has logged in; it authorizes nothing.
 */
const isAccessToken = ({ typ }: JWTHeaderParameters, claims: JWTPayload): boolean =>
  (typ === undefined || accessTokenTypes.test(typ)) &&
  (claims['token_use'] === undefined || claims['token_use'] === 'access') &&
  (claims['typ'] === undefined || claims['typ'] === 'Bearer');
