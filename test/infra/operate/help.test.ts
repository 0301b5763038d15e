import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { projectFolder } from '../../../infra/project-folder.ts';

/** The command lines: npm script, file, and exit code for invalid arguments if it is not 1. */
const commands: readonly (readonly [script: string, file: string, usageExitCode?: number])[] = [
  ['start', 'infra/local/serve.ts'],
  ['run dead-letters', 'infra/operate/dead-letters.ts'],
  ['run cost', 'test/cost/run.ts'],
  ['run guard', 'infra/operate/guard.ts'],
  ['run orphaned-objects', 'infra/operate/orphaned-objects.ts'],
  ['run restore', 'infra/operate/restore.ts'],
  ['run sharing', 'infra/operate/sharing.ts', 2],
  ['run send-command', 'infra/operate/send-command.ts'],
  ['run watch-events', 'infra/operate/watch-events.ts'],
  ['run bench', 'test/bench/run.ts'],
  ['run scale', 'test/scale/run.ts'],
  ['run fuzz', 'test/fuzz/run.ts'],
  ['run test:clients', 'test/clients/run.ts'],
  ['run test:conformance', 'test/conformance/run.ts'],
  ['run test:deploy', 'test/deploy/deploy.ts'],
  ['run test:engines', 'test/engines/run.ts'],
  ['run test:identity', 'test/identity/run.ts'],
  ['run test:workflows', 'test/workflows/run.ts'],
];

function run(file: string, args: readonly string[] = [], env = process.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(projectFolder, file), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env,
  });
  return { status, stdout, stderr };
}

describe.each(commands)('npm %s', (script, file, usageExitCode = 1) => {
  test('prints the usage for --help', () => {
    const { status, stdout, stderr } = run(file, ['--help']);

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: npm ${script}[ \n]`));
  });

  test('refuses an unknown option with one sentence and the usage', () => {
    const { status, stdout, stderr } = run(file, ['--hlep']);

    expect({ status, stdout }).toEqual({ status: usageExitCode, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(`^"--hlep" is not an option of this command; did you mean --help\\?\n\nUsage: npm ${script}[ \n]`),
    );
  });
});

test('npm start --help describes every setting with its default', () => {
  const { stdout } = run('infra/local/serve.ts', ['--help']);

  expect(stdout).toMatch(/^ {2}PORT +port on 127\.0\.0\.1; 0 selects a free port \(default: 9292\)$/m);
  expect(stdout).toMatch(/^ {2}TOKEN_CACHE_SECONDS +.*\(default: 300\)$/m);
});

test.each([
  ['test/fuzz/run.ts', 'Schemathesis requires Python 3.10 or later as python3 on the PATH; got none.\n'],
  [
    'test/clients/run.ts',
    'Python 3.11 or later is required as python3 on the PATH for the OpenStack clients; got none.\n',
  ],
  [
    'test/identity/run.ts',
    'Python 3.11 or later is required as python3 on the PATH for the OpenStack clients; got none.\n',
  ],
])('%s without Python says in one sentence what is missing', (file, sentence) => {
  const result = run(file, [], { PATH: '/nonexistent' });

  expect(result).toEqual({ status: 1, stdout: '', stderr: sentence });
});
