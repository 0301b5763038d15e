import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { IAMClient } from '@aws-sdk/client-iam';
import { theConsumersGrants } from './consumer-grants.ts';
import { theDeadLetters } from './dead-letters.ts';
import { type Answer, type Emulator, installEmulator, startEmulator } from './emulator.ts';
import { connectEvents, type Outputs, theEvents } from './events.ts';
import {
  everyOperation,
  offerOnceMore,
  type Step,
  type UnfinishedChange,
  unfinishedChange,
} from './every-operation.ts';
import { grantsOf, without } from './grants.ts';
import { accountInASecret, tokensOfAnIssuer } from './with-tokens.ts';

// `npm run test:deploy`: the stack, deployed to an emulator with the real CDK command line, asked, and taken down.

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-deploy-'));
const assembly = join(folder, 'cdk.out');
const outputsFile = join(folder, 'outputs.json');
let emulator: Emulator | undefined;

const say = (line: string): void => {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`);
};

/** Synthesises, bootstraps and deploys. Returns each stack's outputs by the stack's name. */
async function deploy(to: Emulator, ...synthOptions: readonly string[]): Promise<Record<string, Outputs>> {
  say(`cdk synth ${synthOptions.join(' ')}`);
  await to.cdk('synth', '--quiet', ...synthOptions, '--output', assembly);
  say('cdk bootstrap');
  await to.cdk('bootstrap', 'aws://000000000000/us-east-1', '--app', assembly);
  say('cdk deploy');
  const options = ['--all', '--require-approval', 'never', '--outputs-file', outputsFile];
  await to.cdk('deploy', '--app', assembly, ...options);
  return JSON.parse(readFileSync(outputsFile, 'utf8'));
}

/** The stage that is thrown away, as `cdk deploy` makes it for anyone: it runs, and lets nobody in. */
async function theStackAsItIsDeployed(): Promise<void> {
  say('starting the emulator');
  emulator = await startEmulator(false);
  const outputs = await deploy(emulator, '-c', 'stage=throwaway');
  const apiUrl = outputs['ImageSharingThrowaway']!.ApiUrl;
  const ask = (path: string, headers = {}) => emulator!.ask(apiUrl, 'GET', path, headers);

  const versions = await ask('/');
  assert.equal(versions.status, 300, versions.body);
  assert.ok(JSON.parse(versions.body).versions.some(({ status }: { status: string }) => status === 'CURRENT'));
  say('GET / is 300 with the versions');

  const id = randomUUID();
  for (const path of ['/v2/images', `/v2/images/${id}/members`, '/v2/schemas/image']) {
    assertNotAuthenticated(await ask(path));
    assertNotAuthenticated(await ask(path, { 'x-auth-token': 'dev:alice:project-a:admin' }));
    say(`GET ${path.replace(id, '…')} is 401 without a token, and with a test token`);
  }

  const update = async (...synthOptions: readonly string[]): Promise<string> =>
    (await deploy(emulator!, '-c', 'stage=throwaway', ...synthOptions))['ImageSharingThrowaway']!.ApiUrl;
  await tokensOfAnIssuer(emulator, update);
  say('with the tokens of an issuer an image is offered and accepted');
  await accountInASecret(emulator, update);
  say("with a Keystone's tokens, too, and with an account that is in a secret");

  await emulator.cdk('destroy', '--app', assembly, '--all', '--force');
  const client = new DynamoDBClient(emulator.client);
  assert.deepEqual((await client.send(new ListTablesCommand())).TableNames, []);
  client.destroy();
  say('cdk destroy leaves nothing');
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

/** Makes requests until one is not answered as it should be, and returns that one with its answer. */
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

/** What each function is granted is enough for all it does, and without any one of it something fails. */
async function theGrants(): Promise<void> {
  say('starting the emulator again, now enforcing what each function is granted');
  emulator = await startEmulator(true);
  const outputs = await deploy(emulator, '--app', 'node test/deploy/emulator-app.ts');
  const apiUrl = outputs['ImageSharing']!.ApiUrl;
  const iam = new IAMClient(emulator.client);

  assert.equal(await firstFailure(apiUrl, everyOperation()), undefined);
  say('with all grants every operation succeeds');
  const events = await connectEvents(emulator, outputs['ImageSharing']!);
  await theEvents(events, outputs['ImageSharing']!, say);
  await theDeadLetters(emulator, events, outputs['ImageSharing']!, say);

  const tableGrants = async (name: string) =>
    (await grantsOf(iam, name)).filter(({ action }) => action.startsWith('dynamodb:'));
  const grants = { Members: await tableGrants('Members'), Images: await tableGrants('Images') };
  const onlyToFinish = 'dynamodb:ConditionCheckItem';
  /** The path of an image whose change was begun, and which the images' function was kept from finishing. */
  const leaveUnfinished = async (change: UnfinishedChange): Promise<string> => {
    const needed = change === 'deleted' ? 'dynamodb:DeleteItem' : onlyToFinish;
    const grant = grants.Images.find(({ action }) => action === needed)!;
    const failure = await without(iam, grant, () => firstFailure(apiUrl, unfinishedChange(change)));
    assert.equal(failure?.answer.status, 500);
    return failure.path;
  };
  const unfinished = async (): Promise<readonly Step[]> => [offerOnceMore(await leaveUnfinished('hidden'))];
  assert.equal(await firstFailure(apiUrl, await unfinished()), undefined);
  say('what one function leaves unfinished, the other finishes');

  for (const servedBy of ['Members', 'Images'] as const) {
    assert.notEqual(grants[servedBy].length, 0);
    for (const grant of grants[servedBy]) {
      const what = `${servedBy} without ${grant.action} on ${grant.resource.replace(/^.*?:table\//, '')}`;
      const steps = servedBy === 'Members' && grant.action === onlyToFinish ? await unfinished() : everyOperation();
      const failure = await without(iam, grant, () => firstFailure(apiUrl, steps));
      assert.ok(failure, `${what}: nothing fails, so it is not needed.`);
      assert.deepEqual([failure.servedBy, failure.answer.status], [servedBy, 500], what);
      assert.doesNotMatch(failure.answer.body, /denied|authorized|arn:/i);
      say(`${what}: ${failure.method} is 500, and does not say why`);
    }
  }
  await theConsumersGrants(emulator, events, iam, leaveUnfinished, say);
  iam.destroy();
  await emulator.stop();
}

process.once('exit', () => {
  rmSync(folder, { recursive: true, force: true });
});
// An exit takes the emulator with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

try {
  say('installing the emulator, unless it is there');
  installEmulator();
  await theStackAsItIsDeployed();
  await theGrants();
  say('The stack deploys, answers, lets nobody in without an identity, needs all it is granted, and goes. OK.');
} catch (error) {
  console.error(`test:deploy FAILED. ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await emulator?.stop();
}
