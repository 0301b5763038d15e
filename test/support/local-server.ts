import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A running local server: its base URL without a trailing slash, and how to end it together with its data. */
export interface LocalServer {
  base: string;
  /** Every line that it wrote. */
  said: readonly string[];
  stop: () => Promise<void>;
}

const stopTimeoutMilliseconds = 10_000;

/**
 * Starts the local server on a free port of 127.0.0.1 with a data folder of its own.
 *
 * @param env - variables besides those of this process
 * @throws Error with all that the server said, when it ends before it listens. `stop` throws when it does not end by
 * itself within 10 s of an interrupt (it is then killed).
 */
export const startLocalServer = async (env: NodeJS.ProcessEnv = {}): Promise<LocalServer> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'image-sharing-'));
  const root = join(import.meta.dirname, '..', '..');
  const server = spawn(process.execPath, [join(root, 'infra', 'local', 'serve.ts')], {
    cwd: root,
    env: { ...process.env, ...env, PORT: '0', DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(server, 'exit');
  // Whoever started the server may be ended before it stops it.
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);

  const said: string[] = [];
  const listening = Promise.withResolvers<string>();
  for (const output of [server.stdout, server.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      said.push(line);
      const base = /^Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (base) listening.resolve(base);
    });
  }
  server.once('error', listening.reject);
  // 'close' and not 'exit': only then has everything it said been read.
  server.once('close', () => {
    listening.reject(new Error(`The local server ended at once and said:\n${said.join('\n')}`));
  });

  const stop = async () => {
    process.removeListener('exit', kill);
    server.kill('SIGINT');
    const timer = setTimeout(kill, stopTimeoutMilliseconds);
    const [code, signal] = await exited;
    clearTimeout(timer);
    await rm(dataDir, { recursive: true, force: true });
    if (signal === 'SIGKILL')
      throw new Error(`The local server did not end on an interrupt; it said:\n${said.join('\n')}`);
    if (code) throw new Error(`The local server ended with ${code} on an interrupt; it said:\n${said.join('\n')}`);
  };

  try {
    return { base: await listening.promise, said, stop };
  } catch (error) {
    process.removeListener('exit', kill);
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
};
