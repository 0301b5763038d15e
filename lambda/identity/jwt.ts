import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { callerWithoutProject, strongestRole } from '../domain/caller.ts';
import type { Clock } from '../domain/clock.ts';
import { parseProjectId, parseUserId } from '../domain/ids.ts';
import type { TokenVerifier, VerifiedToken } from './token-verifier.ts';
import { issuerKeys } from './issuer-keys.ts';
import type { JwtSettings } from './settings.ts';

/** Maximum difference between the issuer's clock and the service's. */
const leewaySeconds = 5;

/**
 * Creates a verifier of the JSON Web Tokens of one issuer (RFC 7519; RFC 8725). It verifies signatures itself, with the
 * issuer's key set, so that most requests cause no call.
 */
export function createJwtVerifier(settings: JwtSettings, clock: Clock = () => new Date()): TokenVerifier {
  const { issuer, audience, audienceClaim, algorithms } = settings;
  const keyOf = issuerKeys(settings, clock);
  return {
    challenge: 'Bearer',
    verify: async (token) => {
      if (!canBeValid(token, settings, clock())) return undefined;
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
 * Returns false if the header or the claims of a token already show that it is invalid, so that it causes no call for
 * the issuer's keys. The signature is not verified here.
 */
function canBeValid(token: string, { issuer, algorithms }: JwtSettings, now: Date): boolean {
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

/** Returns a claim by its name or path: `realm_access.roles` can be `roles` within `realm_access`. */
function claimOf(claims: unknown, name: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined;
  if (Object.hasOwn(claims, name)) return (claims as Readonly<Record<string, unknown>>)[name];
  const [first = '', ...remaining] = name.split('.');
  if (remaining.length === 0 || !Object.hasOwn(claims, first)) return undefined;
  return claimOf((claims as Readonly<Record<string, unknown>>)[first], remaining.join('.'));
}

/** Returns the role of an issuer's role name if no role map is set. The issuer's admins are not ours. */
const unmappedRole = (name: string): string | undefined => (name === 'admin' ? undefined : name);

/** Claims that contain a list of words separated by single spaces (RFC 6749, section 3.3). */
const scopeClaims: readonly string[] = ['scope', 'scp'];

/** Returns the role names of a claim: a list, the words of a scope, or any other text as one name. */
function roleNames(claim: unknown, claimName: string): readonly string[] {
  if (typeof claim === 'string') return scopeClaims.includes(claimName) ? claim.split(' ') : [claim];
  return Array.isArray(claim) ? claim.filter((name) => typeof name === 'string') : [];
}

/** Values of the header `typ` that an access token can have (RFC 7519, section 5.1; RFC 9068, section 2.1). */
const accessTokenTypes = /^(jwt|(application\/)?at\+jwt)$/i;

/**
 * Returns false if the header `typ`, the claim `token_use` (Cognito) or the claim `typ` (Keycloak) shows that a token
 * is not an access token. An ID token authorizes nothing.
 */
const isAccessToken = ({ typ }: JWTHeaderParameters, claims: JWTPayload): boolean =>
  (typ === undefined || accessTokenTypes.test(typ)) &&
  (claims['token_use'] === undefined || claims['token_use'] === 'access') &&
  (claims['typ'] === undefined || claims['typ'] === 'Bearer');
