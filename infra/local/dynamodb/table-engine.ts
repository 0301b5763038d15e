import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { UsageError } from '../../usage-error.ts';

/** A running DynamoDB-compatible engine on this machine. */
export interface TableEngine {
  /** Its address, on loopback. */
  readonly endpoint: string;
  /** Fulfilled with how the engine ended, when it does so without having been stopped. */
  readonly failed: Promise<string>;
  /** Ends it, after the requests it is at; all it has acknowledged is in its file. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded engine on a data file, which it makes if there is none, and returns when it answers.
 *
 * It ends with the process that started it, however that ends. What it has acknowledged survives its own sudden end.
 *
 * @throws Refusal if there is no build for this platform, or the engine does not start on that file
 */
export async function startTableEngine(dataFile: string): Promise<TableEngine> {
  const program = engineProgram();
  // Another process may take the port between the look for a free one and the engine's start.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const engine = spawnWithParent(program, [
      'serve',
      '--host',
      '127.0.0.1',
      '--port',
      `${port}`,
      '--db-path',
      dataFile,
    ]);
    let messages = '';
    engine.stderr?.setEncoding('utf8').on('data', (text: string) => (messages = (messages + text).slice(-2000)));
    const ended = once(engine, 'exit').then(([code, signal]) => `${signal ?? `exit code ${code}`}`);
    const endpoint = `http://127.0.0.1:${port}`;

    if (await isReachable(endpoint, ended)) {
      indexStream(dataFile);
      let isStopping = false;
      return {
        endpoint,
        failed: new Promise((resolve) => void ended.then((how) => isStopping || resolve(how))),
        stop: async () => {
          isStopping = true;
          await stop(engine, ended);
        },
      };
    }
    await stop(engine, ended);
    if (attempt === 5 || !messages.includes('already in use')) {
      throw new UsageError(
        `The embedded table engine does not start on ${dataFile}: ${messages.trim() || (await ended)}. Set DATA_DIR to another folder, or DYNAMODB_ENDPOINT to another engine.`,
      );
    }
  }
}

/**
 * At every write the engine looks for the last record of a stream, and at every read for the next ones, through all the
 * records that there are. Its own file has no index for that, and it makes use of one that is there.
 */
function indexStream(dataFile: string): void {
  const database = new DatabaseSync(dataFile, { timeout: 10_000 });
  try {
    database.exec(
      'CREATE INDEX IF NOT EXISTS stream_in_order ON _stream_records (table_name, CAST(sequence_number AS INTEGER))',
    );
  } finally {
    database.close();
  }
}

function engineProgram(): string {
  try {
    return createRequire(import.meta.url).resolve(`@dynoxide/${process.platform}-${process.arch}/dynoxide`);
  } catch (error) {
    throw new UsageError(
      `The embedded table engine has no build for ${process.platform}-${process.arch}: set DYNAMODB_ENDPOINT to the address of another engine, such as DynamoDB Local (see the README).`,
      { cause: error },
    );
  }
}

// The watcher holds the reading end of a pipe that only this process can write to. The kernel closes the pipe when this
// process ends, even by a signal that cannot be caught; then the watcher ends the program, whose process id it knows,
// for the program has replaced the shell that started both.
const watchdogScript = 'exec 3<&0; (cat <&3 >/dev/null 2>&1; kill -9 "$$") >/dev/null 2>&1 & exec "$@" 3<&- </dev/null';

function spawnWithParent(program: string, parameters: readonly string[]): ChildProcess {
  return spawn('/bin/sh', ['-c', watchdogScript, 'sh', program, ...parameters], {
    stdio: ['pipe', 'ignore', 'pipe'],
    // Out of reach of the terminal's Ctrl-C: the server has to finish its requests first, and these need the engine.
    detached: true,
  });
}

/** Whether the engine answers; false once it has ended, or has not answered for ten seconds. */
async function isReachable(endpoint: string, ended: Promise<unknown>): Promise<boolean> {
  const state = { isRunning: true };
  void ended.then(() => {
    state.isRunning = false;
  });
  const deadline = Date.now() + 10_000;
  while (state.isRunning && Date.now() < deadline) {
    try {
      await (await fetch(endpoint, { signal: AbortSignal.timeout(1000) })).arrayBuffer();
      // Nothing else can have answered unless the engine found the port taken and has ended.
      return state.isRunning;
    } catch {
      await setTimeout(5);
    }
  }
  return false;
}

async function stop(engine: ChildProcess, ended: Promise<unknown>): Promise<void> {
  engine.kill('SIGTERM');
  const patience = new AbortController();
  const forceStopTimer = setTimeout(5_000, undefined, { signal: patience.signal }).then(
    () => engine.kill('SIGKILL'),
    () => undefined,
  );
  await ended;
  patience.abort();
  await forceStopTimer;
}
