import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runCommand } from '../../support/run-command.ts';

const operate = join(import.meta.dirname, '..', '..', '..', 'infra', 'operate');

let folder: string;
let settings: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-restore-'));
  settings = join(folder, 'settings.json');
  writeFileSync(settings, JSON.stringify({ production: false }));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command in an environment without any settings of AWS but these. */
async function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await runCommand(process.execPath, [join(operate, `${program}.ts`), ...args], {
    env: { PATH: process.env['PATH'], HOME: join(tmpdir(), 'missing'), AWS_EC2_METADATA_DISABLED: 'true', ...env },
    timeoutSeconds: 50,
  });
  return { code, stdout, stderr: stderr.trim() };
}

const refused = (stderr: unknown) => ({ code: 1, stdout: '', stderr });

test.each([[['--stage', 'prod']], [['--stage', 'prod', '--at', 'latest', '--table', 'table-1']]])(
  'the arguments %j of a restore are refused with the usage',
  async (args) => {
    expect(await run('restore', args)).toEqual(
      refused(
        expect.stringMatching(
          /^A restore requires one of "--at", "--backup" and "--table"\.\n\nUsage: npm run restore /,
        ),
      ),
    );
  },
);

test('a restore requires a stage', async () => {
  expect(await run('restore', ['--at', 'latest'])).toEqual(refused(expect.stringMatching(/^"--stage" is required: /)));
});

test.each([
  ['--at', 'yesterday', '"--at" must be latest or a time such as 2026-11-29T10:15:00Z; got "yesterday".'],
  [
    '--at',
    '2026-11-29T10:15:00',
    '"--at" must be latest or a time such as 2026-11-29T10:15:00Z; got "2026-11-29T10:15:00".',
  ],
  [
    '--at',
    '2026-13-29T10:15Z',
    '"--at" must be latest or a time such as 2026-11-29T10:15:00Z; got "2026-13-29T10:15Z".',
  ],
  ['--table', 'my table', '"--table" must be the name of a table; got "my table".'],
])('%s %s is refused in one sentence', async (option, value, sentence) => {
  expect(await run('restore', ['--stage', 'prod', option, value])).toEqual(refused(sentence));
});

test('an unknown stage is refused in one sentence', async () => {
  expect(await run('restore', ['--stage', 'prd', '--at', 'latest'])).toEqual(
    refused(expect.stringMatching(/^"--stage" must be .*; got "prd"\. Did you mean "prod"\?$/)),
  );
});

test('a guard without credentials is refused in one sentence', async () => {
  expect(await run('guard', ['--stage', 'trial', '--settings', settings], { AWS_REGION: 'eu-west-1' })).toEqual(
    refused(expect.stringMatching(/^AWS credentials are missing \(.*\): set AWS_PROFILE, or .*\.$/)),
  );
});

test('a restore without a region is refused in one sentence', async () => {
  const credentials = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

  expect(await run('restore', ['--stage', 'trial', '--settings', settings, '--at', 'latest'], credentials)).toEqual(
    refused('The region of the stack is missing: set AWS_REGION.'),
  );
});
