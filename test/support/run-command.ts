import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** What came of a command. The code is null when a signal ended it. */
export interface CommandResult {
  command: string;
  code: number | null;
  stdout: string;
  stderr: string;
}

/** How to run a command; the environment is the whole of it. */
interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  timeoutSeconds: number;
}

/** All that a command said and how it ended, to be read by a person. */
export const describeResult = ({ command, code, stdout, stderr }: CommandResult): string =>
  [`$ ${command}`, stdout.trimEnd(), stderr.trimEnd(), `exit code ${code ?? 'none, it was ended'}`]
    .filter((line) => line !== '')
    .join('\n');

/**
 * Runs a command without a shell and without input, until it ends by itself.
 *
 * @throws Error with what it said so far when it takes longer than its time (it is then killed), or cannot be started.
 */
export const runCommand = async (
  file: string,
  args: readonly string[],
  { timeoutSeconds, ...options }: CommandOptions,
): Promise<CommandResult> => {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const late = AbortSignal.timeout(timeoutSeconds * 1000);
  const kill = () => child.kill('SIGKILL');
  late.addEventListener('abort', kill);
  try {
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    const result = { command: [file, ...args].join(' '), code: code as number | null, stdout, stderr };
    if (late.aborted) throw new Error(`not done after ${timeoutSeconds} s\n${describeResult(result)}`);
    return result;
  } finally {
    late.removeEventListener('abort', kill);
  }
};
