import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Problem } from '../../../console/api/problem.ts';
import { authRequestBody, requestKeystoneToken } from '../../../console/sign-in/keystone-token.ts';

const password = {
  ...{ user: 'alice', userDomain: 'users', password: ' secret ', project: 'alpha', projectDomain: 'projects' },
};
const credential = { id: 'credential-1', secret: 'secret' };

/** A server that responds to each request with the same response. */
let server: Server;
let url: string;
let response: { status: number; headers?: Record<string, string>; body?: string };
let requests: { path: string | undefined; body: unknown }[];

beforeAll(async () => {
  Object.assign(globalThis, { location: { origin: 'https://images.example.org' } });
  server = createServer((request, outgoing) => {
    void request.toArray().then((chunks) => {
      requests.push({ path: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) as unknown });
      outgoing.writeHead(response.status, response.headers).end(response.body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`;
});
beforeEach(() => {
  requests = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const failure = (credentials: Parameters<typeof requestKeystoneToken>[1] = password): Promise<Problem> =>
  requestKeystoneToken(url, credentials).then(
    () => {
      throw new Error('The request must fail.');
    },
    (error: unknown) => error as Problem,
  );

test('a password is sent with the domains, for a token of the project', () => {
  expect(authRequestBody(password)).toEqual({
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { name: 'alice', domain: { id: 'users' }, password: ' secret ' } },
      },
      scope: { project: { name: 'alpha', domain: { id: 'projects' } } },
    },
  });
});

test('an application credential is sent without a scope, because it belongs to one project', () => {
  expect(authRequestBody(credential)).toEqual({
    auth: { identity: { methods: ['application_credential'], application_credential: credential } },
  });
});

test('the token is that of the response header', async () => {
  response = { status: 201, headers: { 'x-subject-token': 'token-1' }, body: '{}' };

  expect(await requestKeystoneToken(url, credential)).toBe('token-1');
  expect(requests).toEqual([{ path: '/v3/auth/tokens', body: authRequestBody(credential) }]);
});

test.each([
  ['a password', password, 'Check the user, the password, the project and both domains. Keystone says: No.'],
  ['a credential', credential, 'Check the id and the secret; the credential may also have expired. Keystone says: No.'],
])('a 401 for %s names the fields to check and repeats the reason', async (_title, credentials, text) => {
  response = { status: 401, body: JSON.stringify({ error: { message: 'No.' } }) };

  const { kind, message } = await failure(credentials);
  expect(kind).toBe('refused');
  expect(message).toBe(`Keystone refused the sign-in. ${text}`);
});

test.each([
  [403, 'refused', 'Keystone refused the sign-in with status 403. Keystone says: No.'],
  [429, 'temporary', 'Keystone failed with status 429. Try again later. Keystone says: No.'],
  [503, 'temporary', 'Keystone failed with status 503. Try again later. Keystone says: No.'],
])('a %d is %s', async (status, kind, message) => {
  response = { status, body: JSON.stringify({ error: { message: 'No.' } }) };

  expect(await failure()).toMatchObject({ kind, message });
});

test.each(['', 'no JSON', 'null', '{}', '{"error": "No."}', '{"error": {"message": 5}}'])(
  'an error response without a sentence, such as %j, has none in the message',
  async (body) => {
    response = { status: 403, body };

    expect((await failure()).message).toBe('Keystone refused the sign-in with status 403.');
  },
);

test('a response without a readable token names the header that the operator must expose', async () => {
  response = { status: 201, body: '{}' };

  expect((await failure()).message).toContain('must expose the header X-Subject-Token in the section [cors]');
});

test('a redirect is not followed, so that no other server receives the password', async () => {
  response = { status: 307, headers: { location: '/elsewhere' } };

  expect((await failure()).kind).toBe('temporary');
  expect(requests).toHaveLength(1);
});

test('an unreachable Keystone is a message with the origin that its operator must allow', async () => {
  const { kind, message } = await requestKeystoneToken('http://127.0.0.1:1/v3', password).then(
    () => ({ kind: 'none', message: '' }),
    (error: unknown) => error as Problem,
  );

  expect(kind).toBe('temporary');
  expect(message).toContain('Keystone at http://127.0.0.1:1 cannot be reached from this page.');
  expect(message).toContain('must allow the origin https://images.example.org in the section [cors]');
});
