import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBackupCommand,
  CreateTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ListTablesCommand,
} from '@aws-sdk/client-dynamodb';
import { type RecoverySource, restoreTable } from '../../infra/operate/stateful/restore-table.ts';
import type { StageCommands } from '../../infra/operate/aws/stage-commands.ts';
import { assertStatefulResourcesAreKept } from '../../infra/operate/stateful/stateful-guard.ts';
import { UsageError } from '../../infra/usage-error.ts';
import { type Emulator, installEmulator, startEmulator } from './emulator.ts';
import { connectEvents, type Outputs } from './events.ts';
import { removeProtection } from './remove-protection.ts';

// Rehearses docs/runbook/restore.md on an emulator with a backup on demand. The emulator accepts a restore to a point in
// time, but copies the current data, so it proves nothing about the time.

const stackName = 'ImageSharing';
type StackOutputs = Outputs & { readonly TableName: string };

/**
 * Tests the recovery of a production stage: a backup is restored and adopted with the same API URL; after the
 * destruction of the stack its table is adopted again.
 */
export async function testRecovery(emulator: Emulator, log: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'image-sharing-recovery-'));
  const dynamodb = new DynamoDBClient(emulator.client);
  const restoreEnvironment = useEmulator(emulator);
  try {
    await rehearse(emulator, folder, dynamodb, log);
  } finally {
    restoreEnvironment();
    dynamodb.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function rehearse(
  emulator: Emulator,
  folder: string,
  dynamodb: DynamoDBClient,
  log: (line: string) => void,
): Promise<void> {
  const outputsFile = join(folder, 'outputs.json');
  const outputs = (): StackOutputs =>
    (JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, StackOutputs>)[stackName]!;
  const deployOptions = ['--require-approval', 'never', '--outputs-file', outputsFile];
  const commands: StageCommands = {
    stage: 'prod',
    async synthesize(restoredTable) {
      const assembly = join(folder, restoredTable ?? 'cdk.out');
      const context = restoredTable === undefined ? [] : ['-c', `restoredTable=${restoredTable}`];
      const app = ['--app', 'node test/deploy/recovery-app.ts'];
      await emulator.cdk('synth', '--quiet', ...app, '--output', assembly, ...context);
      return assembly;
    },
    deployWithImport: (assembly) =>
      emulator.cdk('deploy', '--app', assembly, '--import-existing-resources', ...deployOptions),
  };
  const recover = (source: RecoverySource, isConfirmed = true, stageCommands = commands) =>
    restoreTable(stageCommands, source, { report: log, confirm: () => Promise.resolve(isConfirmed) });

  const own = await commands.synthesize();
  await emulator.cdk('bootstrap', 'aws://000000000000/us-east-1', '--app', own);
  await assertStatefulResourcesAreKept({ stackName, assembly: own });
  log('the guard accepts a stack that does not exist');
  await emulator.cdk('deploy', '--app', own, ...deployOptions);
  const before = outputs();

  const requests = (apiUrl: string) => {
    const send = async (user: string, method: string, path: string, status: number, body?: object) => {
      const headers = { 'x-auth-token': `dev:${user}:${user}:member`, 'content-type': 'application/json' };
      const response = await emulator.ask(apiUrl, method, path, headers, body && JSON.stringify(body));
      assert.equal(response.status, status, response.body);
      return response.body;
    };
    return {
      send,
      imagesOf: async (user: string): Promise<readonly string[]> =>
        JSON.parse(await send(user, 'GET', '/v2/images', 200)).images.map(({ id }: { id: string }) => id),
    };
  };
  const { send, imagesOf } = requests(before.ApiUrl);
  const id = randomUUID();
  await send('alpha', 'POST', '/v2/images', 201, { id, name: 'golden' });
  await send('alpha', 'POST', `/v2/images/${id}/members`, 200, { member: 'beta' });
  await send('beta', 'PUT', `/v2/images/${id}/members/beta`, 200, { status: 'accepted' });
  const { BackupDetails: backup } = await dynamodb.send(
    new CreateBackupCommand({ TableName: before.TableName, BackupName: 'before-the-accident' }),
  );
  const backupArn = backup!.BackupArn!;
  await send('alpha', 'DELETE', `/v2/images/${id}`, 204);
  assert.deepEqual(await imagesOf('beta'), []);
  log('an image with an accepted offer is backed up and then deleted');

  const tables = async () => (await dynamodb.send(new ListTablesCommand())).TableNames?.toSorted();
  await dynamodb.send(
    new CreateTableCommand({
      TableName: 'other-keys',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    }),
  );
  const tablesBefore = await tables();
  const withoutSynthesis = { ...commands, synthesize: () => Promise.resolve(own) };
  const mistakes: readonly (readonly [RecoverySource, RegExp])[] = [
    [{ backupArn: `${backupArn}0` }, /^"--backup" must be the ARN of an existing backup; got arn:.*\.$/],
    [
      { backupArn: backupArn.replace('us-east-1', 'eu-west-1') },
      /^"--backup" must be a backup in the region us-east-1; got one in eu-west-1\.$/,
    ],
    [
      { backupArn: 'arn:aws:backup:us-east-1:1:recovery-point:1' },
      /restore this recovery point with AWS Backup, then use --table\.$/,
    ],
    [
      { at: new Date('2020-01-01T00:00:00Z') },
      /^The table ".*" has no point-in-time recovery; use --backup with a backup\.$/,
    ],
    [{ tableName: 'missing' }, /^"--table" must be a table in the region us-east-1; got "missing"\.$/],
    [
      { tableName: 'other-keys' },
      /^The table "other-keys" must have the keys and indexes of the template; "KeySchema", .* of it differ\.$/,
    ],
    [{ tableName: before.TableName }, /^The table ".*" belongs to the stack "ImageSharing" already\.$/],
  ];
  for (const [source, sentence] of mistakes) {
    await assert.rejects(recover(source, true, withoutSynthesis), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, sentence);
      return true;
    });
  }
  assert.equal(await recover({ backupArn }, false), undefined);
  assert.deepEqual(await tables(), tablesBefore);
  log('unusable sources and a missing confirmation change nothing');

  const settings = join(folder, 'settings.json');
  writeFileSync(settings, JSON.stringify({ production: false }));
  const trial = ['--stage', 'trial', '--settings', settings];
  await assert.rejects(
    emulator.run('infra/operate/restore.ts', ...trial, '--table', 'other-keys', '--yes'),
    /^The table "other-keys" must have the keys and indexes of the template; .* differ\.$/m,
  );
  assert.match(await emulator.run('infra/operate/guard.ts', ...trial), /^The deployment keeps the stateful resources/m);
  log('the command lines use the settings of a stage');

  const tableName = (await recover({ backupArn }))!;
  const after = outputs();
  assert.deepEqual([after.ApiUrl, after.TableName], [before.ApiUrl, tableName]);
  assert.deepEqual(await imagesOf('beta'), [id]);
  assert.equal(JSON.parse(await send('alpha', 'GET', `/v2/images/${id}/members/beta`, 200)).status, 'accepted');
  const events = await connectEvents(emulator, after);
  await send('beta', 'PUT', `/v2/images/${id}/members/beta`, 200, { status: 'rejected' });
  const { after: state } = await events.waitForEvent(
    ({ type, image }) => type === 'image.member.update' && image?.id === id,
  );
  assert.deepEqual(state, { status: 'rejected' });
  log('the restored data is served at the same URL, and its changes are published');

  const described = { TableName: tableName };
  const { Table: table } = await dynamodb.send(new DescribeTableCommand(described));
  const { TimeToLiveDescription: timeToLive } = await dynamodb.send(new DescribeTimeToLiveCommand(described));
  const { ContinuousBackupsDescription: backups } = await dynamodb.send(
    new DescribeContinuousBackupsCommand(described),
  );
  assert.deepEqual(
    {
      stream: table?.StreamSpecification?.StreamViewType,
      protection: table?.DeletionProtectionEnabled,
      timeToLive: timeToLive?.AttributeName,
      recovery: backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus,
    },
    { stream: 'NEW_AND_OLD_IMAGES', protection: true, timeToLive: 'expires_at', recovery: 'ENABLED' },
  );
  assert.ok((await tables())?.includes(before.TableName));
  log('the new table has stream, protection, time to live and recovery; the old one is retained');

  const { EarliestRestorableDateTime: earliest } = backups?.PointInTimeRecoveryDescription ?? {};
  await assert.rejects(
    recover({ at: new Date(earliest!.getTime() - 1000) }, true, withoutSynthesis),
    /^UsageError: "--at" must be a time from .* to .*; got .*\.$/,
  );
  await assert.rejects(
    assertStatefulResourcesAreKept({ stackName, assembly: own }),
    /^UsageError: "TableRestored\w+" \(AWS::DynamoDB::Table\) would leave the stack and be orphaned/,
  );
  log('a time outside of the window and a deployment without the setting are refused');

  await removeProtection(emulator, 'ImageSharing');
  await emulator.cdk('destroy', '--app', join(folder, tableName), '--force');
  assert.ok((await tables())?.includes(tableName));
  assert.equal(await recover({ tableName }), tableName);
  const again = requests(outputs().ApiUrl);
  assert.equal(JSON.parse(await again.send('beta', 'GET', `/v2/images/${id}/members/beta`, 200)).status, 'rejected');
  await again.send('beta', 'PUT', `/v2/images/${id}/members/beta`, 200, { status: 'accepted' });
  log('after the destruction of the stack its table is adopted by a new one');
}

/** Makes the emulator the account of this process. Returns a function that restores the environment. */
function useEmulator({ client }: Emulator): () => void {
  const before = { ...process.env };
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: client.endpoint,
    AWS_REGION: client.region,
    AWS_ACCESS_KEY_ID: client.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: client.credentials.secretAccessKey,
  });
  return () => {
    process.env = before;
  };
}

if (import.meta.main) {
  const log = (line: string): void => {
    console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`);
  };
  installEmulator();
  const emulator = await startEmulator(false);
  try {
    await testRecovery(emulator, log);
    log('The recovery was rehearsed.');
  } finally {
    await emulator.stop();
  }
}
