import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Context } from 'aws-lambda';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { callerWithoutProject } from '../../../lambda/domain/caller.ts';
import { wrapOperation } from '../../../lambda/http/api-handler.ts';
import { ok } from '../../../lambda/http/api-response.ts';
import type { TokenVerifier } from '../../../lambda/identity/token-verifier.ts';
import { createJwtVerifier } from '../../../lambda/identity/jwt.ts';
import { loadIdentitySettings, type JwtSettings } from '../../../lambda/identity/settings.ts';
import { aTelemetry } from '../../support/a-telemetry.ts';
import { httpEvent } from '../../support/service.ts';
import { startTokenIssuer, type TokenIssuer } from '../../support/token-issuer.ts';

let issuer: TokenIssuer;
beforeAll(async () => {
  jest.spyOn(console, 'info').mockReturnValue();
  jest.spyOn(console, 'warn').mockReturnValue();
  issuer = await startTokenIssuer();
});
afterAll(() => issuer.stop());

const settings = (variables: Readonly<Record<string, string>> = {}): JwtSettings =>
  loadIdentitySettings(
    { IDENTITY: 'jwt', JWT_ISSUER: issuer.url, JWT_AUDIENCE: issuer.audience, ...variables },
    [],
  ) as JwtSettings;

interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: any;
  readonly logged: string;
}

/** Calls an operation that responds with its caller, in the Middy stack of every operation. */
async function ask(source: TokenVerifier, headers: Readonly<Record<string, string>>): Promise<Asked> {
  const lines: unknown[] = [];
  const operation = wrapOperation(
    { name: 'whoAmI', handle: ({ caller }) => Promise.resolve(ok(caller)), body: 'none' },
    { identity: source, telemetry: aTelemetry((line) => lines.push(line)) },
  );
  const {
    statusCode,
    headers: answered,
    body,
  } = await operation(httpEvent('GET', '/v2/images', { headers }), {} as Context);
  return { status: statusCode, headers: answered, body: JSON.parse(body ?? ''), logged: JSON.stringify(lines) };
}

const withToken = (token: string) => ask(createJwtVerifier(settings()), { 'x-auth-token': token });

const genuineClaims = (): JWTPayload => ({ iss: issuer.url, aud: issuer.audience, sub: 'alice', project_id: 'alpha' });
const seconds = () => Math.floor(Date.now() / 1000);

/** Token of the issuer with changed claims. */
const sign = (
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
  key: Parameters<SignJWT['sign']>[0] = issuer.key.privateKey,
) =>
  new SignJWT({ ...genuineClaims(), iat: seconds(), exp: seconds() + 600, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: issuer.key.kid, ...header })
    .sign(key);

describe('a token of the issuer', () => {
  test('proves user, project and role, in either header', async () => {
    const source = createJwtVerifier(settings());
    const token = await issuer.issue({ project_id: 'alpha', roles: ['reader', 'member'] });

    const answers = [
      await ask(source, { 'x-auth-token': token }),
      await ask(source, { authorization: `Bearer ${token}` }),
      await ask(source, { authorization: `bearer ${token}`, 'x-auth-token': token }),
    ];

    for (const { status, body } of answers) {
      expect({ status, body }).toEqual({
        status: 200,
        body: { userId: 'alice', projectId: 'alpha', role: 'member', via: 'http', requestId: expect.any(String) },
      });
    }
  });

  test('is verified without another request to the issuer', async () => {
    const source = createJwtVerifier(settings());
    const before = issuer.keySetFetches;

    for (let n = 0; n < 5; n += 1) await source.verify(await issuer.issue());

    expect(issuer.keySetFetches - before).toBe(1);
  });

  test('gets its keys from a named key set, without discovery', async () => {
    const source = createJwtVerifier(settings({ JWT_JWKS_URL: `${issuer.url}/jwks` }));

    expect(await source.verify(await issuer.issue())).toMatchObject({ projectId: 'alpha' });
  });

  test.each([
    ['no project claim', {}],
    ['a project claim that is null', { project_id: null }],
    ['no project, and the role admin', { roles: ['admin'] }],
  ])('with %s proves a user without a project and without a role', async (_what, claims) => {
    const source = createJwtVerifier(settings({ JWT_ROLE_MAP: 'admin=admin,member=member' }));

    expect(await source.verify(await issuer.issue(claims))).toEqual(callerWithoutProject('alice'));
  });

  test.each([
    ['a project that could be no member', { project_id: '../beta' }],
    ['a project that is no text', { project_id: ['alpha'] }],
  ])('with %s is a 401', async (_what, claims) => {
    expect((await withToken(await issuer.issue(claims))).status).toBe(401);
  });
});

describe('an access token', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['of an issuer that does not say so', {}, {}],
    ['by its header', {}, { typ: 'JWT' }],
    ['of RFC 9068', {}, { typ: 'at+jwt' }],
    ['of RFC 9068 by its whole media type', {}, { typ: 'application/at+jwt' }],
    ['in other letters', {}, { typ: 'AT+JWT' }],
    ['of Cognito', { token_use: 'access' }, {}],
    ['of Keycloak', { typ: 'Bearer' }, { typ: 'JWT' }],
    ['of a user of 255 characters', { sub: '🐘'.repeat(255) }, {}],
  ])('%s is accepted', async (_what, claims, header) => {
    expect(await createJwtVerifier(settings()).verify(await sign(claims, header))).toMatchObject({
      projectId: 'alpha',
    });
  });
});

describe('claims by configuration', () => {
  const proven = async (variables: Readonly<Record<string, string>>, claims: JWTPayload) =>
    createJwtVerifier(settings(variables)).verify(await sign(claims));

  test.each<[string, Record<string, string>, JWTPayload, unknown]>([
    ['a list', {}, { roles: ['other', 'reader'] }, 'reader'],
    ['a text, which is one name', {}, { roles: 'manager' }, 'manager'],
    ['a text of words, which is one name too', {}, { roles: 'not manager' }, undefined],
    ['a text with commas, which is one name too', {}, { roles: 'manager,member' }, undefined],
    ['a text of words with a map', { JWT_ROLE_MAP: 'admin=admin' }, { roles: 'not admin' }, undefined],
    ['a text of words that the map has', { JWT_ROLE_MAP: 'Image Admins=admin' }, { roles: 'Image Admins' }, 'admin'],
    ['the words of scope', { JWT_ROLES_CLAIM: 'scope' }, { scope: 'openid manager' }, 'manager'],
    ['the words of scp', { JWT_ROLES_CLAIM: 'scp' }, { scp: 'openid manager' }, 'manager'],
    ['the list of scp', { JWT_ROLES_CLAIM: 'scp' }, { scp: ['openid', 'manager'] }, 'manager'],
    ['words of scope with commas', { JWT_ROLES_CLAIM: 'scope' }, { scope: 'openid,manager' }, undefined],
    ['words of scope with other blanks', { JWT_ROLES_CLAIM: 'scope' }, { scope: 'openid\tmanager' }, undefined],
    ['a list with a name of words', {}, { roles: ['not manager'] }, undefined],
    ['a path', { JWT_ROLES_CLAIM: 'realm_access.roles' }, { realm_access: { roles: ['manager'] } }, 'manager'],
    [
      'a name with dots and slashes',
      { JWT_ROLES_CLAIM: 'https://a.b/roles' },
      { 'https://a.b/roles': 'manager' },
      'manager',
    ],
    ['admin without a map', {}, { roles: ['admin'] }, undefined],
    ['admin and others without a map', {}, { roles: ['admin', 'reader'] }, 'reader'],
    ['admin as text without a map', {}, { roles: 'admin' }, undefined],
    ['admin in a scope without a map', { JWT_ROLES_CLAIM: 'scope' }, { scope: 'admin' }, undefined],
    ['admin that the map has', { JWT_ROLE_MAP: 'admin=admin' }, { roles: ['admin'] }, 'admin'],
    ['mapped names', { JWT_ROLE_MAP: 'Staff=member,Boss=admin' }, { roles: ['Staff'] }, 'member'],
    ['a mapped admin', { JWT_ROLE_MAP: 'Staff=member,Boss=admin' }, { roles: ['Staff', 'Boss'] }, 'admin'],
    ['a name that is not in the map', { JWT_ROLE_MAP: 'Staff=member' }, { roles: ['admin'] }, undefined],
    [
      'a name that every object has',
      { JWT_ROLE_MAP: 'Staff=member' },
      { roles: ['constructor', '__proto__'] },
      undefined,
    ],
    ['none', {}, {}, undefined],
    ['another case of letters', {}, { roles: ['Member'] }, undefined],
    ['what is no list', {}, { roles: { member: true } }, undefined],
  ])('roles as %s', async (_what, variables, claims, role) => {
    expect(await proven(variables, claims)).toEqual({ userId: 'alice', projectId: 'alpha', role });
  });

  test('project and user by other names', async () => {
    const names = { JWT_PROJECT_CLAIM: 'custom:project', JWT_USER_CLAIM: 'email' };

    expect(await proven(names, { 'custom:project': 'beta', email: 'a@b.c', project_id: 'alpha' })).toMatchObject({
      userId: 'a@b.c',
      projectId: 'beta',
    });
  });

  test('the audience as client_id, as in the access tokens of Cognito', async () => {
    const names = { JWT_AUDIENCE_CLAIM: 'client_id', JWT_AUDIENCE: 'our-client' };

    expect(await proven(names, { client_id: 'our-client' })).toMatchObject({ projectId: 'alpha' });
    expect(await proven(names, { client_id: 'another' })).toBeUndefined();
    expect(await proven(names, { aud: 'our-client' })).toBeUndefined();
  });
});

describe('a forged token is a 401 without a reason', () => {
  test.each<[string, () => Promise<string> | string]>([
    [
      'signed with another key under the same id',
      async () => sign({}, {}, (await generateKeyPair('RS256')).privateKey),
    ],
    ['alg none', () => new UnsecuredJWT(genuineClaims()).setExpirationTime('1h').encode()],
    ['alg None, in other letters', () => withHeader({ alg: 'nOnE' })],
    ['without a signature', async () => (await sign()).replace(/[^.]*$/, '')],
    [
      'HS256 with the public key, as text',
      async () => sign({}, { alg: 'HS256' }, new TextEncoder().encode(await exportSPKI(issuer.key.publicKey))),
    ],
    [
      'HS256 with the public key, as JWK',
      async () =>
        sign({}, { alg: 'HS256' }, new TextEncoder().encode(JSON.stringify(await exportJWK(issuer.key.publicKey)))),
    ],
    ['of another issuer', () => sign({ iss: 'https://evil.example.org' })],
    ['of an issuer that differs by a slash', () => sign({ iss: `${issuer.url}/` })],
    ['for another audience', () => sign({ aud: 'https://other.example.org' })],
    ['for an audience that is only the beginning', () => sign({ aud: issuer.audience.slice(0, -1) })],
    ['without an audience', () => sign({ aud: undefined })],
    ['expired', () => sign({ exp: seconds() - 60 })],
    ['without an end', () => sign({ exp: undefined })],
    ['with an end in words', () => sign({ exp: 'never' })],
    ['not yet valid', () => sign({ nbf: seconds() + 60 })],
    ['with an unknown kid', () => sign({}, { kid: 'key-99' })],
    ['with a kid that is a path', () => sign({}, { kid: '../../../../dev/null' })],
    ['with a kid that is an address', () => sign({}, { kid: 'http://127.0.0.1:1/jwks' })],
    ['with a kid that is a query', () => sign({}, { kid: "key-1' OR '1'='1" })],
    ['with a kid that is an object', () => withHeader({ alg: 'RS256', kid: { $ne: '' } })],
    ['that brings its own key', async () => ownKey('jwk')],
    ['that names its own key set', async () => ownKey('jku')],
    ['with a critical header that is unknown', () => withHeader({ alg: 'RS256', kid: 'key-1', crit: ['exp'], exp: 1 })],
    [
      'with a changed payload',
      async () => {
        const [header, , signature] = (await sign()).split('.');
        return [header, encoded({ ...genuineClaims(), exp: seconds() + 600, roles: ['admin'] }), signature].join('.');
      },
    ],
    [
      'that is another signature algorithm',
      async () => sign({}, { alg: 'ES256' }, (await generateKeyPair('ES256')).privateKey),
    ],
    ['of 64 KB', () => sign({ padding: 'x'.repeat(64 * 1024) })],
    ['of 64 KB of dots', () => '.'.repeat(64 * 1024)],
    ['that is no token', () => 'nobody'],
    ['of the test identity', () => 'dev:alice:alpha:admin'],
    ['without a user', () => sign({ sub: undefined })],
    ['with an empty user', () => sign({ sub: '' })],
    ['with a user that is no text', () => sign({ sub: ['alice'] })],
    ['with a user that has an unpaired surrogate', () => sign({ sub: 'alice\ud800' })],
    ['with a user that has a control character', () => sign({ sub: 'alice\u0000' })],
    ['with a user that has a line break', () => sign({ sub: 'ali\nce' })],
    ['with a user of 256 characters', () => sign({ sub: 'x'.repeat(256) })],
    ['that is an ID token of Cognito', () => sign({ token_use: 'id' })],
    ['whose use is no text', () => sign({ token_use: ['access'] })],
    ['that is an ID token of Keycloak', () => sign({ typ: 'ID' })],
    ['that is a refresh token of Keycloak', () => sign({ typ: 'Refresh' })],
    ['whose type is no text', () => sign({ typ: null })],
    ['that is a security event', () => sign({}, { typ: 'secevent+jwt' })],
    ['that is a logout token', () => sign({}, { typ: 'application/logout+jwt' })],
  ])('%s', async (_what, forge) => {
    const token = await forge();

    const { status, headers, body, logged } = await withToken(token);

    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(body).toEqual({
      message: expect.stringMatching(
        /^(The token is invalid or has expired|A token must have at most 8192 characters)\.$/,
      ),
      code: '401 Unauthorized',
      title: 'Unauthorized',
      error: 'not-authenticated',
      request_id: headers['x-openstack-request-id'],
    });
    expect(logged).toContain('"fault":"not-authenticated"');
    expect(logged).not.toContain(token.slice(0, 20));
    expect(logged).not.toContain('alice');
  });

  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  /** The genuine claims under a header that no library would sign. */
  const withHeader = (header: unknown): string =>
    [encoded(header), encoded({ ...genuineClaims(), exp: seconds() + 600 }), 'AAAA'].join('.');
  /** Signed by a key that the header itself vouches for. */
  const ownKey = async (parameter: 'jwk' | 'jku'): Promise<string> => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'own', alg: 'RS256' };
    return sign({}, parameter === 'jwk' ? { kid: 'own', jwk } : { kid: 'own', jku: 'http://127.0.0.1:1/' }, privateKey);
  };
});

test('a signature with an algorithm that is not configured is refused', async () => {
  const token = await sign();

  expect(await createJwtVerifier(settings({ JWT_ALGORITHMS: 'RS256' })).verify(token)).toBeDefined();
  expect(await createJwtVerifier(settings({ JWT_ALGORITHMS: 'RS512,ES256' })).verify(token)).toBeUndefined();
});

describe('two headers', () => {
  test.each<[string, (token: string) => Record<string, string>]>([
    ['that carry different tokens', (token) => ({ 'x-auth-token': token, authorization: `Bearer ${token}x` })],
    ['of which one is forged', (token) => ({ 'x-auth-token': `${token}x`, authorization: `Bearer ${token}` })],
    ['of which one is empty', (token) => ({ 'x-auth-token': '', authorization: `Bearer ${token}` })],
    ['of which one bears two', (token) => ({ 'x-auth-token': token, authorization: `Bearer ${token} ${token}` })],
    ['of which one bears none', (token) => ({ 'x-auth-token': token, authorization: 'Bearer' })],
    ['of one name', (token) => ({ 'x-auth-token': `${token},${token}` })],
  ])('%s are a 401', async (_what, headers) => {
    expect((await ask(createJwtVerifier(settings()), headers(await sign()))).status).toBe(401);
  });

  test('that claim an identity change nothing', async () => {
    const claimed = {
      'x-project-id': 'beta',
      'x-roles': 'admin',
      'x-user-id': 'root',
      'x-identity-status': 'Confirmed',
    };

    const { body } = await ask(createJwtVerifier(settings()), {
      'x-auth-token': await sign({ roles: ['reader'] }),
      ...claimed,
    });

    expect(body).toEqual({
      userId: 'alice',
      projectId: 'alpha',
      role: 'reader',
      via: 'http',
      requestId: expect.any(String),
    });
  });
});

describe('time', () => {
  const start = 1_800_000_000;
  const at = (second: number, claims: JWTPayload) =>
    sign(claims).then((token) => createJwtVerifier(settings(), () => new Date((start + second) * 1000)).verify(token));

  test('a token ends at its end, but for five seconds', async () => {
    expect(await at(604, { exp: start + 600 })).toBeDefined();
    expect(await at(606, { exp: start + 600 })).toBeUndefined();
  });

  test('a token begins at its beginning, but for five seconds', async () => {
    expect(await at(-5, { nbf: start, exp: start + 600 })).toBeDefined();
    expect(await at(-6, { nbf: start, exp: start + 600 })).toBeUndefined();
  });
});

describe('keys that change', () => {
  test('a new key is found once the last look is half a minute ago; unknown ones cost no more than that', async () => {
    let now = Date.now();
    const source = createJwtVerifier(settings(), () => new Date(now));
    const old = await sign();
    expect(await source.verify(old)).toBeDefined();
    const before = issuer.keySetFetches;

    const unknown = async (n: number) => source.verify(await sign({}, { kid: `none-${n}` }));
    for (let n = 0; n < 50; n += 1) expect(await unknown(n)).toBeUndefined();
    expect(issuer.keySetFetches).toBe(before);

    await issuer.rotate();
    now += 31_000;
    expect(await source.verify(await issuer.issue())).toMatchObject({ projectId: 'alpha' });
    expect(await source.verify(old)).toBeUndefined();
    expect(issuer.keySetFetches).toBe(before + 1);

    now += 31_000;
    await Promise.all(Array.from({ length: 50 }, (_, n) => unknown(n)));
    expect(issuer.keySetFetches).toBe(before + 2);
  });
});

describe('an unreachable issuer is a 503, never a valid token', () => {
  let server: Server;
  let reply: { status: number; body: string } | 'hang';
  let url: string;
  let requests: string[];
  beforeEach(() => {
    requests = [];
  });
  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.url ?? '');
      if (reply === 'hang') return;
      // The server redirects to a valid response.
      const location = request.url === '/jwks' ? `${issuer.url}/jwks` : `${url}/moved`;
      const isThere = request.url === '/moved';
      response.writeHead(isThere ? 200 : reply.status, { 'content-type': 'application/json', location });
      response.end(isThere ? JSON.stringify({ issuer: url, jwks_uri: `${issuer.url}/jwks` }) : reply.body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const unavailable = async (variables: Readonly<Record<string, string>>) => {
    const token = await sign(variables['JWT_ISSUER'] === undefined ? {} : { iss: variables['JWT_ISSUER'] });
    const { status, headers, body, logged } = await ask(createJwtVerifier(settings(variables)), {
      'x-auth-token': token,
    });
    expect([status, body.error, headers['retry-after']]).toEqual([503, 'identity-unavailable', '5']);
    expect(logged).toContain('"cause"');
    for (const part of token.split('.')) expect(logged).not.toContain(part);
    expect(logged).not.toContain('alice');
  };

  test('no server listens', () => unavailable({ JWT_JWKS_URL: 'http://127.0.0.1:1/jwks' }));

  test.each([
    ['a failure', 500, ''],
    ['a redirect', 302, ''],
    ['no JSON', 200, '<html>'],
    ['no key set', 200, '{"keys": "none"}'],
  ])('the key set is %s', async (_what, status, body) => {
    reply = { status, body };

    await unavailable({ JWT_JWKS_URL: `${url}/jwks` });
  });

  test.each([
    ['a failure', 503, ''],
    ['a redirect', 302, ''],
    ['without a key set', 200, '{}'],
  ])('discovery is %s', async (_what, status, body) => {
    reply = { status, body };

    await unavailable({ JWT_ISSUER: url });
  });

  test('discovery is about another issuer', async () => {
    reply = { status: 200, body: JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }) };

    await unavailable({ JWT_ISSUER: url });
  });

  const unreachable = { code: 'identity-unavailable' };
  /** Verifies this many tokens in parallel. */
  const outcomes = async (source: TokenVerifier, count: number, claims: JWTPayload = {}) => {
    const token = await sign(claims);
    const results = await Promise.allSettled(Array.from({ length: count }, () => source.verify(token)));
    return [...new Set(results.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code)))];
  };

  test.each<[string, typeof reply, number]>([
    ['hangs', 'hang', 1],
    ['fails', { status: 500, body: '' }, 2],
    ['is none', { status: 200, body: '{}' }, 1],
  ])('a key set that %s costs the calls of one token for 200', async (_what, answer, calls) => {
    reply = answer;
    const variables = { JWT_JWKS_URL: `${url}/jwks`, IDENTITY_TIMEOUT_SECONDS: '1' };
    let now = Date.now();
    const source = createJwtVerifier(settings(variables), () => new Date(now));

    expect(await outcomes(source, 100)).toEqual(['identity-unavailable']);
    expect(await outcomes(source, 100)).toEqual(['identity-unavailable']);
    expect(requests).toEqual(Array(calls).fill('/jwks'));

    now += 5_000;
    expect(await outcomes(source, 100)).toEqual(['identity-unavailable']);
    expect(requests).toEqual(Array(2 * calls).fill('/jwks'));
  });

  test('a discovery that hangs costs one call for 200 tokens', async () => {
    reply = 'hang';
    const source = createJwtVerifier(settings({ JWT_ISSUER: url, IDENTITY_TIMEOUT_SECONDS: '1' }));

    expect(await outcomes(source, 100, { iss: url })).toEqual(['identity-unavailable']);
    expect(await outcomes(source, 100, { iss: url })).toEqual(['identity-unavailable']);
    expect(requests).toEqual(['/.well-known/openid-configuration']);
  });

  test('a failed fetch of new keys happens once, and known keys stay valid', async () => {
    let now = Date.now();
    const known = JSON.stringify({ keys: [{ ...(await exportJWK(issuer.key.publicKey)), kid: issuer.key.kid }] });
    reply = { status: 200, body: known };
    const source = createJwtVerifier(settings({ JWT_JWKS_URL: `${url}/jwks` }), () => new Date(now));
    await source.verify(await sign());
    now += 31_000;
    requests = [];
    reply = { status: 404, body: '' };

    for (let n = 0; n < 50; n += 1) {
      await expect(source.verify(await sign({}, { kid: `none-${n}` }))).rejects.toMatchObject(unreachable);
    }

    expect(requests).toEqual(['/jwks']);
    expect(await source.verify(await sign())).toMatchObject({ projectId: 'alpha' });
  });

  test.each<[string, () => Promise<string> | string]>([
    ['that is no token', () => 'nobody'],
    ['without a signature', async () => (await sign()).replace(/[^.]*$/, '')],
    ['whose header is no JSON', async () => (await sign()).replace(/^[^.]*/, 'AAAA')],
    ['whose claims are no JSON', async () => (await sign()).replace(/\..*\./, '.AAAA.')],
    ['of another issuer', () => sign({ iss: 'https://evil.example.org' })],
    ['without an issuer', () => sign({ iss: undefined })],
    ['expired', () => sign({ exp: seconds() - 60 })],
    ['without an end', () => sign({ exp: undefined })],
    ['with an end in words', () => sign({ exp: 'never' })],
    ['without a signature algorithm', () => new UnsecuredJWT(genuineClaims()).setExpirationTime('1h').encode()],
    ['by a shared secret', () => sign({}, { alg: 'HS256' }, new TextEncoder().encode('x'.repeat(32)))],
    ['that is an ID token', () => sign({ token_use: 'id' })],
  ])('a token %s costs no call', async (_what, forge) => {
    reply = 'hang';
    const source = createJwtVerifier(settings({ JWT_JWKS_URL: `${url}/jwks` }));

    expect(await source.verify(await forge())).toBeUndefined();
    expect(requests).toEqual([]);
  });

  test('a discovered key set that uses http on another machine is refused', async () => {
    reply = { status: 200, body: JSON.stringify({ issuer: url, jwks_uri: 'http://keys.example.org/jwks' }) };

    await expect(
      createJwtVerifier(settings({ JWT_ISSUER: url })).verify(await sign({ iss: url })),
    ).rejects.toMatchObject({
      cause: { message: 'The "jwks_uri" of the issuer must use https; got "http://keys.example.org/jwks".' },
    });
  });

  test('discovery that leads to a key set by plain http is not followed by a deployed function', async () => {
    reply = { status: 200, body: JSON.stringify({ issuer: url, jwks_uri: `${issuer.url}/jwks` }) };
    const identify = async (variables: Readonly<Record<string, string>>) =>
      createJwtVerifier(settings({ JWT_ISSUER: url, ...variables })).verify(await sign({ iss: url }));
    const before = issuer.keySetFetches;

    await expect(identify({ AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' })).rejects.toMatchObject(unreachable);
    expect(issuer.keySetFetches).toBe(before);
    expect(await identify({})).toMatchObject({ projectId: 'alpha' });
  });

  test('it is called again five seconds later', async () => {
    reply = { status: 500, body: '' };
    let now = Date.now();
    const source = createJwtVerifier(settings({ JWT_JWKS_URL: `${url}/jwks` }), () => new Date(now));
    await expect(source.verify(await sign())).rejects.toThrow('cannot verify the token now');

    now += 5_000;
    reply = {
      status: 200,
      body: JSON.stringify({ keys: [{ ...(await exportJWK(issuer.key.publicKey)), kid: issuer.key.kid }] }),
    };

    expect(await source.verify(await sign())).toMatchObject({ projectId: 'alpha' });
  });
});
