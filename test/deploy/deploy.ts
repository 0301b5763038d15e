import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { IAMClient } from '@aws-sdk/client-iam';
import { parseArguments } from '../../infra/parse-arguments.ts';
import { runCommand } from '../../infra/usage-error.ts';
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
import { testOperatorTools } from './operator-tools.ts';
import { accountInASecret, tokensOfAnIssuer } from './with-tokens.ts';

// `npm run test:deploy`: deploys the stack to an emulator with the real CDK command line, sends requests and destroys it.

const usage = `Usage: npm run test:deploy

Deploys the stack to an emulator with the real CDK command line, tests it and destroys it. Requires Python 3.10.`;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-deploy-'));
const assembly = join(folder, 'cdk.out');
const outputsFile = join(folder, 'outputs.json');
let emulator: Emulator | undefined;

const log = (line: string): void => {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`);
};

/** Synthesizes, bootstraps and deploys the app. Returns the outputs of each stack by its name. */
async function deploy(to: Emulator, ...synthOptions: readonly string[]): Promise<Record<string, Outputs>> {
  log(`cdk synth ${synthOptions.join(' ')}`);
  await to.cdk('synth', '--quiet', ...synthOptions, '--output', assembly);
  log('cdk bootstrap');
  await to.cdk('bootstrap', 'aws://000000000000/us-east-1', '--app', assembly);
  log('cdk deploy');
  const options = ['--all', '--require-approval', 'never', '--outputs-file', outputsFile];
  await to.cdk('deploy', '--app', assembly, ...options);
  return JSON.parse(readFileSync(outputsFile, 'utf8'));
}

/** Tests the stage `throwaway` as `cdk deploy` creates it: it runs and denies every request without an identity. */
async function testDeployedStack(): Promise<void> {
  log('starting the emulator');
  emulator = await startEmulator(false);
  const outputs = await deploy(emulator, '-c', 'stage=throwaway');
  const apiUrl = outputs['ImageSharingThrowaway']!.ApiUrl;
  const ask = (path: string, headers = {}) => emulator!.ask(apiUrl, 'GET', path, headers);

  const versions = await ask('/');
  assert.equal(versions.status, 300, versions.body);
  assert.ok(JSON.parse(versions.body).versions.some(({ status }: { status: string }) => status === 'CURRENT'));
  log('GET / is 300 with the versions');

  const id = randomUUID();
  for (const path of ['/v2/images', `/v2/images/${id}/members`, '/v2/schemas/image']) {
    assertNotAuthenticated(await ask(path));
    assertNotAuthenticated(await ask(path, { 'x-auth-token': 'dev:alice:project-a:admin' }));
    log(`GET ${path.replace(id, '…')} is 401 without a token, and with a test token`);
  }

  const update = async (...synthOptions: readonly string[]): Promise<string> =>
    (await deploy(emulator!, '-c', 'stage=throwaway', ...synthOptions))['ImageSharingThrowaway']!.ApiUrl;
  await tokensOfAnIssuer(emulator, update);
  log('an image is offered and accepted with the tokens of an issuer');
  await accountInASecret(emulator, update);
  log('an image is offered and accepted with the tokens of a Keystone and a service account in a secret');

  await emulator.cdk('destroy', '--app', assembly, '--all', '--force');
  const client = new DynamoDBClient(emulator.client);
  assert.deepEqual((await client.send(new ListTablesCommand())).TableNames, []);
  client.destroy();
  log('cdk destroy removes everything');
  await emulator.stop();
}

function assertNotAuthenticated({ status, headers, body }: Answer): void {
  assert.equal(status, 401, body);
  assert.match(String(headers['content-type']), /^application\/json/);
  assert.equal(headers['www-authenticate'], 'Bearer');
  const { message, ...fault } = JSON.parse(body);
  assert.match(message, /^[A-Z].+\.$/);
  assert.deepEqual(fault, {
    code: '401 Unauthorized',
    title: 'Unauthorized',
    error: 'not-authenticated',
    request_id: headers['x-openstack-request-id'],
  });
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

/** Tests that the grants of each function suffice, and that without each of them a request fails. */
async function testGrants(): Promise<void> {
  log('starting the emulator again, with IAM enforced');
  emulator = await startEmulator(true);
  const outputs = await deploy(emulator, '--app', 'node test/deploy/emulator-app.ts');
  const apiUrl = outputs['ImageSharing']!.ApiUrl;
  const iam = new IAMClient(emulator.client);

  assert.equal(await firstFailure(apiUrl, everyOperation()), undefined);
  log('with all grants every operation succeeds');
  const events = await connectEvents(emulator, outputs['ImageSharing']!);
  await testEvents(events, outputs['ImageSharing']!, log);
  await testDeadLetters(emulator, events, outputs['ImageSharing']!, log);
  await testOperatorTools(emulator, events, outputs['ImageSharing']!, log);

  const tableGrants = async (name: string) =>
    (await grantsOf(iam, name)).filter(({ action }) => action.startsWith('dynamodb:'));
  const grants = { Members: await tableGrants('Members'), Images: await tableGrants('Images') };
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

  for (const servedBy of ['Members', 'Images'] as const) {
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
  await testConsumerGrants(emulator, events, iam, leaveUnfinished, log);
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
    await testDeployedStack();
    await testGrants();
    log('All deployment tests passed.');
  } catch (error) {
    console.error(`test:deploy failed: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    await emulator?.stop();
  }
});
