import type { PageIdentity } from '../../lambda/console/page-settings.ts';
import { fetchFields, parseFields } from '../api/fetch-fields.ts';
import { Problem } from '../api/problem.ts';
import type { IssuedTokens } from './refreshing-session.ts';

/** Settings of an OpenID Connect issuer. */
export type OidcIdentity = Extract<PageIdentity, { readonly kind: 'oidc' }>;

/** Endpoints of an issuer (OpenID Connect Discovery, section 3). */
export interface IssuerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  /** True if each authorization response names its issuer (RFC 9207). */
  readonly authorization_response_iss_parameter_supported?: boolean;
}

/** Values that bind a response to its request. */
export interface RequestBinding {
  readonly state: string;
  readonly nonce: string;
  /** PKCE code verifier (RFC 7636). */
  readonly verifier: string;
}

/** Seconds by which the clocks of the browser and the issuer can differ. */
const clockToleranceSeconds = 60;

/** Returns the host of an issuer, to name it to the user. */
export const issuerHost = ({ issuer }: OidcIdentity): string => new URL(issuer).host;

/** Returns a random text with 256 bits. */
export const randomText = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replace(/=+$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_');

/** Requests the metadata of an issuer. @throws Problem if they are not available or not valid */
export async function discover(identity: OidcIdentity): Promise<IssuerMetadata> {
  const { issuer } = identity;
  const metadata = await fetchJson<Partial<IssuerMetadata>>(
    identity,
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
  );
  const { issuer: named, authorization_endpoint: authorization, token_endpoint: token } = metadata;
  assertValid(named?.replace(/\/$/, '') === issuer.replace(/\/$/, ''), 'issuer', identity);
  // An issuer with https has no endpoint with another scheme. Settings allow http on the loopback interface only.
  const scheme = `${new URL(issuer).protocol}//`;
  assertValid(authorization?.startsWith(scheme), 'authorization_endpoint', identity);
  assertValid(token?.startsWith(scheme), 'token_endpoint', identity);
  return metadata as IssuerMetadata;
}

/** Returns the address of the issuer's sign-in page, for the authorization code flow with PKCE. */
export async function authorizationUrl(
  { authorization_endpoint: endpoint }: IssuerMetadata,
  { clientId, scope }: OidcIdentity,
  { state, nonce, verifier }: RequestBinding,
  redirectUri: string,
): Promise<URL> {
  const url = new URL(endpoint);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const parameters = {
    ...{ response_type: 'code', client_id: clientId, redirect_uri: redirectUri, scope, state, nonce },
    ...{ code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: 'S256' },
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

/**
 * Returns the code of an authorization response.
 *
 * @throws Problem if the response is an error, is not valid, or does not belong to the request
 */
export function readCode(
  metadata: IssuerMetadata,
  identity: OidcIdentity,
  query: URLSearchParams,
  { state }: RequestBinding,
): string {
  const single = (name: string) => {
    const values = query.getAll(name);
    assertValid(values.length <= 1, name, identity);
    return values[0];
  };
  assertValid(single('state') === state, 'state', identity);
  const issuer = single('iss');
  const isIssuerRequired = metadata.authorization_response_iss_parameter_supported === true;
  assertValid(issuer === metadata.issuer || (issuer === undefined && !isIssuerRequired), 'iss', identity);
  const error = single('error');
  if (error !== undefined) throw refusal(identity, error, single('error_description'));
  const code = single('code') ?? '';
  assertValid(code !== '', 'code', identity);
  return code;
}

/**
 * Exchanges a code for tokens. TLS authenticates the issuer, so the signature of the ID token is not verified (OpenID Connect
 * Core, section 3.1.3.7).
 *
 * @throws Problem
 */
export async function exchangeCode(
  metadata: IssuerMetadata,
  identity: OidcIdentity,
  code: string,
  { nonce, verifier }: RequestBinding,
  redirectUri: string,
): Promise<IssuedTokens> {
  const tokens = await requestTokens(metadata, identity, {
    ...{ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
  });
  assertIdToken(tokens.id_token, metadata, identity, nonce);
  return tokens;
}

/** Exchanges a refresh token for new tokens. @throws Problem */
export const refreshTokens = (
  metadata: IssuerMetadata,
  identity: OidcIdentity,
  refreshToken: string,
): Promise<IssuedTokens> =>
  requestTokens(metadata, identity, { grant_type: 'refresh_token', refresh_token: refreshToken });

interface TokenResponse extends IssuedTokens {
  readonly token_type: string;
  readonly id_token?: string;
}

async function requestTokens(
  { token_endpoint: endpoint }: IssuerMetadata,
  identity: OidcIdentity,
  parameters: Readonly<Record<string, string>>,
): Promise<TokenResponse> {
  const tokens = await fetchJson<Partial<TokenResponse>>(identity, endpoint, {
    method: 'POST',
    body: new URLSearchParams({ ...parameters, client_id: identity.clientId }),
  });
  assertValid(typeof tokens.access_token === 'string' && tokens.access_token !== '', 'access_token', identity);
  assertValid(tokens.token_type?.toLowerCase() === 'bearer', 'token_type', identity);
  return tokens as TokenResponse;
}

function assertIdToken(
  idToken: string | undefined,
  { issuer }: IssuerMetadata,
  identity: OidcIdentity,
  nonce: string,
): void {
  const [, payload = ''] = idToken?.split('.') ?? [];
  // The compared claims are ASCII.
  const claims = parseFields(() => atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
  const { clientId } = identity;
  const audience = [claims['aud']].flat();
  const isForPage = audience.includes(clientId) && (audience.length === 1 || claims['azp'] === clientId);
  assertValid(claims['iss'] === issuer, 'id_token.iss', identity);
  assertValid(isForPage, 'id_token.aud', identity);
  assertValid(claims['nonce'] === nonce, 'id_token.nonce', identity);
  assertValid(Number(claims['exp']) > Date.now() / 1000 - clockToleranceSeconds, 'id_token.exp', identity);
}

/** Sends a request and returns the fields of its response. @throws Problem for each failure */
async function fetchJson<Fields>(identity: OidcIdentity, url: string, init: RequestInit = {}): Promise<Fields> {
  const host = issuerHost(identity);
  const { response, fields } = await fetchFields(url, init).catch(() => {
    // The browser does not tell the page the reason.
    throw new Problem(
      'temporary',
      `${host} cannot be reached from this page. Check your network connection. If ${host} runs, its operator must allow the ` +
        `origin ${location.origin}, and the operator of this page must allow the origin ${new URL(url).origin}.`,
    );
  });
  if (response.status >= 500 || response.status === 429) {
    throw new Problem('temporary', `${host} failed with status ${response.status}. Try again later.`);
  }
  if (response.ok) return fields as Fields;
  const { error, error_description: description } = fields;
  throw refusal(identity, typeof error === 'string' ? error : `status ${response.status}`, description);
}

function refusal(identity: OidcIdentity, error: string, description: unknown): Problem {
  const host = issuerHost(identity);
  if (error === 'access_denied') {
    return new Problem('refused', `The sign-in at ${host} was canceled, or you have no access.`);
  }
  const details = typeof description === 'string' ? ` (${description})` : '';
  return new Problem('refused', `${host} refused the sign-in: ${error}${details}.`);
}

function assertValid(isValid: boolean | undefined, field: string, identity: OidcIdentity): asserts isValid {
  if (isValid !== true) {
    throw new Problem(
      'refused',
      `The response of ${issuerHost(identity)} is not valid: its "${field}" is missing or wrong.`,
    );
  }
}
