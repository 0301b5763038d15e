import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localVariables } from '../../infra/settings/local-variables.ts';
import { startProgram, type Program } from './start-program.ts';

/** A running local server with a data folder of its own. */
export interface LocalServer {
  /** Base URL without a trailing slash. */
  base: string;
  /** Process id. */
  pid: number;
  /** Every line of its output so far. */
  lines: readonly string[];
  /** Stops the server and removes its data. @throws Error if it does not exit with success within 10 s of a SIGINT */
  stop: () => Promise<void>;
}

/** A running process of the local server. */
export interface ServerProcess extends Program {
  /** Base URL without a trailing slash. */
  readonly url: string;
}

const checkout = join(import.meta.dirname, '..', '..');

/** The command that starts the local server. */
export const serverCommand: readonly [string, string] = [
  process.execPath,
  join(checkout, 'infra', 'local', 'serve.ts'),
];

/** Returns the environment of this process without the settings of the local server. */
export function environmentWithoutSettings(): NodeJS.ProcessEnv {
  const settings = new Set(localVariables.map(({ name }) => name));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.has(name)));
}

/**
 * Starts a process of the local server and waits until it listens.
 *
 * @param env - the whole environment
 * @throws Error with the output of the server if it exits before it listens
 */
export async function startServerProcess(env: NodeJS.ProcessEnv): Promise<ServerProcess> {
  const ready = /^Listening on (http:\/\/127\.0\.0\.1:\d+) with /;
  const program = await startProgram({ command: serverCommand, cwd: checkout, env, ready });
  return { ...program, url: program.ready[1]! };
}

/**
 * Starts the local server on a free port of 127.0.0.1, unless `PORT` is among the variables, with a data folder of its own.
 *
 * @param env - settings of the server; those among the variables of this process are ignored
 * @throws Error with the output of the server if it exits before it listens
 */
export async function startLocalServer(env: NodeJS.ProcessEnv = {}): Promise<LocalServer> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'image-sharing-'));
  const removeData = () => rm(dataFolder, { recursive: true, force: true });
  let server: ServerProcess;
  try {
    server = await startServerProcess({ ...environmentWithoutSettings(), PORT: '0', ...env, DATA_DIR: dataFolder });
  } catch (error) {
    await removeData();
    throw error;
  }
  return {
    base: server.url,
    pid: server.process.pid!,
    lines: server.lines,
    stop: async () => {
      const { code, signal } = await server.stop('SIGINT');
      await removeData();
      if (code !== 0) {
        const output = server.lines.join('\n');
        throw new Error(`The local server exited with ${signal ?? code} after a SIGINT. Its output:\n${output}`);
      }
    },
  };
}
