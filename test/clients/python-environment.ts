import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../infra/usage-error.ts';
import { describeResult, runCommand } from '../support/run-command.ts';

const root = join(import.meta.dirname, '..', '..');

/** The packages of a Python environment. */
export interface PythonPackages {
  /** Name of the environment's folder in `.venv`. */
  name: string;
  /** Name of the packages in messages. */
  what: string;
  /** Path of the file that pins the packages. */
  requirements: string;
}

const clients: PythonPackages = {
  name: 'clients',
  what: 'the OpenStack clients',
  requirements: join(import.meta.dirname, 'requirements.txt'),
};

const pythonVersion = async (what: string): Promise<string> => {
  const asked = await runCommand('python3', ['--version'], { timeoutSeconds: 30 }).catch(() => undefined);
  const found = asked?.stdout.trim() ?? 'none';
  const version = /^Python 3\.(\d+)/.exec(found);
  if (!version || Number(version[1]) < 11) {
    throw new UsageError(`Python 3.11 or later is required as python3 on the PATH for ${what}; got ${found}.`);
  }
  return found;
};

/**
 * Creates a Python environment in `.venv` with pinned packages, by default `.venv/clients` with the OpenStack clients. Keeps
 * an existing environment of the same requirements and Python version.
 *
 * @returns the folder of its commands
 * @throws UsageError with the output of pip if Python is missing or the packages cannot be installed
 */
export const preparePythonEnvironment = async ({
  name,
  what,
  requirements,
}: PythonPackages = clients): Promise<string> => {
  const environment = join(root, '.venv', name);
  const stamp = join(environment, 'made-from.sha256');
  const madeFrom = createHash('sha256')
    .update(await pythonVersion(what))
    .update(await readFile(requirements))
    .digest('hex');
  const commands = join(environment, 'bin');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === madeFrom) return commands;

  console.log(`Installing ${what} into .venv/${name}, once.`);
  await rm(environment, { recursive: true, force: true });
  await mkdir(environment, { recursive: true });
  const made = await runCommand('python3', ['-m', 'venv', environment], { timeoutSeconds: 120 });
  if (made.code !== 0) {
    throw new UsageError(
      `python3 cannot create a virtual environment; on Debian install the package python3-venv.\n${describeResult(made)}`,
    );
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
  const installed = await runCommand(join(commands, 'python'), pip, { timeoutSeconds: 600 });
  if (installed.code !== 0) throw new UsageError(`pip cannot install ${what}.\n${describeResult(installed)}`);
  await writeFile(stamp, madeFrom);
  return commands;
};
