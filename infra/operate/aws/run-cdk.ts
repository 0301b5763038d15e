import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectFolder } from '../../project-folder.ts';
import { UsageError } from '../../usage-error.ts';

/** Command-line options that select the settings of a stage. */
export interface StageSelection {
  readonly stage?: string | undefined;
  /** Path of a JSON file. */
  readonly settings?: string | undefined;
}

/** Returns the shell command with which the CDK command line runs the app. */
export function appCommand({ stage = '', settings }: StageSelection): string {
  const words = [process.execPath, join(projectFolder, 'infra', 'app.ts'), '--stage', stage];
  const quoted = [...words, ...(settings === undefined ? [] : ['--settings', settings])].map(
    (word) => `'${word.replaceAll("'", String.raw`'\''`)}'`,
  );
  // `exec`, because the CDK removes quotes at the beginning and the end.
  return `exec ${quoted.join(' ')}`;
}

/**
 * Runs the pinned CDK command line with the Node of this process.
 *
 * @throws UsageError if it fails; it prints its own messages
 */
export async function runCdk(...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(projectFolder, 'node_modules', 'aws-cdk', 'bin', 'cdk'), ...args], {
    cwd: projectFolder,
    stdio: 'inherit',
  });
  // Ctrl-C reaches the CDK too, which stops first.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('SIGINT', ignore);
  if (code !== 0) throw new UsageError(`"cdk ${args[0]}" failed; its messages are above.`);
}
