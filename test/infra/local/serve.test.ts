import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EventStore } from '../../../infra/local/events/event-store.ts';
import { projectFolder } from '../../../infra/project-folder.ts';
import { testEndpoint } from '../../support/engine.ts';

const program = join(projectFolder, 'infra', 'local', 'serve.ts');
const alice = { 'x-auth-token': 'dev:alice:alpha:member', 'content-type': 'application/json' };

let folder: string;
const servers: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-serve-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if (server.exitCode !== null || server.signalCode !== null) continue;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  rmSync(folder, { recursive: true });
});

type Environment = Readonly<Record<string, string>>;

function spawnServer(environment: Environment): ChildProcess {
  const {
    PORT: _port,
    DATA_DIR: _folder,
    DYNAMODB_ENDPOINT: _endpoint,
    CORS_ORIGINS: _origins,
    IMAGE_MEMBER_QUOTA: _quota,
    ...inherited
  } = process.env;
  const server = spawn(process.execPath, [program], {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  servers.push(server);
  return server;
}

/** Starts a server. Returns when it is ready, with its first line. */
async function startServer(environment: Environment = { PORT: '0', DATA_DIR: folder }) {
  const server = spawnServer(environment);
  server.stderr?.resume();
  for await (const line of createInterface({ input: server.stdout! })) {
    const url = /^Listening on (http:\/\/127\.0\.0\.1:\d+) with /.exec(line)?.[1];
    if (url !== undefined) return { server, line, url };
  }
  throw new Error('The server has ended before it was ready.');
}

async function end(server: ChildProcess, signal: NodeJS.Signals) {
  const exited = once(server, 'exit');
  server.kill(signal);
  return exited;
}

/** Starts a server that does not become ready. Returns its exit status and output. */
async function refusal(environment: Environment) {
  const server = spawnServer({ DATA_DIR: folder, ...environment });
  const [output, errors, [status]] = await Promise.all([
    text(server.stdout!),
    text(server.stderr!),
    once(server, 'exit'),
  ]);
  return { status: status as unknown, output, errors: errors.split('\n') };
}

async function createImage(url: string): Promise<string> {
  const response = await fetch(`${url}/v2/images`, { method: 'POST', headers: alice, body: '{"name": "kept"}' });
  const { id } = (await response.json()) as { id: string };
  return id;
}

describe('a running server', () => {
  test.each([['SIGINT' as const], ['SIGTERM' as const]])('ends at %s with status 0', async (signal) => {
    const { server } = await startServer();

    const [status] = await end(server, signal);

    expect(status).toBe(0);
  });

  test('ends once after several signals', async () => {
    const { server } = await startServer();

    const exited = once(server, 'exit');
    for (let count = 0; count < 3; count += 1) server.kill('SIGINT');
    const [status] = await exited;

    expect(status).toBe(0);
  });

  test('prints the folder of its data', async () => {
    const { url, line } = await startServer();

    expect(line).toBe(`Listening on ${url} with data in ${folder}`);
  });

  test.each([['SIGINT' as const], ['SIGKILL' as const]])('finds its data again after %s', async (signal) => {
    const { server, url } = await startServer();
    const id = await createImage(url);
    await end(server, signal);

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

    const { url, line } = await startServer({ PORT: '0', DATA_DIR: folder, DYNAMODB_ENDPOINT: endpoint });
    const id = await createImage(url);
    const another = join(folder, 'another');
    const other = await startServer({ PORT: '0', DATA_DIR: another, DYNAMODB_ENDPOINT: endpoint });
    const response = await fetch(`${other.url}/v2/images/${id}`, { headers: alice });

    expect(line).toBe(`Listening on ${url} with tables at ${endpoint} and queues in ${folder}`);
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
      '"CORS_ORIGINS" must be a comma-separated list of origins',
    ],
    ['an invalid member quota', { IMAGE_MEMBER_QUOTA: 'x' }, '"IMAGE_MEMBER_QUOTA" must be a whole number of members'],
    ['an invalid endpoint', { DYNAMODB_ENDPOINT: 'here' }, '"DYNAMODB_ENDPOINT" must be a URL'],
    [
      'an unreachable engine',
      { PORT: '0', DYNAMODB_ENDPOINT: 'http://127.0.0.1:1' },
      'No DynamoDB-compatible engine responds at "DYNAMODB_ENDPOINT" (http://127.0.0.1:1): ECONNREFUSED; start',
    ],
  ])('%s', async (_what, environment, sentence) => {
    const ending = await refusal(environment);

    expect(ending).toEqual({ status: 1, output: '', errors: oneLine(sentence) });
  });

  test('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    const ending = await refusal({ PORT: String(port), DATA_DIR: folder });

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

    const ending = await refusal({ PORT: '0', DATA_DIR: link });

    rmSync(link);
    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: oneLine(`"DATA_DIR" (${link}) is in use by another server; stop`),
    });
  });

  test('a data folder in a file system without folders', async () => {
    const ending = await refusal({ PORT: '0', DATA_DIR: '/proc/image-sharing/data' });

    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: oneLine('"DATA_DIR" (/proc/image-sharing/data) cannot be used (ENOENT); set DATA_DIR'),
    });
  });

  test('queues that cannot be read', async () => {
    writeFileSync(join(folder, 'events.sqlite'), 'no database '.repeat(1000));

    const ending = await refusal({ PORT: '0', DATA_DIR: folder });

    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: oneLine(`The file ${join(folder, 'events.sqlite')} cannot be used (file is not a database): remove it`),
    });
  });

  test('data that the engine cannot read', async () => {
    writeFileSync(join(folder, 'table.sqlite'), 'no database '.repeat(1000));

    const ending = await refusal({ PORT: '0', DATA_DIR: folder });

    expect(ending).toEqual({ status: 1, output: '', errors: oneLine('The embedded table engine does not start on') });
  });
});

/** Matches one line that contains the text. */
function oneLine(part: string): unknown {
  return [expect.stringContaining(part), ''];
}
