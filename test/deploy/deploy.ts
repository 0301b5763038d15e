import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IAMClient } from '@aws-sdk/client-iam';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { runCommand } from '../../infra/usage-error.ts';
import { testConsole } from './console.ts';
import { testConsumerGrants } from './consumer-grants.ts';
import { testDeadLetters } from './dead-letters.ts';
import { type Answer, type Emulator, installEmulator, startEmulator } from './emulator.ts';
import { connectEvents, type Outputs, testEvents } from './events.ts';
import {
  everyOperation,
  offerOnceMore,
  type Step,
  type UnfinishedChange,
  unfinishedChange,
} from './every-operation.ts';
import { grantsOf, without } from './grants.ts';
import { connectImageData, type ImportSource, startImportSource, testImageData } from './image-data.ts';
import { testOperatorTools } from './operator-tools.ts';
import { testRecovery } from './recovery.ts';
import { testExpiry, testSharing } from './sharing.ts';
import { testStages } from './stages.ts';

// `npm run test:deploy`: deploys the stack to an emulator with the real CDK command line, sends requests and destroys it.

const usage = `Usage: npm run test:deploy

Deploys the stack to an emulator with the real CDK command line, tests it and destroys it. Requires Python 3.10.`;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-deploy-'));
const assembly = join(folder, 'cdk.out');
const outputsFile = join(folder, 'outputs.json');
let emulator: Emulator | undefined;
let source: ImportSource | undefined;

const log = (line: string): void => {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`);
};

/** Synthesizes, bootstraps and deploys the emulator's app. Returns the outputs of each stack by its name. */
async function deployEmulatorApp(to: Emulator): Promise<Record<string, Outputs>> {
  await to.cdk('synth', '--quiet', '--app', 'node test/deploy/emulator-app.ts', '--output', assembly);
  await to.cdk('bootstrap', 'aws://000000000000/us-east-1', '--app', assembly);
  const options = ['--all', '--require-approval', 'never', '--outputs-file', outputsFile];
  await to.cdk('deploy', '--app', assembly, ...options);
  log('the emulator has the stack with the test identity');
  return JSON.parse(readFileSync(outputsFile, 'utf8'));
}

/** Sends requests in order. Returns the first one with an unexpected status, with its response. */
async function firstFailure(
  apiUrl: string,
  steps: readonly Step[],
): Promise<(Step & { readonly answer: Answer }) | undefined> {
  for (const step of steps) {
    const answer = await emulator!.ask(apiUrl, step.method, step.path, step.headers, step.body);
    if (answer.status !== step.status) return { ...step, answer };
  }
  return undefined;
}

/** The sequences on members and lists, except for OPTIONS and invalid UTF-8, which the emulator's gateway changes. */
const membersAndLists = '^(?!put-method|.*/invalid utf8$)(put|create|show|list|delete|images)';

/** Plays the recorded sequences of the reference server on members and lists against the deployed API. */
async function testConformance(to: Emulator, apiUrl: string, logLine: typeof log): Promise<void> {
  const { hostname } = new URL(apiUrl);
  const proxy = await to.proxy(`${hostname.split('.')[0]}.execute-api.127.0.0.1`);
  try {
    const output = await to.run('test/conformance/run.ts', '--url', proxy.url, '--only', membersAndLists);
    logLine(`the recorded sequences over the deployed URL: ${output.trim().split('\n').at(-1)}`);
  } finally {
    proxy.stop();
  }
}

/** Tests that the grants of each function suffice, and that without each of them a request fails. */
async function testGrants(): Promise<void> {
  log('starting the emulator again, with IAM enforced');
  emulator = await startEmulator(true);
  const outputs = await deployEmulatorApp(emulator);
  const apiUrl = outputs['ImageSharing']!.ApiUrl;
  const iam = new IAMClient(emulator.client);

  assert.equal(await firstFailure(apiUrl, everyOperation()), undefined);
  log('with all grants every operation succeeds');
  await testConformance(emulator, apiUrl, log);
  await testConsole(emulator, outputs['ImageSharing']!, log);
  const imageData = connectImageData(emulator, outputs['ImageSharing']!);
  source = await startImportSource();
  await testImageData(imageData, source, iam, log);
  const events = await connectEvents(emulator, outputs['ImageSharing']!);
  await testEvents(events, outputs['ImageSharing']!, log);
  await testSharing(emulator, outputs['ImageSharing']!, log);
  await testExpiry(emulator, events, outputs['ImageSharing']!, log);
  await testDeadLetters(emulator, events, outputs['ImageSharing']!, log);
  await testOperatorTools(emulator, events, outputs['ImageSharing']!, log);

  const tableGrants = async (name: string) =>
    (await grantsOf(iam, name)).filter(({ action }) => action.startsWith('dynamodb:'));
  const grants = {
    Members: await tableGrants('Members'),
    Images: await tableGrants('Images'),
    Sharing: await tableGrants('Sharing'),
  };
  const onlyForPendingChanges = 'dynamodb:ConditionCheckItem';
  /** Returns the path of an image with a pending change that the images function could not complete. */
  const leaveUnfinished = async (change: UnfinishedChange): Promise<string> => {
    const needed = change === 'deleted' ? 'dynamodb:DeleteItem' : onlyForPendingChanges;
    const grant = grants.Images.find(({ action }) => action === needed)!;
    const failure = await without(iam, grant, () => firstFailure(apiUrl, unfinishedChange(change)));
    assert.equal(failure?.answer.status, 500);
    return failure.path;
  };
  const unfinished = async (): Promise<readonly Step[]> => [offerOnceMore(await leaveUnfinished('hidden'))];
  assert.equal(await firstFailure(apiUrl, await unfinished()), undefined);
  log('a pending change of one function is completed by the other');

  for (const servedBy of ['Members', 'Images', 'Sharing'] as const) {
    assert.notEqual(grants[servedBy].length, 0);
    for (const grant of grants[servedBy]) {
      const what = `${servedBy} without ${grant.action} on ${grant.resource.replace(/^.*?:table\//, '')}`;
      const steps =
        servedBy === 'Members' && grant.action === onlyForPendingChanges ? await unfinished() : everyOperation();
      const failure = await without(iam, grant, () => firstFailure(apiUrl, steps));
      assert.ok(failure, `${what}: no request fails, so the grant is not required.`);
      assert.deepEqual([failure.servedBy, failure.answer.status], [servedBy, 500], what);
      assert.doesNotMatch(failure.answer.body, /denied|authorized|arn:/i);
      log(`${what}: ${failure.method} is 500, without the reason`);
    }
  }
  await testConsumerGrants(emulator, outputs['ImageSharing']!, events, iam, leaveUnfinished, imageData, source, log);
  iam.destroy();
  await emulator.stop();
}

process.once('exit', () => {
  rmSync(folder, { recursive: true, force: true });
});
// The exit of this process stops the emulator.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

await runCommand(usage, async (args) => {
  parseArguments(args, {});
  try {
    log('installing the emulator if it is missing');
    installEmulator();
    log('starting the emulator');
    emulator = await startEmulator(false);
    await testStages(emulator, folder, log);
    await emulator.stop();
    emulator = await startEmulator(false);
    await testRecovery(emulator, log);
    await emulator.stop();
    await testGrants();
    log('All deployment tests passed.');
  } catch (error) {
    console.error(`test:deploy failed: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    await emulator?.stop();
    await source?.stop();
  }
});
