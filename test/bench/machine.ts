import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { runCommand } from '../support/run-command.ts';

/** What figures depend on. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryMegabytes: number;
  readonly kernel: string;
  readonly node: string;
  /** The commit that is checked out, with `+` if files differ from it; null outside a repository. */
  readonly commit: string | null;
  readonly packages: Readonly<Record<string, string>>;
}

const packages = [
  '@aws-sdk/client-dynamodb',
  '@aws-sdk/lib-dynamodb',
  '@dynoxide/linux-x64',
  '@middy/core',
  'esbuild',
  'jose',
] as const;

/** Returns this machine and the versions of what is measured on it. */
export async function describeMachine(): Promise<Machine> {
  const { dependencies, devDependencies, optionalDependencies } = createRequire(import.meta.url)(
    '../../package.json',
  ) as Record<string, Record<string, string>>;
  const versions: Record<string, string> = { ...dependencies, ...devDependencies, ...optionalDependencies };
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    memoryMegabytes: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
    commit: await commit(),
    packages: Object.fromEntries(packages.map((name) => [name, versions[name] ?? 'not installed'])),
  };
}

async function commit(): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> =>
    (await runCommand('git', args, { cwd: import.meta.dirname, timeoutSeconds: 10 })).stdout.trim();
  try {
    return `${await git('rev-parse', 'HEAD')}${(await git('status', '--porcelain')) === '' ? '' : '+'}`;
  } catch {
    return null;
  }
}
