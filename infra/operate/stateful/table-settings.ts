import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type TableDescription,
  TagResourceCommand,
  UpdateContinuousBackupsCommand,
  type UpdateContinuousBackupsCommandInput,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { tableFromTemplate } from '../../local/dynamodb/table-from-template.ts';
import { resourcesOfType, type SynthesizedStack } from '../../local/template/synthesized-stack.ts';
import { UsageError } from '../../usage-error.ts';

const pollMilliseconds = 5_000;

/**
 * Returns a table, or undefined if it does not exist.
 *
 * @throws the errors of the SDK
 */
export async function findTable(client: DynamoDBClient, tableName: string): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: tableName }))).Table;
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/**
 * Waits until a table and its indexes are active, without a limit: a restore takes minutes to hours.
 *
 * @param report - receives a sentence every half minute
 */
export async function waitUntilActive(
  client: DynamoDBClient,
  tableName: string,
  report: (sentence: string) => void,
): Promise<void> {
  const started = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    const table = await findTable(client, tableName);
    const statuses = [
      table?.TableStatus,
      ...(table?.GlobalSecondaryIndexes ?? []).map(({ IndexStatus }) => IndexStatus),
    ];
    if (statuses.every((status) => status === 'ACTIVE')) return;
    if (attempt % 6 === 0) {
      report(`${tableName} is ${table?.TableStatus} after ${Math.round((Date.now() - started) / 1000)} s …`);
    }
    await pause(pollMilliseconds);
  }
}

/**
 * Asserts that a table has the keys and indexes of the template.
 *
 * @throws UsageError that names the differences otherwise
 */
export function assertHasKeysOfTemplate(table: TableDescription, stack: SynthesizedStack): void {
  const { create } = tableFromTemplate(stack);
  const [actual, required] = [keysOf(table), keysOf(create)];
  const different = (Object.keys(required) as (keyof typeof required)[]).filter(
    (name) => !isDeepStrictEqual(actual[name], required[name]),
  );
  if (different.length === 0) return;
  throw new UsageError(
    `The table "${table.TableName}" must have the keys and indexes of the template; ${different.map((name) => `"${name}"`).join(', ')} of it differ.`,
  );
}

type Keys = Pick<
  TableDescription,
  'KeySchema' | 'AttributeDefinitions' | 'LocalSecondaryIndexes' | 'GlobalSecondaryIndexes'
>;

/** Returns keys and indexes without status and throughput, and in an order of their own. */
function keysOf(table: Keys) {
  const indexes = (list: Keys['GlobalSecondaryIndexes'] = []) =>
    list
      .map(({ IndexName: name, KeySchema: keys, Projection: projection }) => ({
        name,
        keys,
        projectionType: projection?.ProjectionType,
        attributes: projection?.NonKeyAttributes?.toSorted() ?? [],
      }))
      .toSorted((left, right) => String(left.name).localeCompare(String(right.name)));
  return {
    KeySchema: table.KeySchema,
    AttributeDefinitions: table.AttributeDefinitions?.toSorted((left, right) =>
      String(left.AttributeName).localeCompare(String(right.AttributeName)),
    ),
    LocalSecondaryIndexes: indexes(table.LocalSecondaryIndexes),
    GlobalSecondaryIndexes: indexes(table.GlobalSecondaryIndexes),
  };
}

/** The properties of the template that a restore does not set and an import does not change. */
interface RestorableProperties {
  readonly DeletionProtectionEnabled?: boolean;
  readonly PointInTimeRecoverySpecification?: {
    readonly PointInTimeRecoveryEnabled: boolean;
    readonly RecoveryPeriodInDays?: number;
  };
  readonly WarmThroughput?: { readonly ReadUnitsPerSecond: number; readonly WriteUnitsPerSecond: number };
  readonly Tags?: { readonly Key: string; readonly Value: string }[];
}

/**
 * Gives a table the stream, time to live, point-in-time recovery, deletion protection, warm throughput and tags of the
 * template. Each of these may be set already.
 */
export async function applySettingsOfTemplate(
  client: DynamoDBClient,
  tableName: string,
  stack: SynthesizedStack,
  report: (sentence: string) => void,
): Promise<void> {
  const { create, timeToLive } = tableFromTemplate(stack, tableName);
  const [[, resource] = []] = resourcesOfType(stack, 'AWS::DynamoDB::Table');
  const properties = (resource?.Properties ?? {}) as RestorableProperties;
  const update = async (input: Omit<ConstructorParameters<typeof UpdateTableCommand>[0], 'TableName'>) => {
    await client.send(new UpdateTableCommand({ TableName: tableName, ...input }));
    await waitUntilActive(client, tableName, report);
  };

  const table = await findTable(client, tableName);
  if (create.StreamSpecification && table?.StreamSpecification?.StreamEnabled !== true) {
    await update({ StreamSpecification: create.StreamSpecification });
  }
  if (properties.DeletionProtectionEnabled === true && table?.DeletionProtectionEnabled !== true) {
    await update({ DeletionProtectionEnabled: true });
  }
  if (properties.WarmThroughput) {
    await update({
      WarmThroughput: properties.WarmThroughput,
      GlobalSecondaryIndexUpdates: (create.GlobalSecondaryIndexes ?? []).map(({ IndexName }) => ({
        Update: { IndexName, WarmThroughput: properties.WarmThroughput },
      })),
    });
  }
  if (timeToLive !== undefined) {
    const { TimeToLiveDescription: current } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: tableName }),
    );
    if (current?.TimeToLiveStatus?.startsWith('ENABL') !== true)
      await client.send(new UpdateTimeToLiveCommand(timeToLive));
  }
  if (properties.PointInTimeRecoverySpecification) {
    await enableRecovery(client, {
      TableName: tableName,
      PointInTimeRecoverySpecification: properties.PointInTimeRecoverySpecification,
    });
  }
  if (table?.TableArn !== undefined && properties.Tags !== undefined) {
    await client.send(new TagResourceCommand({ ResourceArn: table.TableArn, Tags: properties.Tags }));
  }
}

/** DynamoDB enables the backups of a new table some minutes after the table is active. */
const maxRecoveryAttempts = 120;

async function enableRecovery(client: DynamoDBClient, input: UpdateContinuousBackupsCommandInput): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.send(new UpdateContinuousBackupsCommand(input));
      return;
    } catch (error) {
      const isEarly = (error as Error).name === 'ContinuousBackupsUnavailableException';
      if (!isEarly || attempt === maxRecoveryAttempts) throw error;
    }
    await pause(pollMilliseconds);
  }
}
