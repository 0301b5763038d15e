import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { timestamp } from '../../../lambda/domain/clock.ts';
import { environmentWithoutSettings, startServerProcess, type ServerProcess } from '../../support/local-server.ts';
import { runCommand } from '../../support/run-command.ts';
import { startProgram, type Program } from '../../support/start-program.ts';

const operate = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate');

let folder: string;
const programs: Program[] = [];
const environment = () => ({ ...environmentWithoutSettings(), PORT: '0', DATA_DIR: folder });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-events-'));
});

afterEach(async () => {
  for (const program of programs.splice(0)) await program.end('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Runs a command-line program of `infra/operate` until it exits. */
async function run(program: string, ...args: readonly string[]) {
  const { code, stdout, stderr } = await runCommand(process.execPath, [join(operate, program), ...args], {
    env: environment(),
    timeoutSeconds: 60,
  });
  return { status: code, output: stdout, errors: stderr };
}

async function startServer(): Promise<ServerProcess> {
  const server = await startServerProcess(environment());
  programs.push(server);
  return server;
}

const alice = { 'x-auth-token': 'dev:alice:alpha:member', 'content-type': 'application/json' };
const post = (url: string, body: object) =>
  fetch(url, { method: 'POST', headers: alice, body: JSON.stringify(body) }).then((response) => response.json());

/** Watches the events until a line includes a text, and returns all lines up to that line. */
async function linesUntil(text: string): Promise<readonly string[]> {
  const watch = await startProgram({
    command: [process.execPath, join(operate, 'watch-events.ts')],
    env: environment(),
    ready: new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)),
  });
  programs.push(watch);
  return watch.lines.slice(0, watch.lines.indexOf(watch.ready.input) + 1);
}

test('an offer travels: made by a request, answered by a command, watched, and nothing is lost by kill -9', async () => {
  const server = await startServer();
  const { url } = server;
  const { id } = (await post(`${url}/v2/images`, { name: 'golden' })) as { id: string };
  await post(`${url}/v2/images/${id}/members`, { member: 'beta' });
  await server.end('SIGKILL');
  const fields = ['project=beta', 'user=bob', `image_id=${id}`, 'member_id=beta', 'status=accepted', 'reply=true'];
  const sent = await run('send-command.ts', 'answer-offer', ...fields);

  await startServer();
  const lines = await linesUntil('for beta: pending → accepted, by bob of beta (command)');

  expect(sent).toMatchObject({
    status: 0,
    output: expect.stringMatching(/^Sent to ImageSharing-Commands/),
    errors: '',
  });
  const linesOf = (type: string) => lines.filter((line) => line.includes(` ${type} `));
  expect(linesOf('image.create').length).toBeGreaterThan(0);
  expect(linesOf('image.member.create')[0]).toMatch(/"golden" .* for beta: none → pending, by alice of alpha \(http\)/);
  await linesUntil('"outcome":"done"');
});

test('a server that is started again publishes what comes after twenty images and kill -9', async () => {
  const server = await startServer();
  const { url } = server;
  const create = async (at: string, name: string) => post(`${at}/v2/images`, { name });
  for (let n = 1; n <= 20; n += 1) await create(url, `image-${n}`);
  await linesUntil('"image-20"');
  await server.end('SIGKILL');

  const again = await startServer();
  await create(again.url, 'image-21');
  const lines = await linesUntil('"image-21"');

  expect(lines.at(-1)).toContain(' image.create ');
});

test('an offer whose end passes while the server is stopped is ended after its next start', async () => {
  const server = await startServer();
  const { url } = server;
  const { id } = (await post(`${url}/v2/images`, { name: 'temporary' })) as { id: string };
  await post(`${url}/v2/images/${id}/members`, { member: 'beta' });
  const end = Date.now() + 10_000;
  const { status } = await fetch(`${url}/sharing/v1/images/${id}/members/beta/expiry`, {
    method: 'PUT',
    headers: alice,
    body: JSON.stringify({ expires_at: timestamp(new Date(end)) }),
  });
  await server.end('SIGTERM');
  await setTimeout(end - Date.now());

  await startServer();
  const lines = await linesUntil('→ none, by expiry of alpha (expiry)');

  expect(status).toBe(200);
  expect(lines.at(-1)).toContain(' image.member.delete ');
});

test('dead-letters lists refused commands with their reasons and redrives them', async () => {
  await startServer();
  const unseen = '00000000-0000-4000-8000-000000000000';
  await run('send-command.ts', '{"version": 9}');
  await run(
    'send-command.ts',
    ...['withdraw-offer', 'project=alpha', 'user=alice', `image_id=${unseen}`, 'member_id=beta', 'reply=true'],
  );
  await linesUntil('"refused"');

  const shown = await run('dead-letters.ts');
  const redriven = await run('dead-letters.ts', 'redrive', 'all');

  expect(shown.output).toContain(`reason: No image found with ID ${unseen}.`);
  expect(shown.output).toContain('reason: "version" must be 1; got 9.');
  expect(shown.output).toContain('2 in total.');
  expect(redriven).toEqual({ status: 0, output: '2 redriven.\n', errors: '' });
});

describe('an invalid command line prints one sentence, and the usage if it helps, and fails:', () => {
  test.each([
    ['send-command.ts', [], '"<command>" is missing; it must be one of .*'],
    ['send-command.ts', ['explode'], '"<command>" must be one of .*; got "explode"'],
    ['send-command.ts', ['answer-offer', 'status'], '"<field>=<value>" must be an assignment .*; got "status"'],
    ['send-command.ts', ['answer-offer', 'force=true'], '"<field>=<value>" must be an assignment .*; got "force=true"'],
    ['send-command.ts', ['offer-images', 'offers=beta'], '"offers" must be a JSON list .*; got "beta"'],
    ['send-command.ts', [`{"a": "${'x'.repeat(100_000)}"}`], 'There are no queues in'],
    ['send-command.ts', ['answer-offer'], 'There are no queues in'],
    ['watch-events.ts', ['--all'], '"--all" is not an option of this command; .*'],
    ['watch-events.ts', [], 'There are no queues in'],
    ['dead-letters.ts', ['purge'], 'The only action is "redrive"; got "purge"'],
    ['dead-letters.ts', ['redrive'], '"redrive" must be followed by .*'],
    ['dead-letters.ts', [], 'There are no queues in'],
    ['dead-letters.ts', ['--queue', 'Commands'], '"--queue" is not an option of this command; .*'],
    ['dead-letters.ts', ['--stack'], '"--stack" must have a value, .*'],
  ])('%s %j', async (program, args, sentence) => {
    const ending = await run(program, ...args);

    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: expect.stringMatching(
        `^${sentence.replaceAll('"', '.')}.*\n(\nUsage: npm run ${program.slice(0, -3)}[^]*)?$`,
      ),
    });
  });
});
