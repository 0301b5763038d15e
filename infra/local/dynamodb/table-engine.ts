import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { UsageError } from '../../usage-error.ts';

/** A running DynamoDB-compatible engine on this machine. */
export interface TableEngine {
  /** URL on 127.0.0.1. */
  readonly endpoint: string;
  /** Resolves with the exit code or signal if the engine ends without `stop`. */
  readonly failed: Promise<string>;
  /** Stops the engine after its running requests. All acknowledged changes are in the data file. */
  stop(): Promise<void>;
}

const maxStartAttempts = 5;

/**
 * Starts the embedded engine on a data file, which it creates if it does not exist. Returns when the engine responds.
 *
 * The engine ends when this process ends, even if this process is killed. Acknowledged changes survive a kill of the
 * engine.
 *
 * @throws UsageError if there is no build for this platform, or the engine does not start on that file
 */
export async function startTableEngine(dataFile: string): Promise<TableEngine> {
  const program = engineProgram();
  let failure = '';
  for (let attempt = 1; attempt <= maxStartAttempts; attempt += 1) {
    const engine = await tryToStart(program, dataFile);
    if (typeof engine !== 'string') return engine;
    failure = engine;
    // Another process may take the free port before the engine starts.
    if (!failure.includes('already in use')) break;
  }
  throw new UsageError(
    `The embedded table engine does not start on ${dataFile}: ${failure}. Set DATA_DIR to another folder or DYNAMODB_ENDPOINT to the address of another engine.`,
  );
}

/** Starts the engine on a free port. Returns its error message if it does not start. */
async function tryToStart(program: string, dataFile: string): Promise<TableEngine | string> {
  const port = await freePort();
  const engine = spawnWithParent(program, ['serve', '--host', '127.0.0.1', '--port', `${port}`, '--db-path', dataFile]);
  let messages = '';
  engine.stderr?.setEncoding('utf8').on('data', (text: string) => (messages = (messages + text).slice(-2000)));
  const ended = once(engine, 'exit').then(([code, signal]) => `${signal ?? `exit code ${code}`}`);
  const endpoint = `http://127.0.0.1:${port}`;

  if (!(await isReachable(endpoint, ended))) {
    await stop(engine, ended);
    return messages.trim() || (await ended);
  }
  indexStream(dataFile);
  let isStopping = false;
  return {
    endpoint,
    failed: new Promise((resolve) => void ended.then((reason) => isStopping || resolve(reason))),
    stop: async () => {
      isStopping = true;
      await stop(engine, ended);
    },
  };
}

/**
 * Adds an index for the stream to the engine's data file. Without the index the engine scans all stream records at
 * every write, for the last record, and at every read, for the next records.
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
      `The embedded table engine has no build for ${process.platform}-${process.arch}; set DYNAMODB_ENDPOINT to the address of another engine, such as DynamoDB Local (see the README).`,
      { cause: error },
    );
  }
}

// The watchdog reads a pipe that only this process can write to. The kernel closes the pipe when this process ends,
// even by SIGKILL; then the watchdog kills the program. The program has the process id of the shell because `exec`
// replaced it.
const watchdogScript = 'exec 3<&0; (cat <&3 >/dev/null 2>&1; kill -9 "$$") >/dev/null 2>&1 & exec "$@" 3<&- </dev/null';

function spawnWithParent(program: string, parameters: readonly string[]): ChildProcess {
  return spawn('/bin/sh', ['-c', watchdogScript, 'sh', program, ...parameters], {
    stdio: ['pipe', 'ignore', 'pipe'],
    // The terminal's Ctrl-C must not reach the engine, because the server needs it to finish its running requests.
    detached: true,
  });
}

/** Waits until the engine responds. Returns false if the engine ends or does not respond within ten seconds. */
async function isReachable(endpoint: string, ended: Promise<unknown>): Promise<boolean> {
  const state = { isRunning: true };
  void ended.then(() => {
    state.isRunning = false;
  });
  const deadline = Date.now() + 10_000;
  while (state.isRunning && Date.now() < deadline) {
    try {
      await (await fetch(endpoint, { signal: AbortSignal.timeout(1000) })).arrayBuffer();
      // If the engine has ended, another process has taken the port and sent the response.
      return state.isRunning;
    } catch {
      await setTimeout(5);
    }
  }
  return false;
}

async function stop(engine: ChildProcess, ended: Promise<unknown>): Promise<void> {
  engine.kill('SIGTERM');
  const stopped = new AbortController();
  const forceStopTimer = setTimeout(5_000, undefined, { signal: stopped.signal }).then(
    () => engine.kill('SIGKILL'),
    () => undefined,
  );
  await ended;
  stopped.abort();
  await forceStopTimer;
}
