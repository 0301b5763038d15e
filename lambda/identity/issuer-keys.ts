import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../domain/clock.ts';
import { identityUnavailable } from '../domain/errors.ts';
import { jsonClient, type SendJson } from './json-client.ts';
import { ProviderCalls, sendWithRetry, shared } from './provider-calls.ts';
import { isHttpsOrLoopback, type JwtSettings } from './settings.ts';

/** Time for which a key set is used. */
const keySetMilliseconds = 600_000;
/** Minimum age of a key set before a token with an unknown key makes us fetch it again. */
const cooldownMilliseconds = 30_000;

interface KeySet {
  readonly keyOf: JWTVerifyGetKey;
  /** Milliseconds since the epoch. */
  readonly loadedAt: number;
}

/** What a key set says about a token, as opposed to a key set that cannot be used. */
const tokenErrors = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/**
 * Finds the key of a token in the issuer's key set, which is fetched when it is first needed, again after ten minutes, and
 * for a token with an unknown key at most every 30 s.
 *
 * @returns a function that throws a JOSEError about the token, or a SharingError `identity-unavailable`
 */
export function issuerKeys(settings: JwtSettings, clock: Clock): JWTVerifyGetKey {
  const send = jsonClient(undefined);
  const discoveries = new ProviderCalls(settings.timeoutSeconds, clock);
  const fetches = new ProviderCalls(settings.timeoutSeconds, clock);
  let url = settings.keySetUrl;
  let current: KeySet | undefined;

  const load = shared(async (): Promise<KeySet> => {
    const keySetUrl = (url ??= await discoveries.run((signal) => discoverKeySet(send, settings, signal)));
    const keyOf = await fetches.run(async (signal) => {
      const keySet = await getJson(send, keySetUrl, signal);
      return createLocalJWKSet(keySet as JSONWebKeySet);
    });
    return (current = { keyOf, loadedAt: clock().getTime() });
  });

  return async (header, token) => {
    const find = async ({ keyOf }: KeySet) => {
      try {
        return await keyOf(header, token);
      } catch (error) {
        throw tokenErrors.some((each) => error instanceof each) ? error : identityUnavailable(error);
      }
    };
    const now = clock().getTime();
    const known = current !== undefined && now - current.loadedAt < keySetMilliseconds ? current : await load();
    try {
      return await find(known);
    } catch (error) {
      const mayBeNew = error instanceof errors.JWKSNoMatchingKey && now - known.loadedAt >= cooldownMilliseconds;
      if (!mayBeNew) throw error;
    }
    return find(await load());
  };
}

/** The address of an issuer's keys (OpenID Connect Discovery 1.0, section 4). */
async function discoverKeySet(
  send: SendJson,
  { issuer, allowsHttp }: JwtSettings,
  signal: AbortSignal,
): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: ownName, jwks_uri: keySetUrl } = (await getJson(send, url, signal)) as Readonly<
    Record<string, unknown>
  >;
  if (ownName !== issuer) throw new Error(`${url} is about the issuer ${JSON.stringify(ownName)}.`);
  if (typeof keySetUrl !== 'string') throw new Error(`${url} has no "jwks_uri".`);
  if (!(allowsHttp ? isHttpsOrLoopback(keySetUrl) : keySetUrl.startsWith('https:'))) {
    throw new Error(`The "jwks_uri" of the issuer must use https; got ${JSON.stringify(keySetUrl)}.`);
  }
  return keySetUrl;
}

/** The object in a 200 response. */
async function getJson(send: SendJson, url: string, signal: AbortSignal): Promise<object> {
  const { status, body } = await sendWithRetry(send, { method: 'GET', url, headers: {} }, signal);
  if (status !== 200 || typeof body !== 'object' || body === null) {
    throw new Error(`${url} responded ${status}, and must respond 200 with a JSON object.`);
  }
  return body;
}
