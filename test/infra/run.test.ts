import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { projectFolder } from '../../infra/project-folder.ts';

/** A project folder with the scripts, an empty lock file and a program. */
let folder: string;
let program: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-run-'));
  mkdirSync(join(folder, 'infra'));
  mkdirSync(join(folder, 'node_modules'));
  for (const script of ['run.mjs', 'ensure-installed.mjs']) {
    copyFileSync(join(projectFolder, 'infra', script), join(folder, 'infra', script));
  }
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  for (const file of ['package-lock.json', 'node_modules/.package-lock.json']) {
    writeFileSync(join(folder, file), '{"packages": {}}');
  }
  program = join(folder, 'program.ts');
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Starts the program with this source text by the script. */
function start(source: string, ...args: readonly string[]): ChildProcess {
  writeFileSync(program, source);
  return spawn(process.execPath, [join(folder, 'infra', 'run.mjs'), program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

test('a program gets its arguments and the input, and its exit code is returned', async () => {
  const child = start(
    `import { text } from 'node:stream/consumers';
     const args: readonly string[] = process.argv.slice(2);
     console.log(JSON.stringify([args, await text(process.stdin)]));
     process.exit(7);`,
    'one two',
    '--three',
  );
  child.stdin!.end('input');

  const [output, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')]);

  expect([JSON.parse(output), code]).toEqual([[['one two', '--three'], 'input'], 7]);
});

test('missing packages are installed before the program runs', () => {
  rmSync(join(folder, 'node_modules'), { recursive: true });
  const npm = join(folder, 'npm.mjs');
  writeFileSync(
    npm,
    `import { mkdirSync, writeFileSync } from 'node:fs';
     mkdirSync('node_modules');
     writeFileSync('node_modules/.package-lock.json', '{"packages": {}}');`,
  );
  writeFileSync(program, `console.log('runs')`);

  const { status, stdout } = spawnSync(process.execPath, [join(folder, 'infra', 'run.mjs'), program], {
    encoding: 'utf8',
    env: { ...process.env, npm_execpath: npm },
  });

  expect({ status, stdout }).toEqual({ status: 0, stdout: 'runs\n' });
  expect(existsSync(join(folder, 'node_modules', '.package-lock.json'))).toBe(true);
});

test('a program runs on the installed Node', async () => {
  mkdirSync(join(folder, 'node_modules', '.bin'));
  const installed = join(folder, 'node_modules', '.bin', 'node');
  symlinkSync('/bin/echo', installed);
  const child = start('');

  const output = await text(child.stdout!);

  expect(output).toBe(`${program}\n`);
});

test.each([['SIGTERM' as const], ['SIGHUP' as const]])('%s is forwarded to the program', async (signal) => {
  const child = start(
    `process.on('${signal}', () => { console.log('stopped'); process.exit(5); });
     setInterval(() => undefined, 1000);
     console.log('ready');`,
  );
  const lines: string[] = [];
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    lines.push(...chunk.trimEnd().split('\n'));
    if (lines.includes('ready')) child.kill(signal);
  });

  const [code] = (await once(child, 'close')) as [number];

  expect([lines, code]).toEqual([['ready', 'stopped'], 5]);
});

test('after SIGINT the script waits for the program', async () => {
  const child = start(
    `console.log('ready');
     process.stdin.once('data', () => process.exit(6));`,
  );
  await once(child.stdout!, 'data');

  child.kill('SIGINT');
  child.stdin!.write('end');
  const [code] = (await once(child, 'exit')) as [number];

  expect(code).toBe(6);
});

test('a program that a signal ended has the exit code of a shell', async () => {
  const child = start(`process.kill(process.pid, 'SIGKILL'); setInterval(() => undefined, 1000);`);

  const [code] = (await once(child, 'exit')) as [number];

  expect(code).toBe(137);
});
