import { spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeResult, runCommand } from '../support/run-command.ts';
import { startLocalServer } from '../support/local-server.ts';

// Schemathesis against the OpenAPI description that a local server of this run serves. `test:fuzz` tries little, from the same
// seed; `fuzz` (with --long) tries much, from another seed each time or from SEED. What is tried depends on the seed and on
// what is answered, ids and times included, so that a run is not repeated to the byte.

const folder = import.meta.dirname;
const environment = join(folder, '..', '..', '.venv', 'fuzz');
const requirements = join(folder, 'requirements.txt');
const stamp = join(environment, 'made-from.sha256');

/** How many requests of an operation are tried, and how many sequences. */
const amounts = { short: { requests: 50, sequences: 120 }, long: { requests: 1000, sequences: 2000 } } as const;

/** Installs Schemathesis into `.venv/fuzz`, unless it is there; returns its command. */
async function install(): Promise<string> {
  const command = join(environment, 'bin', 'schemathesis');
  const python = await runCommand('python3', ['--version'], { timeoutSeconds: 30 }).catch(() => undefined);
  const found = python?.stdout.trim() ?? 'none';
  if (!/^Python 3\.1\d/.test(found)) {
    throw new Error(`Schemathesis needs Python 3.10 or newer as python3 on the PATH; found ${found}.`);
  }
  const madeFrom = createHash('sha256')
    .update(found)
    .update(await readFile(requirements))
    .digest('hex');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === madeFrom) return command;

  console.log('Installing Schemathesis into .venv/fuzz, once.');
  await rm(environment, { recursive: true, force: true });
  await mkdir(environment, { recursive: true });
  const made = await runCommand('python3', ['-m', 'venv', environment], { timeoutSeconds: 120 });
  if (made.code !== 0) {
    throw new Error(
      `python3 could not make a virtual environment; on Debian install the package python3-venv.\n${describeResult(made)}`,
    );
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
  const installed = await runCommand(join(environment, 'bin', 'python'), pip, { timeoutSeconds: 600 });
  if (installed.code !== 0) throw new Error(`pip could not install Schemathesis.\n${describeResult(installed)}`);
  await writeFile(stamp, madeFrom);
  return command;
}

/** Runs some phases of Schemathesis, which shows what it does; whether it found nothing. */
async function fuzz(command: string, base: string, phases: string, examples: number, seed: number): Promise<boolean> {
  const tests = spawn(
    command,
    [
      ...['--config-file', join(folder, 'schemathesis.toml'), 'run', `${base}/openapi.json`],
      ...['--phases', phases, '--max-examples', String(examples), '--seed', String(seed)],
      ...['--continue-on-failure', '--no-color'],
    ],
    {
      cwd: environment, // where it keeps notes of its own
      env: { ...process.env, SCHEMATHESIS_HOOKS: join(folder, 'hooks.py'), PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const kill = () => tests.kill('SIGKILL');
  process.once('exit', kill);
  const [code] = (await once(tests, 'exit')) as [number | null];
  process.removeListener('exit', kill);
  return code === 0;
}

function seedOf(text: string | undefined, isLong: boolean): number {
  if (text === undefined || text === '') return isLong ? randomInt(1_000_000) : 1;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`SEED is ${JSON.stringify(text)}: set it to a whole number.`);
  return Number(text);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  const isLong = process.argv.includes('--long');
  const seed = seedOf(process.env['SEED'], isLong);
  const { requests, sequences } = amounts[isLong ? 'long' : 'short'];
  const command = await install();
  const server = await startLocalServer();
  try {
    const single = await fuzz(command, server.base, 'coverage,fuzzing', requests, seed);
    const inSequence = await fuzz(command, server.base, 'stateful', sequences, seed);
    if (!single || !inSequence) throw new Error(`Schemathesis found faults; see above. The seed was ${seed}.`);
  } finally {
    await server.stop();
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
