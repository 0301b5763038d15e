import { setTimeout } from 'node:timers/promises';
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  type Projection,
  ResourceInUseException,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { UsageError } from '../../usage-error.ts';
import type { TemplateTable } from './table-from-template.ts';

/**
 * Makes the table unless it is there already. Returns when it can be used.
 *
 * @throws Refusal if a table of that name is there with other keys or indexes: these cannot be changed any more
 */
export async function ensureTable(client: DynamoDBClient, table: TemplateTable): Promise<void> {
  const isNew = await createTable(client, table);
  let found = await describeTable(client, table);
  // Engines make a table at once, the service does not.
  while (found.TableStatus !== 'ACTIVE') {
    await setTimeout(200);
    found = await describeTable(client, table);
  }
  if (layout(found) !== layout(table.create)) {
    throw new UsageError(
      `The table ${table.create.TableName} was made with other keys or indexes than the template has now, and they cannot be changed; start on other data (another DATA_DIR or DYNAMODB_ENDPOINT), or remove these.`,
    );
  }
  if (isNew && table.timeToLive !== undefined) await client.send(new UpdateTimeToLiveCommand(table.timeToLive));
}

async function createTable(client: DynamoDBClient, { create }: TemplateTable): Promise<boolean> {
  try {
    await client.send(new CreateTableCommand(create));
    return true;
  } catch (error) {
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
}

async function describeTable(client: DynamoDBClient, { create }: TemplateTable): Promise<TableDescription> {
  const { Table: table = {} } = await client.send(new DescribeTableCommand({ TableName: create.TableName }));
  return table;
}

interface Index {
  readonly IndexName?: string | undefined;
  readonly KeySchema?: KeySchemaElement[] | undefined;
  readonly Projection?: Projection | undefined;
}

/** Keys and indexes in a form that two tables share exactly when these are the same. */
function layout(
  table: Pick<TableDescription, 'KeySchema' | 'AttributeDefinitions'> & {
    readonly LocalSecondaryIndexes?: Index[] | undefined;
    readonly GlobalSecondaryIndexes?: Index[] | undefined;
  },
): string {
  const keys = (schema: KeySchemaElement[] = []) =>
    schema.map(({ AttributeName, KeyType }) => [AttributeName, KeyType]);
  const indexes = (list: Index[] = []) =>
    list
      .map(({ IndexName, KeySchema, Projection: projection }) =>
        JSON.stringify([
          IndexName,
          keys(KeySchema),
          projection?.ProjectionType,
          (projection?.NonKeyAttributes ?? []).toSorted(),
        ]),
      )
      .toSorted();
  return JSON.stringify([
    keys(table.KeySchema),
    (table.AttributeDefinitions ?? []).map((a) => `${a.AttributeName} ${a.AttributeType}`).toSorted(),
    indexes(table.LocalSecondaryIndexes),
    indexes(table.GlobalSecondaryIndexes),
  ]);
}
