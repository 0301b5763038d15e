import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { projectFolder } from '../../infra/project-folder.ts';

const script = join(projectFolder, 'infra', 'ensure-installed.mjs');

/** A project folder with the script, a lock file and a substitute for npm that records its arguments. */
let folder: string;
let npm: string;
let npmCalls: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-folder-'));
  mkdirSync(join(folder, 'infra'), { recursive: true });
  copyFileSync(script, join(folder, 'infra', 'ensure-installed.mjs'));
  writeLock('package-lock.json', packages);
  npm = join(folder, 'npm.mjs');
  npmCalls = join(folder, 'npm-calls.json');
});

afterEach(() => rmSync(folder, { recursive: true }));

const packages = {
  '': { name: 'image-sharing' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/for-another-platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};
const installed = { 'node_modules/a': packages['node_modules/a'] };

describe('packages that match the lock file', () => {
  test('are not installed again', () => {
    writeLock('node_modules/.package-lock.json', installed);

    const run = ensureInstalled('');

    expect(run).toEqual({ status: 0, output: '', calls: undefined });
  });
});

describe('packages that do not match the lock file', () => {
  test.each([
    ['no packages', undefined],
    ['a missing package', {}],
    ['a package of another version', { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } }],
    ['a package of other content', { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-c' } }],
  ])('%s: are installed with npm ci', (_what, present) => {
    if (present !== undefined) writeLock('node_modules/.package-lock.json', present);

    const run = ensureInstalled(
      `mkdirSync('node_modules', { recursive: true });
       writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(JSON.stringify({ packages: installed }))});`,
    );

    expect(run).toEqual({
      status: 0,
      output: 'Installing the packages of package-lock.json (npm ci), once …\n',
      calls: ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    });
  });
});

test.each([
  ['fails', 'process.exit(7)', 'The packages could not be installed; see the npm error above.'],
  ['installs something else', '', 'npm ci did not install the packages of package-lock.json;'],
])('an npm that %s gives an error message', (_what, program, sentence) => {
  const run = ensureInstalled(program);

  expect(run).toMatchObject({ status: 1, output: expect.stringContaining(sentence) });
  expect(run.output).not.toContain('    at ');
});

test('a missing npm gives an error message', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'infra', 'ensure-installed.mjs')], {
    encoding: 'utf8',
    env: { PATH: folder },
  });

  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/…\nThe packages could not be installed, because "npm" is not on the PATH; .*\n$/),
  });
});

describe('the progress of the installation', () => {
  /** A program that installs the package and then runs until the script has had time to show it. */
  const slowly = `
    console.error('npm error: a warning');
    mkdirSync('node_modules/a', { recursive: true });
    writeFileSync('node_modules/a/package.json', '{}');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(JSON.stringify({ packages: installed }))});`;

  test('is a line from time to time, with the output of npm', () => {
    const { status, output } = ensureInstalled(slowly, { isTerminal: false, intervals: 'short' });

    expect(status).toBe(0);
    expect(output).toMatch(
      /^Installing .*\n(0 of 1 packages\n)*npm error: a warning\n(0 of 1 packages\n)*(1 of 1 packages\n)+$/,
    );
  });

  test('is one line on a terminal, which is cleared for the output of npm and at the end', () => {
    const { status, output } = ensureInstalled(slowly, { isTerminal: true, intervals: 'short' });

    const line = (count: number) => `(\\r\\x1b\\[K${count} of 1 packages)`;
    const clear = '\\r\\x1b\\[K';
    expect(status).toBe(0);
    expect(output).toMatch(
      new RegExp(`^Installing .*\\r\\n${line(0)}*${clear}npm error: a warning\\r\\n${line(0)}*${line(1)}+${clear}$`),
    );
  });
});

function writeLock(file: string, content: object): void {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  writeFileSync(join(folder, file), JSON.stringify({ packages: content }));
}

/** A module that makes intervals a hundred times as short, so that a test need not wait for a line of progress. */
const shortIntervals =
  'data:text/javascript,const original=setInterval;globalThis.setInterval=(run,time)=>original(run,time/100)';

/**
 * Runs the script in the project folder.
 *
 * @param program - source text that the substitute for npm runs
 */
function ensureInstalled(program: string, { isTerminal = false, intervals = 'real' } = {}) {
  writeFileSync(
    npm,
    `import { mkdirSync, writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(npmCalls)}, JSON.stringify(process.argv.slice(2)));
     ${program}`,
  );
  const flags = intervals === 'short' ? ['--import', shortIntervals] : [];
  const command = [process.execPath, ...flags, join(folder, 'infra', 'ensure-installed.mjs')];
  const [file = '', ...args] = isTerminal
    ? ['script', '-qec', command.map((part) => `'${part}'`).join(' '), '/dev/null']
    : command;
  const { status, stdout, stderr } = spawnSync(file, args, {
    encoding: 'utf8',
    env: { ...process.env, npm_execpath: npm },
  });
  const calls: unknown = existsSync(npmCalls) ? JSON.parse(readFileSync(npmCalls, 'utf8')) : undefined;
  return { status, output: stdout + stderr, calls };
}
