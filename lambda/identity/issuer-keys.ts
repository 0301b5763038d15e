import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../domain/clock.ts';
import { identityUnavailable } from '../domain/errors.ts';
import { jsonClient, type SendJson } from './json-client.ts';
import { ProviderCalls, sendWithRetry, shared } from './provider-calls.ts';
import { isHttpsOrLoopback, type JwtSettings } from './settings.ts';

/** Time for which a key set is used. */
const keySetMilliseconds = 600_000;
/** Minimum age of a key set before a token with an unknown key causes another fetch. */
const cooldownMilliseconds = 30_000;

interface KeySet {
  readonly keyOf: JWTVerifyGetKey;
  /** Milliseconds since the epoch. */
  readonly loadedAt: number;
}

/** Errors that concern the token and not the key set. */
const tokenErrors = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/**
 * Returns a function that finds the key of a token in the issuer's key set. It fetches the key set at first use, again
 * after ten minutes, and for a token with an unknown key at most every 30 s. It throws a JOSEError about the token, or
 * a SharingError `identity-unavailable`.
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
      const keys = await getJson(send, keySetUrl, signal);
      return createLocalJWKSet(keys as JSONWebKeySet);
    });
    return (current = { keyOf, loadedAt: clock().getTime() });
  });

  return async (header, token) => {
    const find = async ({ keyOf }: KeySet) => {
      try {
        return await keyOf(header, token);
      } catch (error) {
        throw tokenErrors.some((tokenError) => error instanceof tokenError) ? error : identityUnavailable(error);
      }
    };
    const now = clock().getTime();
    const keySet = current !== undefined && now - current.loadedAt < keySetMilliseconds ? current : await load();
    try {
      return await find(keySet);
    } catch (error) {
      const mayBeNew = error instanceof errors.JWKSNoMatchingKey && now - keySet.loadedAt >= cooldownMilliseconds;
      if (!mayBeNew) throw error;
    }
    return find(await load());
  };
}

/** Returns the URL of an issuer's keys (OpenID Connect Discovery 1.0, section 4). */
async function discoverKeySet(
  send: SendJson,
  { issuer, allowsHttp }: JwtSettings,
  signal: AbortSignal,
): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: documentIssuer, jwks_uri: keySetUrl } = (await getJson(send, url, signal)) as Readonly<
    Record<string, unknown>
  >;
  if (documentIssuer !== issuer) {
    throw new Error(`The "issuer" in ${url} must be ${issuer}; got ${JSON.stringify(documentIssuer)}.`);
  }
  if (typeof keySetUrl !== 'string') throw new Error(`${url} must have a "jwks_uri".`);
  if (!(allowsHttp ? isHttpsOrLoopback(keySetUrl) : keySetUrl.startsWith('https:'))) {
    throw new Error(`The "jwks_uri" of the issuer must use https; got ${JSON.stringify(keySetUrl)}.`);
  }
  return keySetUrl;
}

/** Returns the JSON object of a 200 response. @throws Error for any other response */
async function getJson(send: SendJson, url: string, signal: AbortSignal): Promise<object> {
  const { status, body } = await sendWithRetry(send, { method: 'GET', url, headers: {} }, signal);
  if (status !== 200 || typeof body !== 'object' || body === null) {
    throw new Error(`${url} must respond 200 with a JSON object; got status ${status}.`);
  }
  return body;
}
