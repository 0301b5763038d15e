import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { UsageError, runCommand } from '../../infra/usage-error.ts';
import { type Emulator, installEmulator, startEmulator } from '../deploy/emulator.ts';

// `npm run test:engines`: runs the contracts of the repositories and the tests of the local event sources on a second
// engine, because the embedded engine may have the same errors as the code.

const usage = `Usage: npm run test:engines

Runs the contracts of the repositories and the tests of the local event sources on MiniStack. Requires Python 3.10.`;

const projectFolder = join(import.meta.dirname, '..', '..');

const log = (line: string): void => {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`);
};

let emulator: Emulator | undefined;
let tests: ChildProcess | undefined;

/** Runs the contracts on an engine and prints the output of Jest. @throws UsageError if a test fails */
async function runContracts(endpoint: string): Promise<void> {
  tests = spawn(
    'sh',
    // The emulator is a Python program and slow on a busy machine.
    [join(projectFolder, 'test', 'jest.sh'), '--testTimeout=120000', 'test/contracts', 'test/infra/local/events'],
    { cwd: projectFolder, env: { ...process.env, DYNAMODB_ENDPOINT: endpoint }, stdio: 'inherit' },
  );
  const [code] = (await once(tests, 'exit')) as [number | null];
  if (code !== 0) throw new UsageError('A test failed on the second engine; see above.');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    tests?.kill(signal);
    void Promise.resolve(emulator?.stop()).finally(() => process.exit(1));
  });
}
await runCommand(usage, async (args) => {
  parseArguments(args, {});
  log('installing MiniStack if it is missing');
  installEmulator();
  log('starting MiniStack');
  try {
    emulator = await startEmulator(false);
    log('running the contracts of the repositories and the tests of the event sources');
    await runContracts(emulator.client.endpoint);
    log('All tests passed on the second engine.');
  } finally {
    await emulator?.stop();
  }
});
