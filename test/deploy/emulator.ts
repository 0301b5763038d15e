import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { UsageError } from '../../infra/usage-error.ts';
import { freePort } from '../../infra/local/free-port.ts';

const projectFolder = join(import.meta.dirname, '..', '..');
const virtualEnvironment = join(projectFolder, '.venv', 'ministack');
const ministack = 'ministack==1.5.33';

/** A response of the deployed API. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A running AWS emulator on a free port of 127.0.0.1. It loses its data when it stops. */
export interface Emulator {
  /** The configuration of an SDK client of the emulator. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** The whole environment of a program that calls the emulator. */
  readonly environment: NodeJS.ProcessEnv;
  /** Runs the CDK command line against the emulator. @throws Error with its output if it fails */
  cdk(...args: readonly string[]): Promise<void>;
  /**
   * Runs a program of this project with the credentials of the account and returns its output.
   *
   * @param file - path of the program, relative to the checkout
   * @throws Error with its output if it fails
   */
  run(file: string, ...args: readonly string[]): Promise<string>;
  /**
   * Runs `npm run <args>` in a checkout of this project with the credentials of the account, as a user does: on the Node
   * of the machine, and with nothing installed in a fresh clone. Returns its output.
   *
   * @throws Error with its output if it fails
   */
  npm(checkout: string, ...args: readonly string[]): Promise<string>;
  /**
   * Serves a deployed HTTP API at a URL of 127.0.0.1, because the host names of the emulator cannot be resolved.
   *
   * @param host - host of the API: that of the output `ApiUrl`, or its custom domain
   */
  proxy(host: string): Promise<{ readonly url: string; stop(): void }>;
  /** Sends a request to a deployed HTTP API. `apiUrl` is the output `ApiUrl` of the stack. */
  ask(
    apiUrl: string,
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer>;
  /** Stops the emulator and removes its files. The exit of this process does the same. */
  stop(): Promise<void>;
}

/**
 * Installs MiniStack into a virtual environment of this checkout if it is missing.
 *
 * @throws UsageError if Python 3.10 or later is missing or the installation fails
 */
export function installEmulator(): void {
  const installed = spawnSync(pythonOf(virtualEnvironment), ['-m', 'pip', 'freeze'], { encoding: 'utf8' });
  if (installed.status === 0 && installed.stdout.split('\n').includes(ministack)) return;

  const python = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10'].find(
    (name) => spawnSync(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status === 0,
  );
  if (python === undefined) throw new UsageError('The emulator requires Python 3.10 or later on the PATH.');
  run(python, ['-m', 'venv', '--clear', virtualEnvironment], 'Cannot create a virtual environment');
  run(pythonOf(virtualEnvironment), ['-m', 'pip', 'install', '--quiet', ministack], `Cannot install ${ministack}`);
}

function run(command: string, args: readonly string[], failure: string): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 });
  if (status !== 0) throw new UsageError(`${failure}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
}

const pythonOf = (folder: string): string => join(folder, 'bin', 'python');

/**
 * Starts MiniStack.
 *
 * @param enforceIam - true to deny calls without a grant, as an account does
 * @throws Error with its output if it is not ready within 180 s
 */
export async function startEmulator(enforceIam: boolean): Promise<Emulator> {
  const folder = mkdtempSync(join(tmpdir(), 'ministack-'));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  // No variables of this process: credentials, AWS profiles and proxies are not for the emulator, and the functions that
  // it runs as child processes would read the settings.
  const environment = {
    PATH: [join(projectFolder, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
    HOME: folder,
    TMPDIR: folder,
    // A key of its own for each emulator, because the CDK caches the account of a key.
    AWS_ACCESS_KEY_ID: `rehearsal${port}`,
    AWS_SECRET_ACCESS_KEY: 'rehearsal',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: endpoint,
  };
  const server = spawn(pythonOf(virtualEnvironment), ['-m', 'ministack'], {
    env: {
      ...environment,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_HOST: '127.0.0.1',
      AUTH: String(enforceIam),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = collect(server);
  const children = new Set<ChildProcess>([server]);

  const ask = (
    host: string,
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port, method, path, headers: { host, ...headers }, signal: AbortSignal.timeout(60_000) },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            resolve({
              status: incoming.statusCode!,
              headers: incoming.headers,
              body: Buffer.concat(chunks).toString(),
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });

  const removeFiles = (): void => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const stopAtOnce = (): void => {
    for (const child of children) child.kill();
    removeFiles();
  };
  process.once('exit', stopAtOnce);
  const stop = async (): Promise<void> => {
    for (const child of children) await end(child);
    removeFiles();
    process.off('exit', stopAtOnce);
  };

  try {
    await ready(() => ask('127.0.0.1', 'GET', '/_ministack/ready'), server);
  } catch (cause) {
    await stop();
    throw new Error(`MiniStack did not start:\n${log()}`, { cause });
  }

  const { AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  const runProgram = async (
    program: string,
    args: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>>,
  ): Promise<string> => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = collect(child);
    children.add(child);
    const timer = setTimeout(() => void end(child), 400_000);
    const [code] = (await once(child, 'close')) as [number | null];
    clearTimeout(timer);
    children.delete(child);
    if (code !== 0) {
      const command = [program, ...args].join(' ').replaceAll(projectFolder, '.');
      throw new Error(`${command} ${code === null ? 'was stopped' : 'failed'}:\n${output()}`);
    }
    return output();
  };
  const run = (file: string, ...args: readonly string[]): Promise<string> =>
    runProgram(process.execPath, [join(projectFolder, file), ...args], projectFolder, environment);
  return {
    client: { endpoint, region, credentials: { accessKeyId, secretAccessKey } },
    environment,
    run,
    // Without the programs of this checkout on the PATH.
    npm: (checkout, ...args) =>
      runProgram('npm', ['run', '--silent', ...args], checkout, {
        ...environment,
        PATH: (process.env['PATH'] ?? '')
          .split(delimiter)
          .filter((entry) => !entry.startsWith(join(projectFolder, 'node_modules')))
          .join(delimiter),
      }),
    proxy: async (host) => {
      const proxy = createServer((incoming, outgoing) => {
        const forwarded = request(
          {
            host: '127.0.0.1',
            port,
            method: incoming.method,
            path: incoming.url,
            headers: { ...incoming.headers, host: `${host}:${port}` },
          },
          (response) => {
            outgoing.writeHead(response.statusCode!, response.rawHeaders);
            response.pipe(outgoing);
          },
        );
        forwarded.on('error', () => outgoing.destroy());
        incoming.pipe(forwarded);
      }).listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      return {
        url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
        stop: () => {
          proxy.close();
          proxy.closeAllConnections();
        },
      };
    },
    async cdk(...args) {
      await run(join('node_modules', 'aws-cdk', 'bin', 'cdk'), ...args, '--ci');
    },
    ask: (apiUrl, method, path, headers, body) =>
      ask(`${new URL(apiUrl).hostname.split('.')[0]}.execute-api.127.0.0.1:${port}`, method, path, headers, body),
    stop,
  };
}

/** Enough for a Python program on a busy machine. */
const readyTimeoutMilliseconds = 180_000;

/** Waits until the emulator is ready. @throws Error if it exits before or exceeds the timeout */
async function ready(ask: () => Promise<Answer>, server: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + readyTimeoutMilliseconds; ;) {
    const answer = await ask().catch(() => undefined);
    if (answer?.status === 200) return;
    if (server.exitCode !== null || Date.now() > deadline)
      throw new Error('The emulator exited, or was not ready within 180 s.');
    await pause(100);
  }
}

function collect(child: ChildProcess): () => string {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return () => text;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(timer);
}
