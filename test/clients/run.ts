import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { runCommand as runCommandLine } from '../../infra/usage-error.ts';
import { expectedSession, runReadmeSession } from '../support/readme-session.ts';
import { startLocalServer } from '../support/local-server.ts';
import { checkCommandLines } from './command-lines.ts';
import { Checks } from './checks.ts';
import { preparePythonEnvironment } from './python-environment.ts';
import { describeResult, runCommand } from '../support/run-command.ts';

/** Runs a program that prints its checks of a client, and adds its counts. */
const checkByProgram = async (checks: Checks, file: string, args: readonly string[]): Promise<void> => {
  const title = `${file} exits after its last check`;
  try {
    const result = await runCommand(file, args, { timeoutSeconds: 120 });
    process.stdout.write(result.stdout);
    const passed = result.stdout.match(/^ok /gm)?.length ?? 0;
    const failed = result.stdout.match(/^not ok /gm)?.length ?? 0;
    checks.passed += passed;
    checks.failed += failed;
    if (passed + failed === 0 || result.code !== (failed > 0 ? 1 : 0)) checks.fail(title, describeResult(result));
  } catch (error) {
    checks.fail(title, String(error));
  }
};

const checkGophercloud = async (checks: Checks, base: string): Promise<void> => {
  const go = await runCommand('go', ['version'], { timeoutSeconds: 30 }).catch(() => undefined);
  if (go?.code !== 0) {
    console.log('Skipping gophercloud: it requires Go 1.25 or later as "go" on the PATH.');
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'image-sharing-gophercloud-'));
  try {
    const program = join(folder, 'gophercloud');
    const built = await runCommand('go', ['build', '-o', program, '.'], {
      cwd: join(import.meta.dirname, 'gophercloud'),
      timeoutSeconds: 300,
    });
    if (built.code === 0) await checkByProgram(checks, program, [base]);
    else checks.fail('gophercloud: the program builds', describeResult(built));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const run = async (): Promise<void> => {
  const commands = await preparePythonEnvironment();
  const server = await startLocalServer();
  const checks = new Checks();
  try {
    await checkCommandLines(checks, commands, server.base);
    await checkByProgram(checks, join(commands, 'python'), [
      join(import.meta.dirname, 'openstacksdk-flow.py'),
      server.base,
    ]);
    await checkGophercloud(checks, server.base);
    await checks.check('curl: the session of the README runs as described', async () => {
      const output = await runReadmeSession(server.base, 'curl');
      assert.partialDeepStrictEqual(output, expectedSession(server.base, (output[0] as { id: unknown }).id));
    });
  } finally {
    await server.stop();
  }
  console.log(`${checks.passed} passed, ${checks.failed} failed`);
  if (checks.failed > 0) process.exitCode = 1;
};

const usage = `Usage: npm run test:clients

Runs the OpenStack command lines and SDKs against a local server. Requires Python 3.11 and curl; without Go 1.25 the
part of gophercloud is left out.`;

await runCommandLine(usage, async (args) => {
  parseArguments(args, {});
  await run();
});
