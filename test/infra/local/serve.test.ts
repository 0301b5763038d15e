import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EventStore } from '../../../infra/local/events/event-store.ts';
import { testEndpoint } from '../../support/engine.ts';
import {
  environmentWithoutSettings,
  serverCommand,
  startServerProcess,
  type ServerProcess,
} from '../../support/local-server.ts';
import { runCommand } from '../../support/run-command.ts';
import { startProgram } from '../../support/start-program.ts';

const alice = { 'x-auth-token': 'dev:alice:alpha:member', 'content-type': 'application/json' };

let folder: string;
const servers: ServerProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-serve-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.end('SIGKILL');
  rmSync(folder, { recursive: true });
});

type Environment = Readonly<Record<string, string>>;

/** Starts a server and waits until it listens. */
async function startServer(environment: Environment = { PORT: '0', DATA_DIR: folder }): Promise<ServerProcess> {
  const server = await startServerProcess({ ...environmentWithoutSettings(), ...environment });
  servers.push(server);
  return server;
}

/** Waits until a server has printed its last line about the start. */
async function linesComplete(lines: readonly string[]): Promise<void> {
  for (let polls = 0; polls < 1500; polls += 1) {
    if (lines.some((line) => line.startsWith('Stop with'))) return;
    await setTimeout(20);
  }
  throw new Error(`The server has printed only:\n${lines.join('\n')}`);
}

/** Runs a server that must not start, and returns its exit code and output. */
async function runRefused(environment: Environment) {
  const [file, program] = serverCommand;
  const env = { ...environmentWithoutSettings(), DATA_DIR: folder, ...environment };
  const { code, stdout, stderr } = await runCommand(file, [program], { env, timeoutSeconds: 60 });
  return { status: code, output: stdout, errors: stderr.split('\n') };
}

async function createImage(url: string): Promise<string> {
  const response = await fetch(`${url}/v2/images`, { method: 'POST', headers: alice, body: '{"name": "kept"}' });
  const { id } = (await response.json()) as { id: string };
  return id;
}

describe('a server that runs', () => {
  test.each([['SIGINT' as const], ['SIGTERM' as const]])('ends at %s with success', async (signal) => {
    const server = await startServer();

    const { code } = await server.end(signal);

    expect(code).toBe(0);
  });

  test('ends once, however often it is asked', async () => {
    const server = await startServer();

    for (let count = 0; count < 3; count += 1) server.process.kill('SIGINT');
    const { code } = await server.exited;

    expect(code).toBe(0);
  });

  test('prints a JSON line for each request if its output is redirected', async () => {
    const { url, lines } = await startServer();

    await fetch(`${url}/v2/images`, { headers: alice });
    while (!lines.some((line) => line.startsWith('{'))) await setTimeout(20);

    expect(JSON.parse(lines.find((line) => line.startsWith('{'))!)).toMatchObject({ message: 'request', status: 200 });
    expect(lines.filter((line) => line.startsWith('GET'))).toEqual([]);
  });

  test('prints a short line for each request on a terminal', async () => {
    const terminal = await startProgram({
      command: ['script', '-qec', serverCommand.join(' '), '/dev/null'],
      env: { ...environmentWithoutSettings(), PORT: '0', DATA_DIR: folder, NO_COLOR: '1' },
      ready: /^Listening on (\S+)/,
    });

    await fetch(`${terminal.ready[1]}/v2/images?name=secret`, { headers: alice });
    while (!terminal.lines.some((line) => line.startsWith('GET'))) await setTimeout(20);
    await terminal.stop('SIGTERM');

    expect(terminal.lines.filter((line) => line.startsWith('{'))).toEqual([]);
    expect(terminal.lines.find((line) => line.startsWith('GET'))).toMatch(/^GET \/v2\/images 200 \d+ ms alpha/);
  });

  test('says where its data is', async () => {
    const { url, ready } = await startServer();

    expect(ready.input).toBe(`Listening on ${url} with data in ${folder}`);
  });

  test.each([['SIGINT' as const], ['SIGKILL' as const]])('finds its data again after %s', async (signal) => {
    const server = await startServer();
    const id = await createImage(server.url);
    await server.end(signal);

    const again = await startServer();
    const response = await fetch(`${again.url}/v2/images/${id}`, { headers: alice });

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id, name: 'kept' });
  });

  test('lets pages of the origins in CORS_ORIGINS call the API', async () => {
    const origin = 'https://console.example';
    const { url } = await startServer({ PORT: '0', DATA_DIR: folder, CORS_ORIGINS: origin });

    const preflight = await fetch(`${url}/v2/images`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'x-auth-token' },
    });
    const refused = await fetch(`${url}/v2/images`, { headers: { origin } });

    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('x-auth-token');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
  });

  test('serves the console, and prints its URL', async () => {
    const { url, lines } = await startServer();
    const consoleUrl = `${url}/console/index.html`;
    await linesComplete(lines);

    const redirected = await fetch(`${url}/console`);
    const page = await redirected.text();
    const [script = ''] = /main-\w+\.js/.exec(page) ?? [];
    const compressed = await fetch(`${url}/console/${script}`);
    const plain = await fetch(`${url}/console/${script}`, { headers: { 'accept-encoding': 'identity' } });
    const settings = await fetch(`${url}/console/settings.json`);
    const etag = settings.headers.get('etag')!;
    const unchanged = await fetch(`${url}/console/settings.json`, { headers: { 'if-none-match': etag } });
    const missing = await Promise.all(
      ['nope.js', '..%2f..%2fpackage.json', '%00', '__proto__', 'x/y'].map((path) => fetch(`${url}/console/${path}`)),
    );

    expect(lines).toContainEqual(
      `Console: ${consoleUrl} (sign in as alice of alpha and offer an image to beta in "My images"; accept it as bob of beta in a second tab)`,
    );
    expect([redirected.url, redirected.status]).toEqual([consoleUrl, 200]);
    expect([compressed.headers.get('content-encoding'), plain.headers.get('content-encoding')]).toEqual(['gzip', null]);
    // fetch decompresses the body.
    expect(await compressed.text()).toBe(await plain.text());
    expect(await settings.json()).toEqual({ identity: { kind: 'dev' } });
    expect([unchanged.status, await unchanged.text(), unchanged.headers.get('etag')]).toEqual([304, '', etag]);
    expect(missing.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    for (const { headers } of [redirected, compressed, plain, settings, unchanged, ...missing]) {
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*; connect-src 'self'; /);
      expect(headers.get('strict-transport-security')).toBeNull();
    }
  });

  test('gives the console the settings of its identity, and no secret', async () => {
    const issuer = 'https://login.example.org';
    const { url, lines } = await startServer({
      ...{ PORT: '0', DATA_DIR: folder, IDENTITY: 'jwt', JWT_ISSUER: issuer, JWT_AUDIENCE: 'images' },
      ...{ CONSOLE_OIDC_CLIENT_ID: 'console', CONSOLE_CONNECT_ORIGINS: 'https://tokens.example.org' },
    });
    await linesComplete(lines);

    const settings = await fetch(`${url}/console/settings.json`);

    expect(lines).toContainEqual(`Console: ${url}/console/index.html`);
    expect(await settings.json()).toEqual({ identity: { kind: 'oidc', issuer, clientId: 'console', scope: 'openid' } });
    expect(settings.headers.get('content-security-policy')).toContain(
      "; connect-src 'self' https://login.example.org https://tokens.example.org; ",
    );
  });

  test('has no console with CONSOLE=off', async () => {
    const { url, lines } = await startServer({ PORT: '0', DATA_DIR: folder, CONSOLE: 'off' });
    await linesComplete(lines);

    const statuses = await Promise.all(
      ['/console', '/console/index.html'].map(async (path) => (await fetch(`${url}${path}`)).status),
    );

    expect(statuses).toEqual([300, 300]);
    expect(lines.filter((line) => line.startsWith('Console'))).toEqual([]);
  });

  test('limits the members of an image to IMAGE_MEMBER_QUOTA for requests and commands', async () => {
    const environment = { PORT: '0', DATA_DIR: folder, IMAGE_MEMBER_QUOTA: '3' };
    const { url } = await startServer(environment);
    const id = await createImage(url);
    const offer = (member: string) =>
      fetch(`${url}/v2/images/${id}/members`, { method: 'POST', headers: alice, body: JSON.stringify({ member }) });

    const statuses = [];
    for (const member of ['beta', 'gamma', 'delta', 'epsilon']) statuses.push((await offer(member)).status);
    const store = new EventStore(join(folder, 'events.sqlite'));
    const command = { version: 1, id: 'one', command: 'offer-image', project: 'alpha', user: 'alice', image_id: id };
    const { name } = store.queues().find(({ isCommandQueue }) => isCommandQueue)!;
    store.send(name, JSON.stringify({ ...command, member_id: 'zeta', reply: true }));
    const outcome = () => store.eventsAfter(0).find(({ type }) => type === 'image.command.outcome');
    for (let polls = 0; outcome() === undefined && polls < 1500; polls += 1) await setTimeout(20);
    const { detail = '{}' } = outcome() ?? {};
    store.close();

    expect(statuses).toEqual([200, 200, 200, 413]);
    expect(JSON.parse(detail)).toMatchObject({ outcome: 'refused', error: 'member-quota-exceeded' });
  });

  test('uses the engine at DYNAMODB_ENDPOINT, and the data folder for its queues', async () => {
    const endpoint = testEndpoint();

    const { url, ready } = await startServer({ PORT: '0', DATA_DIR: folder, DYNAMODB_ENDPOINT: endpoint });
    const id = await createImage(url);
    const another = join(folder, 'another');
    const other = await startServer({ PORT: '0', DATA_DIR: another, DYNAMODB_ENDPOINT: endpoint });
    const response = await fetch(`${other.url}/v2/images/${id}`, { headers: alice });

    expect(ready.input).toBe(`Listening on ${url} with tables at ${endpoint} and queues in ${folder}`);
    expect(existsSync(join(folder, 'table.sqlite'))).toBe(false);
    expect(response.status).toBe(200);
  });
});

describe('a server that cannot start prints one line and fails:', () => {
  test.each([
    ['an invalid port', { PORT: '9292x' }, '"PORT" must be a number from 0 to 65535; got "9292x"'],
    [
      'a data folder below a file',
      { PORT: '0', DATA_DIR: '/dev/null/data' },
      '"DATA_DIR" (/dev/null/data) cannot be used',
    ],
    [
      'an invalid origin',
      { CORS_ORIGINS: 'https://console.example/' },
      '"CORS_ORIGINS" must be a comma-separated list; each item is an origin',
    ],
    ['an invalid member quota', { IMAGE_MEMBER_QUOTA: 'x' }, '"IMAGE_MEMBER_QUOTA" must be a whole number of members'],
    ['an invalid switch of the console', { CONSOLE: 'yes' }, '"CONSOLE" must be on or off; got "yes"'],
    ['an invalid endpoint', { DYNAMODB_ENDPOINT: 'here' }, '"DYNAMODB_ENDPOINT" must be a URL'],
    [
      'an unreachable engine',
      { PORT: '0', DYNAMODB_ENDPOINT: 'http://127.0.0.1:1' },
      'No DynamoDB-compatible engine responds at "DYNAMODB_ENDPOINT" (http://127.0.0.1:1): ECONNREFUSED; start',
    ],
  ])('%s', async (_what, environment, sentence) => {
    const ending = await runRefused(environment);

    expect(ending).toEqual({ status: 1, output: '', errors: oneLine(sentence) });
  });

  test('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    const ending = await runRefused({ PORT: String(port), DATA_DIR: folder });

    other.close();
    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: oneLine(`"PORT" ${port} is in use on 127.0.0.1; set PORT`),
    });
  });

  test('a data folder of another server, by any path', async () => {
    await startServer();
    const link = `${folder}-link`;
    symlinkSync(folder, link);

    const ending = await runRefused({ PORT: '0', DATA_DIR: link });

    rmSync(link);
    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: oneLine(`"DATA_DIR" (${link}) is in use by another server; stop`),
    });
  });

  test('a data folder in a file system that takes none', async () => {
    const ending = await runRefused({ PORT: '0', DATA_DIR: '/proc/image-sharing/data' });

    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: oneLine('"DATA_DIR" (/proc/image-sharing/data) cannot be used (ENOENT); set DATA_DIR'),
    });
  });

  test('queues that cannot be read', async () => {
    writeFileSync(join(folder, 'events.sqlite'), 'no database '.repeat(1000));

    const ending = await runRefused({ PORT: '0', DATA_DIR: folder });

    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: oneLine(`The file ${join(folder, 'events.sqlite')} cannot be used (file is not a database): remove it`),
    });
  });

  test('data that the engine cannot read', async () => {
    writeFileSync(join(folder, 'table.sqlite'), 'no database '.repeat(1000));

    const ending = await runRefused({ PORT: '0', DATA_DIR: folder });

    expect(ending).toEqual({ status: 1, output: '', errors: oneLine('The embedded table engine does not start on') });
  });
});

/** Matches one line that contains the text. */
function oneLine(part: string): unknown {
  return [expect.stringContaining(part), ''];
}
