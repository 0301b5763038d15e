import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startLocalServer, type LocalServer } from './support/local-server.ts';
import { expectedSession, runReadmeSession } from './support/readme-session.ts';

let server: LocalServer;

beforeAll(async () => {
  server = await startLocalServer({ IDENTITY: 'dev' });
});

afterAll(() => server.stop());

test('the session of the README runs as described', async () => {
  const output = await runReadmeSession(server.base, 'stand-in');

  expect(output).toMatchObject(expectedSession(server.base, (output[0] as { id: unknown }).id));
});

test('`npm start` prints the session of the README with its own address', async () => {
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const [, session] = /## A session\n.*?```sh\n(.*?)\n```/s.exec(readme)!;
  const lines = session!.replace('http://127.0.0.1:9292', server.base).split('\n');

  // The server prints the session after the address that tells that it is ready.
  while (!server.lines.includes(lines.at(-1)!)) await setTimeout(10);

  expect(server.lines.join('\n')).toContain(lines.join('\n'));
});
