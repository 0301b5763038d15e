import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Problem } from '../../../console/api/problem.ts';
import {
  authorizationUrl,
  discover,
  exchangeCode,
  randomText,
  readCode,
  refreshTokens,
  type IssuerMetadata,
  type OidcIdentity,
} from '../../../console/sign-in/oidc-client.ts';

const redirectUri = 'https://images.example.org/console/index.html';
const binding = { state: 'state-1', nonce: 'nonce-1', verifier: 'verifier-1' };

/** A server that responds to each request with the same response. */
let server: Server;
let response: { status: number; body: unknown; headers?: Record<string, string> };
let requests: { path: string | undefined; cookie: string | undefined; body: string }[];
let identity: OidcIdentity;
let metadata: IssuerMetadata;

beforeAll(async () => {
  Object.assign(globalThis, { location: { origin: 'https://images.example.org' } });
  server = createServer((request, outgoing) => {
    void request.toArray().then((chunks) => {
      requests.push({
        ...{ path: request.url, cookie: request.headers.cookie, body: Buffer.concat(chunks).toString() },
      });
      const { body } = response;
      outgoing.writeHead(response.status, response.headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/cloud`;
  identity = { kind: 'oidc', issuer, clientId: 'console', scope: 'openid images' };
  metadata = { issuer, authorization_endpoint: `${issuer}/auth?tenant=1`, token_endpoint: `${issuer}/token` };
});
beforeEach(() => {
  requests = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Returns the problem of an action that must fail. */
const failure = async (action: () => unknown): Promise<Problem> => {
  try {
    await action();
  } catch (error) {
    return error as Problem;
  }
  throw new Error('The action must fail.');
};

describe('discovery', () => {
  test('reads the metadata below the path of the issuer', async () => {
    response = { status: 200, body: metadata };

    expect(await discover(identity)).toEqual(metadata);
    expect(await discover({ ...identity, issuer: `${identity.issuer}/` })).toEqual(metadata);
    const request = { path: '/realms/cloud/.well-known/openid-configuration', cookie: undefined, body: '' };
    expect(requests).toEqual([request, request]);
  });

  test.each<[string, object]>([
    ['issuer', { issuer: 'http://127.0.0.1/other' }],
    ['issuer', { issuer: undefined }],
    ['authorization_endpoint', { authorization_endpoint: 'javascript:alert(1)' }],
    ['authorization_endpoint', { authorization_endpoint: undefined }],
    ['token_endpoint', { token_endpoint: 'ftp://127.0.0.1/token' }],
  ])('refuses metadata with a wrong "%s"', async (field, changes) => {
    response = { status: 200, body: { ...metadata, ...changes } };

    expect(await failure(() => discover(identity))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(`"${field}" is missing or wrong`),
    });
  });

  test.each<[string, typeof response, string]>([
    ['a page', { status: 200, body: '<html>' }, '"issuer" is missing or wrong'],
    ['a 404', { status: 404, body: 'Not found' }, 'refused the sign-in: status 404.'],
    ['a 503', { status: 503, body: '' }, 'failed with status 503. Try again later.'],
    ['a 429', { status: 429, body: '' }, 'failed with status 429. Try again later.'],
    ['a redirect', { status: 302, body: '', headers: { location: '/x' } }, 'cannot be reached from this page'],
  ])('reports %s', async (_title, result, message) => {
    response = result;

    expect((await failure(() => discover(identity))).message).toContain(message);
    expect(requests).toHaveLength(1);
  });

  test('names the origins that must be allowed if the issuer cannot be reached', async () => {
    const { kind, message } = await failure(() => discover({ ...identity, issuer: 'http://127.0.0.1:1/realm' }));

    expect(kind).toBe('temporary');
    expect(message).toContain('its operator must allow the origin https://images.example.org');
    expect(message).toContain('must allow the origin http://127.0.0.1:1.');
  });
});

test('the address of the sign-in page has the challenge of the verifier, and no verifier', async () => {
  const url = await authorizationUrl(metadata, identity, binding, redirectUri);

  expect(url.href).toMatch(/\/realms\/cloud\/auth\?/);
  expect(Object.fromEntries(url.searchParams)).toEqual({
    tenant: '1',
    response_type: 'code',
    client_id: 'console',
    redirect_uri: redirectUri,
    scope: 'openid images',
    state: 'state-1',
    nonce: 'nonce-1',
    code_challenge: createHash('sha256').update('verifier-1').digest('base64url'),
    code_challenge_method: 'S256',
  });
});

test('random texts are valid code verifiers and differ', () => {
  const texts = Array.from({ length: 100 }, randomText);

  for (const text of texts) expect(text).toMatch(/^[\w-]{43}$/);
  expect(new Set(texts).size).toBe(100);
});

describe('an authorization response', () => {
  const read = (query: string, changes: Partial<IssuerMetadata> = {}) =>
    readCode({ ...metadata, ...changes }, identity, new URLSearchParams(query), binding);

  test('has the code, with and without its issuer', () => {
    expect(read('code=code-1&state=state-1')).toBe('code-1');
    expect(read(`code=code-1&state=state-1&iss=${encodeURIComponent(identity.issuer)}`)).toBe('code-1');
  });

  test.each([
    ['state', 'code=c'],
    ['state', 'code=c&state=other'],
    ['state', 'code=c&state=state-1&state=state-1'],
    ['state', 'error=access_denied&state=other'],
    ['iss', 'code=c&state=state-1&iss=https://other.example.org'],
    ['code', 'state=state-1'],
    ['code', 'code=&state=state-1'],
    ['code', 'code=c&code=d&state=state-1'],
  ])('with a wrong "%s" is refused: %s', async (field, query) => {
    expect((await failure(() => read(query))).message).toContain(`"${field}" is missing or wrong`);
  });

  test('must name its issuer if the metadata says so', async () => {
    const changes = { authorization_response_iss_parameter_supported: true };

    expect((await failure(() => read('code=c&state=state-1', changes))).message).toContain('"iss"');
  });

  test.each([
    ['access_denied', 'was canceled, or you have no access'],
    ['invalid_scope&error_description=Unknown+scope', 'refused the sign-in: invalid_scope (Unknown scope).'],
  ])('with the error %s is a sentence', async (error, message) => {
    expect((await failure(() => read(`error=${error}&state=state-1`))).message).toContain(message);
  });
});

describe('a token response', () => {
  const hour = 3600;
  const claims = () => ({
    ...{ iss: identity.issuer, aud: 'console', nonce: 'nonce-1', exp: Date.now() / 1000 + hour, name: 'Jürgen ∑' },
  });
  const idToken = (changes: object = {}) =>
    ['{}', JSON.stringify({ ...claims(), ...changes }), 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
  const tokens = (changes: object = {}) => ({
    ...{ access_token: 'access-1', token_type: 'Bearer', expires_in: 300, refresh_token: 'refresh-1' },
    ...{ id_token: idToken(), ...changes },
  });
  const exchange = () => exchangeCode(metadata, identity, 'code-1', binding, redirectUri);

  test('to a code has the tokens', async () => {
    response = { status: 200, body: tokens() };

    expect(await exchange()).toMatchObject({ access_token: 'access-1', expires_in: 300, refresh_token: 'refresh-1' });
    const [{ path, cookie, body }] = requests as [(typeof requests)[number]];
    expect([path, cookie]).toEqual(['/realms/cloud/token', undefined]);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: 'authorization_code',
      code: 'code-1',
      redirect_uri: redirectUri,
      code_verifier: 'verifier-1',
      client_id: 'console',
    });
  });

  test('to a refresh token needs no ID token', async () => {
    response = { status: 200, body: tokens({ id_token: undefined }) };

    expect(await refreshTokens(metadata, identity, 'refresh-1')).toMatchObject({ access_token: 'access-1' });
    expect(Object.fromEntries(new URLSearchParams(requests[0]!.body))).toEqual({
      ...{ grant_type: 'refresh_token', refresh_token: 'refresh-1', client_id: 'console' },
    });
  });

  test('can name further audiences if it was issued to the client', async () => {
    response = { status: 200, body: tokens({ id_token: idToken({ aud: ['other', 'console'], azp: 'console' }) }) };

    expect(await exchange()).toMatchObject({ access_token: 'access-1' });
  });

  test.each<[string, () => object]>([
    ['access_token', () => ({ access_token: undefined })],
    ['access_token', () => ({ access_token: '' })],
    ['token_type', () => ({ token_type: 'DPoP' })],
    ['token_type', () => ({ token_type: undefined })],
    ['id_token.iss', () => ({ id_token: undefined })],
    ['id_token.iss', () => ({ id_token: 'no token' })],
    ['id_token.iss', () => ({ id_token: idToken({ iss: 'https://other.example.org' }) })],
    ['id_token.aud', () => ({ id_token: idToken({ aud: 'other' }) })],
    ['id_token.aud', () => ({ id_token: idToken({ aud: ['other', 'console'] }) })],
    ['id_token.aud', () => ({ id_token: idToken({ aud: ['other', 'console'], azp: 'other' }) })],
    ['id_token.nonce', () => ({ id_token: idToken({ nonce: 'other' }) })],
    ['id_token.nonce', () => ({ id_token: idToken({ nonce: undefined }) })],
    ['id_token.exp', () => ({ id_token: idToken({ exp: Date.now() / 1000 - hour }) })],
    ['id_token.exp', () => ({ id_token: idToken({ exp: undefined }) })],
  ])('with a wrong "%s" is refused', async (field, changes) => {
    response = { status: 200, body: tokens(changes()) };

    expect((await failure(exchange)).message).toContain(`"${field}" is missing or wrong`);
  });

  test.each<[number, object, string, string]>([
    [400, { error: 'invalid_grant', error_description: 'Expired' }, 'refused', 'invalid_grant (Expired).'],
    [401, {}, 'refused', 'refused the sign-in: status 401.'],
    [500, { error: 'server_error' }, 'temporary', 'failed with status 500'],
  ])('with the status %d is a problem', async (status, body, kind, message) => {
    response = { status, body };

    expect(await failure(exchange)).toMatchObject({ kind, message: expect.stringContaining(message) });
  });
});
