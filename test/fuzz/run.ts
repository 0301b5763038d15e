import { spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { UsageError, runCommand as runCommandLine } from '../../infra/usage-error.ts';
import { describeResult, runCommand } from '../support/run-command.ts';
import { startLocalServer } from '../support/local-server.ts';

// Runs Schemathesis against the OpenAPI description of a local server. `test:fuzz` sends few requests from a fixed seed;
// `fuzz` (with --long) sends many requests from a random seed or from SEED. The requests also depend on the responses,
// including ids and times, so a seed does not repeat a run exactly.

const folder = import.meta.dirname;
const environment = join(folder, '..', '..', '.venv', 'fuzz');
const requirements = join(folder, 'requirements.txt');
const stamp = join(environment, 'made-from.sha256');

/** Number of requests of each operation, and number of sequences. */
const amounts = { short: { requests: 50, sequences: 120 }, long: { requests: 1000, sequences: 2000 } } as const;

const usage = `Usage: npm run fuzz (long) or npm run test:fuzz (short)

Runs Schemathesis against the OpenAPI description of a local server. Requires Python 3.10.

  --long        many requests from a random seed; "npm run fuzz" sets it
  SEED=<n>      environment variable: the seed, at most 9 digits (default 1; with --long a random number)`;

/** Installs Schemathesis into `.venv/fuzz` if it is missing. Returns the path of its command. */
async function install(): Promise<string> {
  const command = join(environment, 'bin', 'schemathesis');
  const python = await runCommand('python3', ['--version'], { timeoutSeconds: 30 }).catch(() => undefined);
  const found = python?.stdout.trim() ?? 'none';
  if (!/^Python 3\.1\d/.test(found)) {
    throw new UsageError(`Schemathesis requires Python 3.10 or later as python3 on the PATH; got ${found}.`);
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
    throw new UsageError(
      `python3 cannot create a virtual environment; on Debian install the package python3-venv.\n${describeResult(made)}`,
    );
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
  const installed = await runCommand(join(environment, 'bin', 'python'), pip, { timeoutSeconds: 600 });
  if (installed.code !== 0) throw new UsageError(`pip cannot install Schemathesis.\n${describeResult(installed)}`);
  await writeFile(stamp, madeFrom);
  return command;
}

/** Runs phases of Schemathesis and prints its output. Returns true if it found no error. */
async function fuzz(command: string, base: string, phases: string, examples: number, seed: number): Promise<boolean> {
  const tests = spawn(
    command,
    [
      ...['--config-file', join(folder, 'schemathesis.toml'), 'run', `${base}/openapi.json`],
      ...['--phases', phases, '--max-examples', String(examples), '--seed', String(seed)],
      ...['--continue-on-failure', '--no-color'],
    ],
    {
      cwd: environment, // the folder of its own files
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
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`"SEED" must be a whole number of at most 9 digits; got ${JSON.stringify(text)}.`);
  return Number(text);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await runCommandLine(usage, async (args) => {
  const isLong = parseArguments(args, { long: { type: 'boolean' } }).values.long === true;
  const seed = seedOf(process.env['SEED'], isLong);
  const { requests, sequences } = amounts[isLong ? 'long' : 'short'];
  const command = await install();
  const server = await startLocalServer();
  try {
    const single = await fuzz(command, server.base, 'coverage,fuzzing', requests, seed);
    const inSequence = await fuzz(command, server.base, 'stateful', sequences, seed);
    if (!single || !inSequence) throw new UsageError(`Schemathesis found errors; see above. The seed was ${seed}.`);
  } finally {
    await server.stop();
  }
});
