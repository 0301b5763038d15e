import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** The outcome of a command. */
export interface CommandResult {
  command: string;
  /** The exit code, or null if a signal ended the command. */
  code: number | null;
  stdout: string;
  stderr: string;
}

interface CommandOptions {
  cwd?: string;
  /** The whole environment; by default the environment of this process. */
  env?: NodeJS.ProcessEnv;
  timeoutSeconds: number;
}

/** Formats the output and the exit code of a command for a person. */
export const describeResult = ({ command, code, stdout, stderr }: CommandResult): string =>
  [`$ ${command}`, stdout.trimEnd(), stderr.trimEnd(), `exit code ${code ?? 'none, ended by a signal'}`]
    .filter((line) => line !== '')
    .join('\n');

/**
 * Runs a command without a shell and without input until it exits.
 *
 * @throws Error with its output if the command exceeds its timeout (it is then killed) or cannot be started
 */
export const runCommand = async (
  file: string,
  args: readonly string[],
  { timeoutSeconds, ...options }: CommandOptions,
): Promise<CommandResult> => {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const kill = () => child.kill('SIGKILL');
  timeout.addEventListener('abort', kill);
  try {
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    const result = { command: [file, ...args].join(' '), code: code as number | null, stdout, stderr };
    if (timeout.aborted) throw new Error(`Not done after ${timeoutSeconds} s.\n${describeResult(result)}`);
    return result;
  } finally {
    timeout.removeEventListener('abort', kill);
  }
};
