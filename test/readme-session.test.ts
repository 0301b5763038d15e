import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startLocalServer, type LocalServer } from './support/local-server.ts';
import { expectedSession, runReadmeSession, runSharingSession } from './support/readme-session.ts';

let server: LocalServer;

beforeAll(async () => {
  server = await startLocalServer({ IDENTITY: 'dev' });
});

afterAll(() => server.stop());

test('the session of the README runs as described', async () => {
  const output = await runReadmeSession(server.base, 'stand-in');

  expect(output).toMatchObject(expectedSession(server.base, (output[0] as { id: unknown }).id));
});

test('the commands of the README for the sharing API run as described', async () => {
  const [created, ...output] = await runSharingSession(server.base);

  const { id } = JSON.parse(created!) as { id: string };
  const lines = output.map((line) =>
    line
      .replaceAll(id, '<id>')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, '<time>')
      .replaceAll(/ {2,}/g, '  '),
  );
  const memberships = 'IMAGE  PROJECT  STATUS  ENDS';
  expect(lines.slice(0, 9)).toEqual([
    ...[memberships, '<id>  beta  pending  <time>', '<id>  gamma  pending  <time>'],
    ...['IMAGE  NAME  OWNER  STATUS  OFFERED  ENDS', '<id>  fedora  alpha  pending  <time>  <time>'],
    ...[memberships, '<id>  beta  accepted  <time>'],
    'Future offers of alpha arrive as accepted.',
    'TIME  MEMBER  CHANGE  BY  VIA',
  ]);
  // The history has a change shortly after its response.
  const changes = lines.slice(9);
  expect(changes).toContain('<time>  -  none → shared, owner alpha  alpha (alice)  http');
  expect([
    '<time>  -  none → shared, owner alpha  alpha (alice)  http',
    '<time>  beta  none → pending until <time>  alpha (alice)  http',
    '<time>  gamma  none → pending until <time>  alpha (alice)  http',
    '<time>  beta  pending until <time> → accepted until <time>  beta  http',
  ]).toEqual(expect.arrayContaining(changes));
});

test('`npm start` prints the session of the README with its own address', async () => {
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const [, session] = /## A session\n.*?```sh\n(.*?)\n```/s.exec(readme)!;
  const lines = session!.replace('http://127.0.0.1:9292', server.base).split('\n');

  // The server prints the session after the address that tells that it is ready.
  while (!server.lines.includes(lines.at(-1)!)) await setTimeout(10);

  expect(server.lines.join('\n')).toContain(lines.join('\n'));
});
