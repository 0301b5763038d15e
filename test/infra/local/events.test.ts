import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { projectFolder } from '../../../infra/project-folder.ts';

const infra = join(projectFolder, 'infra');

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-events-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true });
});

function start(program: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [join(infra, program), ...args], {
    env: { ...process.env, PORT: '0', DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

/** Runs a command line to its end. */
async function run(program: string, ...args: readonly string[]) {
  const child = start(program, ...args);
  const [output, errors, [status]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')]);
  return { status: status as unknown, output, errors };
}

async function startServer() {
  const server = start('local/serve.ts');
  server.stderr?.resume();
  for await (const line of createInterface({ input: server.stdout! })) {
    const url = /^Listening on (http:\/\/127\.0\.0\.1:\d+) with /.exec(line)?.[1];
    if (url !== undefined) return { server, url };
  }
  throw new Error('The server has ended before it was ready.');
}

const alice = { 'x-auth-token': 'dev:alice:alpha:member', 'content-type': 'application/json' };
const post = (url: string, body: object) =>
  fetch(url, { method: 'POST', headers: alice, body: JSON.stringify(body) }).then((response) => response.json());

/** Returns the lines of watch-events up to the first line that contains the text. */
async function linesUntil(expected: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: start('operate/watch-events.ts').stdout! })) {
    lines.push(line);
    if (line.includes(expected)) return lines;
  }
  throw new Error(`No line contains ${expected}: ${lines.join('\n')}`);
}

test('watch-events prints an offer by a request and its answer by a command, also after kill -9', async () => {
  const { server, url } = await startServer();
  const { id } = (await post(`${url}/v2/images`, { name: 'golden' })) as { id: string };
  await post(`${url}/v2/images/${id}/members`, { member: 'beta' });
  server.kill('SIGKILL');
  await once(server, 'exit');
  const fields = ['project=beta', 'user=bob', `image_id=${id}`, 'member_id=beta', 'status=accepted', 'reply=true'];
  const sent = await run('operate/send-command.ts', 'answer-offer', ...fields);

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

test('a restarted server publishes new events after twenty images and kill -9', async () => {
  const { server, url } = await startServer();
  const create = async (at: string, name: string) => post(`${at}/v2/images`, { name });
  for (let n = 1; n <= 20; n += 1) await create(url, `image-${n}`);
  await linesUntil('"image-20"');
  server.kill('SIGKILL');
  await once(server, 'exit');

  const again = await startServer();
  await create(again.url, 'image-21');
  const lines = await linesUntil('"image-21"');

  expect(lines.at(-1)).toContain(' image.create ');
});

test('dead-letters lists refused commands with their reasons and redrives them', async () => {
  await startServer();
  const unseen = '00000000-0000-4000-8000-000000000000';
  await run('operate/send-command.ts', '{"version": 9}');
  await run(
    'operate/send-command.ts',
    ...['withdraw-offer', 'project=alpha', 'user=alice', `image_id=${unseen}`, 'member_id=beta', 'reply=true'],
  );
  await linesUntil('"refused"');

  const shown = await run('operate/dead-letters.ts');
  const redriven = await run('operate/dead-letters.ts', 'redrive', 'all');

  expect(shown.output).toContain(`reason: No image found with ID ${unseen}.`);
  expect(shown.output).toContain('reason: "version" must be 1; got 9.');
  expect(shown.output).toContain('2 in total.');
  expect(redriven).toEqual({ status: 0, output: '2 redriven.\n', errors: '' });
});

describe('an invalid command line prints one line and fails:', () => {
  test.each([
    ['operate/send-command.ts', [], 'Usage: npm run send-command[^]*Example:'],
    ['operate/send-command.ts', ['explode'], '"<command>" must be one of .*; got "explode"'],
    ['operate/send-command.ts', ['answer-offer', 'status'], '"<field>=<value>" must be an assignment .*; got "status"'],
    [
      'operate/send-command.ts',
      ['answer-offer', 'force=true'],
      '"<field>=<value>" must be an assignment .*; got "force=true"',
    ],
    ['operate/send-command.ts', [`{"a": "${'x'.repeat(100_000)}"}`], 'There are no queues in'],
    ['operate/send-command.ts', ['answer-offer'], 'There are no queues in'],
    ['operate/watch-events.ts', ['--all'], 'Usage: npm run watch-events'],
    ['operate/watch-events.ts', [], 'There are no queues in'],
    ['operate/dead-letters.ts', ['purge'], 'Usage: npm run dead-letters'],
    ['operate/dead-letters.ts', ['redrive'], 'Usage: npm run dead-letters'],
    ['operate/dead-letters.ts', [], 'There are no queues in'],
    ['operate/dead-letters.ts', ['--queue', 'Commands'], 'Usage: npm run dead-letters'],
    ['operate/dead-letters.ts', ['--stack'], 'Usage: npm run dead-letters'],
  ])('%s %j', async (program, args, sentence) => {
    const ending = await run(program, ...args);

    expect(ending).toEqual({
      status: 1,
      output: '',
      errors: expect.stringMatching(`^${sentence.replaceAll('"', '.')}.*\n$`),
    });
  });
});
