import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Emulator, installEmulator, startEmulator } from '../deploy/emulator.ts';

// `npm run test:engines`: the repositories' contracts, and the local server's event sources, on a second engine, for one
// engine alone may be wrong as we are.

const projectFolder = join(import.meta.dirname, '..', '..');

const say = (line: string): void => {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`);
};

let emulator: Emulator | undefined;
let tests: ChildProcess | undefined;

/** Runs the contracts on an engine, with what Jest has to say of them. @throws Error if any is broken */
async function runContracts(endpoint: string): Promise<void> {
  tests = spawn(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(projectFolder, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--testTimeout=30000', // an emulator in Python, on however busy a machine
      'test/contracts',
      'test/infra/local/events',
    ],
    { cwd: projectFolder, env: { ...process.env, DYNAMODB_ENDPOINT: endpoint }, stdio: 'inherit' },
  );
  const [code] = (await once(tests, 'exit')) as [number | null];
  if (code !== 0) throw new Error('A contract does not hold there; see above.');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    tests?.kill(signal);
    void Promise.resolve(emulator?.stop()).finally(() => process.exit(1));
  });
}
try {
  say('installing MiniStack, unless it is there');
  installEmulator();
  say('starting it');
  emulator = await startEmulator(false);
  say('the contracts of the repositories and the event sources, on it');
  await runContracts(emulator.client.endpoint);
  say('All contracts hold on the second engine. OK.');
} catch (error) {
  console.error(`test:engines FAILED. ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await emulator?.stop();
}
