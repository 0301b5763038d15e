import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startLocalServer, type LocalServer } from '../support/local-server.ts';
import { runCommand } from '../support/run-command.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';
import { callersWithToken, deleteImage, findProjects, missingCallers, withTokens } from './identities.ts';
import { caseTitle, playCase } from './player.ts';
import { playedCases, suite } from './recorded-cases.ts';
import { loadTokens } from './tokens.ts';

const callers = callersWithToken(suite);

describe('tokens', () => {
  test('come from "CONFORMANCE_TOKENS"', async () => {
    const tokens = { owner: 'a', member: 'b' };

    expect(await loadTokens({ CONFORMANCE_TOKENS: JSON.stringify(tokens) }, callers)).toEqual(tokens);
    expect(await loadTokens({}, callers)).toBeUndefined();
  });

  test('come from an OAuth 2.0 issuer for client credentials', async () => {
    const issuer = await startTokenIssuer();
    try {
      const env = {
        CONFORMANCE_TOKEN_URL: `${issuer.url}/token`,
        CONFORMANCE_TOKEN_PARAMETERS: new URLSearchParams({ resource: issuer.audience }).toString(),
      };
      const credentials = (secret: string) => JSON.stringify({ owner: { id: 'alice', secret } });

      const tokens = await loadTokens({ ...env, CONFORMANCE_CREDENTIALS: credentials('secret-of-alice') }, callers);

      const [, claims = ''] = tokens?.['owner']?.split('.') ?? [];
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ iss: issuer.url, sub: 'alice' });
      await expect(loadTokens({ ...env, CONFORMANCE_CREDENTIALS: credentials('wrong') }, callers)).rejects.toThrow(
        `"CONFORMANCE_CREDENTIALS" must be valid; got no token for "owner": ${issuer.url}/token responded with 401.`,
      );
    } finally {
      await issuer.stop();
    }
  });

  test('come from Keystone for application credentials', async () => {
    const received: unknown[] = [];
    const keystone: Server = createServer((request, response) => {
      void text(request).then((body) => {
        received.push([request.method, request.url, JSON.parse(body)]);
        response.writeHead(201, { 'x-subject-token': 'the-token' }).end('{}');
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => keystone.once('listening', resolve));
    const env = {
      CONFORMANCE_KEYSTONE_URL: `http://127.0.0.1:${(keystone.address() as AddressInfo).port}/v3/`,
      CONFORMANCE_CREDENTIALS: JSON.stringify({ member: { id: 'i', secret: 's' } }),
    };

    const tokens = await loadTokens(env, callers);

    keystone.closeAllConnections();
    keystone.close();
    expect(tokens).toEqual({ member: 'the-token' });
    const identity = { methods: ['application_credential'], application_credential: { id: 'i', secret: 's' } };
    expect(received).toEqual([['POST', '/v3/auth/tokens', { auth: { identity } }]]);
  });

  test.each([
    [{ CONFORMANCE_TOKENS: 'nope' }, /^"CONFORMANCE_TOKENS" must be a JSON object .*; got no JSON\.$/],
    [{ CONFORMANCE_TOKENS: '[]' }, /; got no object\.$/],
    [{ CONFORMANCE_TOKENS: '{"owne":"t"}' }, /; "owne" is none of owner, member, /],
    [{ CONFORMANCE_TOKENS: '{"owner":1}' }, /; the value of "owner" is another\.$/],
    [
      { CONFORMANCE_CREDENTIALS: '{"owner":{"id":"i"}}' },
      /an object with "id" and "secret" for each caller; the value/,
    ],
    [{ CONFORMANCE_CREDENTIALS: '{}' }, /requires either "CONFORMANCE_KEYSTONE_URL" or "CONFORMANCE_TOKEN_URL"\.$/],
    [{ CONFORMANCE_TOKENS: '{}', CONFORMANCE_CREDENTIALS: '{}' }, /exclude each other/],
  ])('%j is refused', async (env, sentence) => {
    await expect(loadTokens(env, callers)).rejects.toThrow(sentence);
  });
});

test('a case is skipped only if a caller that sends a request has no token', () => {
  const skipped = (...names: string[]) =>
    playedCases.filter((recorded) => {
      const tokens = Object.fromEntries(names.map((name) => [name, 'a-token']));
      return missingCallers(recorded, suite, tokens).length > 0;
    });

  expect(skipped(...callers)).toEqual([]);
  expect(skipped('owner', 'member').length).toBeGreaterThan(0);
  expect(skipped('owner', 'member').length).toBeLessThan(playedCases.length / 2);
});

describe('on a service whose tokens determine the projects', () => {
  const tokens = { owner: 'dev:alice:p-owner:member', member: 'dev:bob:p-member:member' };
  let server: LocalServer;
  beforeAll(async () => {
    server = await startLocalServer();
  });
  afterAll(() => server.stop(), 20_000);

  test('a case with exact lists passes again after its images are deleted', async () => {
    const created: string[] = [];
    const recorded = playedCases.find((each) => caseTitle(each) === 'images/owner lists ?owner=<owner>')!;

    const projects = await findProjects(suite, tokens, server.base);
    const play = () =>
      playCase(recorded, withTokens(suite, tokens), server.base, {
        projects,
        onImageCreated: (id) => created.push(id),
      });
    const deleteCreated = () => Promise.all(created.map((id) => deleteImage(server.base, id, tokens.owner)));
    const first = await play();
    const remaining = await deleteCreated();
    const second = await play();
    remaining.push(...(await deleteCreated()));

    expect(projects).toEqual({ owner: 'p-owner', member: 'p-member' });
    expect(created.length).toBeGreaterThan(1);
    expect([first, second]).toEqual([[], []]);
    expect(remaining.filter((sentence) => sentence !== undefined)).toEqual([]);
  });

  test('a project with images, and two tokens of one project, are refused', async () => {
    await fetch(`${server.base}/v2/images`, {
      method: 'POST',
      headers: { 'x-auth-token': tokens.owner, 'content-type': 'application/json' },
      body: '{"os_hidden": true}',
    });

    await expect(findProjects(suite, tokens, server.base)).rejects.toThrow(
      'The project of "owner", "p-owner", must have no images; got some.',
    );
    await expect(findProjects(suite, { ...tokens, member: 'dev:bob:p-owner:member' }, server.base)).rejects.toThrow(
      'The tokens of "owner" and "member" must be of different projects; both are of "p-owner".',
    );
  });

  test('the program reports a refused token in one sentence', async () => {
    const program = join(import.meta.dirname, 'run.ts');
    const env = { ...process.env, CONFORMANCE_TOKENS: JSON.stringify({ ...tokens, owner: 'unknown' }) };

    const { code, stderr } = await runCommand('node', [program, '--url', server.base], { env, timeoutSeconds: 60 });

    expect(code).toBe(1);
    expect(stderr).toBe(
      'The token of "owner" must be allowed to create an image in a project of its own; got 401 "The token is invalid or has expired.".\n',
    );
  });
});
