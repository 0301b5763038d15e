import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import {
  DescribeBackupCommand,
  DescribeContinuousBackupsCommand,
  DynamoDBClient,
  RestoreTableFromBackupCommand,
  RestoreTableToPointInTimeCommand,
} from '@aws-sdk/client-dynamodb';
import { readSynthesizedStack } from '../../local/template/synthesized-stack.ts';
import { UsageError } from '../../usage-error.ts';
import { withUsageErrors } from '../aws/aws-errors.ts';
import { type DeployedTable, deployedTable, deployedTemplate, stackOfResource } from '../aws/deployed-stack.ts';
import type { StageCommands } from '../aws/stage-commands.ts';
import { assertStatefulResourcesAreKept, clientSettings } from './stateful-guard.ts';
import type { Template } from './stateful-changes.ts';
import { applySettingsOfTemplate, assertHasKeysOfTemplate, findTable, waitUntilActive } from './table-settings.ts';

/** The data to recover: a point in time of the stage's table, a backup, or an existing table. */
export type RecoverySource =
  { readonly at: Date | 'latest' } | { readonly backupArn: string } | { readonly tableName: string };

/** The person or program that runs a recovery. */
export interface RecoveryOperator {
  /** Receives a sentence about each step. */
  readonly report: (sentence: string) => void;
  /** Returns true to start, after the sentences about the plan. */
  readonly confirm: () => Promise<boolean>;
}

/**
 * Restores the data of a stage into a new table, or takes an existing table, and deploys the stage with it: the stack
 * imports the table, and its functions and its stream consumer use it from then on. In production the current table is
 * retained outside of the stack. Nothing is changed before the confirmation.
 *
 * A run that fails after the restore continues with the source `{ tableName }`.
 *
 * @returns the name of the table, for the setting `restoredTable`; undefined if the operator does not confirm
 * @throws UsageError if the source is unusable, the deployment would lose another resource, or AWS refuses a call
 */
export async function restoreTable(
  commands: StageCommands,
  source: RecoverySource,
  { report, confirm }: RecoveryOperator,
): Promise<string | undefined> {
  const tableName = 'tableName' in source ? source.tableName : newTableName(commands.stage);
  const assembly = await commands.synthesize(tableName);
  const stack = readSynthesizedStack(assembly);
  const settings = clientSettings(assembly);
  const dynamodb = new DynamoDBClient(settings);
  const formation = new CloudFormationClient(settings);
  try {
    const current = await deployedTable(formation, stack.name);
    const restore = await withUsageErrors(async () => {
      if ('at' in source) return pointInTimeRestore(dynamodb, source.at, stack.name, current);
      if ('backupArn' in source) return backupRestore(dynamodb, source.backupArn);
      const table = await findTable(dynamodb, tableName);
      const owner = current?.name === tableName ? stack.name : await stackOfResource(formation, tableName);
      if (table === undefined) {
        throw new UsageError(
          `"--table" must be a table in the region ${await dynamodb.config.region()}; got "${tableName}".`,
        );
      }
      if (owner !== undefined)
        throw new UsageError(`The table "${tableName}" belongs to the stack "${owner}" already.`);
      assertHasKeysOfTemplate(table, stack);
      return undefined;
    });
    // The current table leaves the stack deliberately; nothing else may.
    await assertStatefulResourcesAreKept({
      stackName: stack.name,
      assembly,
      allow: current === undefined ? [] : [current.logicalId],
    });

    const template = await deployedTemplate(formation, stack.name);
    const plan = { stackName: stack.name, tableName, restore, current, template };
    for (const sentence of describePlan(plan)) report(sentence);
    if (!(await confirm())) return undefined;

    await withUsageErrors(async () => {
      if (restore !== undefined) {
        await restore.start(tableName);
        report(
          `Restoring into ${tableName}. To continue after an interruption, run the command with --table ${tableName}.`,
        );
      }
      await waitUntilActive(dynamodb, tableName, report);
      assertHasKeysOfTemplate((await findTable(dynamodb, tableName))!, stack);
      report('The keys and indexes are those of the template. Setting stream, time to live, recovery and protection.');
      await applySettingsOfTemplate(dynamodb, tableName, stack, report);
    });
    report(`Deploying ${stack.name} with the table ${tableName}.`);
    await commands.deployWithImport(assembly);
    const adopted = await deployedTable(formation, stack.name);
    if (adopted?.name !== tableName) {
      throw new UsageError(
        `The stack "${stack.name}" must use the table "${tableName}" now, but uses "${adopted?.name}".`,
      );
    }
    return tableName;
  } finally {
    dynamodb.destroy();
    formation.destroy();
  }
}

/** A restore whose source exists. */
interface Restore {
  /** Names the source. */
  readonly description: string;
  /** Starts the restore into a new table. */
  start(tableName: string): Promise<unknown>;
}

async function pointInTimeRestore(
  dynamodb: DynamoDBClient,
  at: Date | 'latest',
  stackName: string,
  current: DeployedTable | undefined,
): Promise<Restore> {
  if (current === undefined) {
    throw new UsageError(
      `"--at" requires the stack "${stackName}", which does not exist in the region ${await dynamodb.config.region()}; select its region, or use --table with a retained table.`,
    );
  }
  const { ContinuousBackupsDescription: backups } = await dynamodb.send(
    new DescribeContinuousBackupsCommand({ TableName: current.name }),
  );
  const {
    PointInTimeRecoveryStatus: status,
    EarliestRestorableDateTime: earliest,
    LatestRestorableDateTime: latest,
  } = backups?.PointInTimeRecoveryDescription ?? {};
  if (status !== 'ENABLED' || earliest === undefined || latest === undefined) {
    throw new UsageError(`The table "${current.name}" has no point-in-time recovery; use --backup with a backup.`);
  }
  if (at !== 'latest' && (at < earliest || at > latest)) {
    throw new UsageError(
      `"--at" must be a time from ${earliest.toISOString()} to ${latest.toISOString()}; got ${at.toISOString()}.`,
    );
  }
  const time = at === 'latest' ? latest : at;
  return {
    description: `the table ${current.name} as of ${at === 'latest' ? 'the latest restorable time, now ' : ''}${time.toISOString()}`,
    start: (TargetTableName) =>
      dynamodb.send(
        new RestoreTableToPointInTimeCommand({
          SourceTableName: current.name,
          TargetTableName,
          ...(at === 'latest' ? { UseLatestRestorableTime: true } : { RestoreDateTime: at }),
        }),
      ),
  };
}

async function backupRestore(dynamodb: DynamoDBClient, backupArn: string): Promise<Restore> {
  const region = await dynamodb.config.region();
  const [, service, ownRegion] = /^arn:[\w-]+:(dynamodb|backup):([\w-]+):/.exec(backupArn) ?? [];
  if (service === undefined) {
    throw new UsageError(`"--backup" must be the ARN of a backup of DynamoDB; got ${JSON.stringify(backupArn)}.`);
  }
  if (service === 'backup') {
    throw new UsageError(
      '"--backup" must be the ARN of a backup of DynamoDB; restore this recovery point with AWS Backup, then use --table.',
    );
  }
  if (ownRegion !== region) {
    throw new UsageError(`"--backup" must be a backup in the region ${region}; got one in ${ownRegion}.`);
  }
  try {
    const { BackupDescription: backup } = await dynamodb.send(new DescribeBackupCommand({ BackupArn: backupArn }));
    const { BackupStatus: status, BackupCreationDateTime: time } = backup?.BackupDetails ?? {};
    if (status !== 'AVAILABLE') throw new UsageError(`The backup must be AVAILABLE; it is ${status}.`);
    return {
      description: `the backup of ${backup?.SourceTableDetails?.TableName} of ${time?.toISOString()}`,
      start: (TargetTableName) =>
        dynamodb.send(new RestoreTableFromBackupCommand({ BackupArn: backupArn, TargetTableName })),
    };
  } catch (error) {
    if ((error as Error).name !== 'BackupNotFoundException') throw error;
    throw new UsageError(`"--backup" must be the ARN of an existing backup; got ${backupArn}.`, { cause: error });
  }
}

/** A recovery whose source and target are checked. */
interface Plan {
  readonly stackName: string;
  readonly tableName: string;
  readonly restore: Restore | undefined;
  readonly current: DeployedTable | undefined;
  /** The deployed template. */
  readonly template: Template | undefined;
}

function describePlan({ stackName, tableName, restore, current, template }: Plan): readonly string[] {
  const adopt = `Adopt: ${tableName} becomes the table of the stack ${stackName}`;
  const sentences = restore === undefined ? [] : [`Restore: ${restore.description}, into the new table ${tableName}.`];
  if (current === undefined) return [...sentences, `${adopt}, which is created with a new API URL.`];
  const { DeletionPolicy: policy } = template?.Resources[current.logicalId] ?? {};
  return [
    ...sentences,
    `${adopt}; the API URL stays the same.`,
    `Remove: ${current.name} leaves the stack and is ${policy === 'Retain' ? 'retained' : 'DELETED with its data'}. Changes that only it contains are lost to the service.`,
  ];
}

/** Returns a table name that is not used yet, such as `image-sharing-prod-20261129T101500`. */
const newTableName = (stage: string): string =>
  `image-sharing-${stage}-${new Date().toISOString().replaceAll(/[-:]|\..*$/g, '')}`;
