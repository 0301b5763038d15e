import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { projectFolder } from '../../infra/project-folder.ts';
import type { StageSettings } from '../../infra/settings/stage-settings.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';
import type { Answer, Emulator } from './emulator.ts';
import type { Outputs } from './events.ts';
import { removeProtection } from './remove-protection.ts';
import { accountInASecret, tokensOfAnIssuer } from './with-tokens.ts';

/**
 * Tests the commands of the README in a fresh clone of the last commit, in which nothing is installed: two stages side by
 * side, an update that keeps the data, a custom domain, drift, the protection of a production stage, and destroy.
 *
 * @param folder - an empty folder for the clone and the settings
 */
export async function testStages(emulator: Emulator, folder: string, log: (line: string) => void): Promise<void> {
  const clone = join(folder, 'clone');
  execFileSync('git', ['clone', '--quiet', projectFolder, clone]);

  /** Deploys a stage with these settings by the command of the README and returns the outputs of its stack. */
  const deploy = async (stage: string, settings: StageSettings): Promise<Outputs> => {
    const outputsFile = join(folder, `${stage}-outputs.json`);
    const cdkOptions = ['--require-approval', 'never', '--outputs-file', outputsFile];
    await emulator.npm(clone, 'deploy', '--', ...stageOptions(stage, settings), '--', ...cdkOptions);
    return Object.values<Outputs>(JSON.parse(readFileSync(outputsFile, 'utf8')))[0]!;
  };
  const stageOptions = (stage: string, settings: StageSettings): readonly string[] => {
    const file = join(folder, `${stage}.json`);
    writeFileSync(file, JSON.stringify(settings));
    return ['--stage', stage, '--settings', file];
  };

  const withoutIdentity: StageSettings = { production: false };
  await assert.rejects(
    emulator.npm(clone, 'deploy', '--', ...stageOptions('dev', withoutIdentity), '--', '--require-approval', 'never'),
    /The account 000000000000 is not prepared for deployments to us-east-1; run "npm run bootstrap -- --stage dev" once\./,
  );
  log('a deployment to an account that is not bootstrapped names the command');
  await emulator.npm(clone, 'bootstrap', '--', '--stage', 'dev');
  const { ApiUrl: apiUrl, ImageBucketName: devBucket } = await deploy('dev', withoutIdentity);
  log('the commands of the README deploy the stage dev from a fresh clone');
  await assertDeniesEveryToken(emulator, apiUrl, log);

  const update = async (settings: StageSettings): Promise<string> => (await deploy('dev', settings)).ApiUrl;
  await tokensOfAnIssuer(emulator, update);
  log('an image is offered and accepted with the tokens of an issuer');
  await accountInASecret(emulator, update);
  log('an image is offered and accepted with the tokens of a Keystone and a service account in a secret');

  let productionBucket: string;
  const issuer = await startTokenIssuer();
  try {
    const token = await issuer.issue({ project_id: 'alpha', roles: ['member'] });
    const headers = { 'x-auth-token': token, 'content-type': 'application/json' };
    // The emulator refuses a canary and a backup plan; tests of the template check both.
    const production: StageSettings = {
      production: true,
      stackName: 'ImageSharing',
      account: '000000000000',
      region: 'us-east-1',
      identity: { kind: 'jwt', issuer: issuer.url, audience: issuer.audience },
      alarmTopicArn: 'arn:aws:sns:us-east-1:000000000000:alarms',
      canary: false,
      backupPlan: false,
    };
    const first = await deploy('prod', production);
    productionBucket = first.ImageBucketName;
    const id = randomUUID();
    const created = await emulator.ask(
      first.ApiUrl,
      'POST',
      '/v2/images',
      headers,
      JSON.stringify({ id, name: 'kept' }),
    );
    assert.equal(created.status, 201, created.body);
    const domain = {
      name: 'images.example.org',
      certificateArn: 'arn:aws:acm:us-east-1:000000000000:certificate/0123abcd-01ab-01ab-01ab-0123456789ab',
    };
    const second = await deploy('prod', { ...production, memberQuota: 1, domain });
    assert.equal(second.ApiUrl, first.ApiUrl);
    const shown = await emulator.ask(second.ApiUrl, 'GET', `/v2/images/${id}`, headers);
    assert.equal(shown.status, 200, shown.body);
    log('a production stage beside it is updated, with the same URL and without a loss of data');

    const proxy = await emulator.proxy(domain.name);
    try {
      const listed = await fetch(`${proxy.url}/v2/images`, { headers });
      assert.equal(listed.status, 200);
      const versions = await (await fetch(`${proxy.url}/`)).text();
      assert.match(versions, /"https:\/\/images\.example\.org\/v2\/"/);
      log('the custom domain serves the API, and links use it');
    } finally {
      proxy.stop();
    }

    const assembly = join(clone, 'cdk.out', 'stages', 'prod');
    await emulator.cdk('drift', '--fail', '--app', assembly);
    log('the deployed stack has no drift');
    await assert.rejects(
      emulator.npm(clone, 'destroy', '--', ...stageOptions('prod', production), '--', '--force'),
      /TerminationProtection is enabled/i,
    );
    log('a production stage is protected against destroy');
    await removeProtection(emulator, 'ImageSharing');
    await emulator.npm(clone, 'destroy', '--', ...stageOptions('prod', production), '--', '--force');
    assert.equal((await tables(emulator)).length, 2, 'the table of prod is retained beside the one of dev');
  } finally {
    await issuer.stop();
  }

  await putObject(emulator, devBucket);
  await assert.rejects(
    emulator.npm(clone, 'destroy', '--', '--stage', 'dev'),
    /contains image data, which would be deleted with the stack\.\n.*The confirmation requires a terminal/,
  );
  const destroyed = await emulator.npm(clone, 'destroy', '--', '--stage', 'dev', '--', '--force');
  assert.match(destroyed, /^1 objects deleted\.$/m);
  assert.deepEqual(await buckets(emulator), [productionBucket]);
  const [retained, ...others] = await tables(emulator);
  assert.deepEqual([retained?.startsWith('ImageSharing-'), others], [true, []]);
  log('destroy removes the stage dev with its data, and keeps the table and the bucket of the production stage');
}

/** Returns the names of the buckets of image data. */
async function buckets(emulator: Emulator): Promise<readonly string[]> {
  const client = new S3Client(emulator.client);
  const { Buckets: all = [] } = await client.send(new ListBucketsCommand());
  client.destroy();
  return all.map(({ Name: name = '' }) => name).filter((name) => name.includes('imagedata'));
}

async function putObject(emulator: Emulator, Bucket: string): Promise<void> {
  const client = new S3Client({ ...emulator.client, forcePathStyle: true });
  await client.send(new PutObjectCommand({ Bucket, Key: `images/${randomUUID()}/${randomUUID()}`, Body: 'data' }));
  client.destroy();
}

async function tables(emulator: Emulator): Promise<readonly string[]> {
  const client = new DynamoDBClient(emulator.client);
  const { TableNames: names = [] } = await client.send(new ListTablesCommand());
  client.destroy();
  return names;
}

async function assertDeniesEveryToken(emulator: Emulator, apiUrl: string, log: (line: string) => void): Promise<void> {
  const ask = (path: string, headers = {}) => emulator.ask(apiUrl, 'GET', path, headers);

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
