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
 * Creates the table if it does not exist. Returns when the table is active.
 *
 * @throws UsageError if the table exists with other keys or indexes, which cannot be changed
 */
export async function ensureTable(client: DynamoDBClient, table: TemplateTable): Promise<void> {
  const isNew = await createTable(client, table);
  let existing = await describeTable(client, table);
  // Local engines create a table immediately; DynamoDB does not.
  while (existing.TableStatus !== 'ACTIVE') {
    await setTimeout(200);
    existing = await describeTable(client, table);
  }
  if (layout(existing) !== layout(table.create)) {
    throw new UsageError(
      `The table "${table.create.TableName}" has other keys or indexes than the template, and they cannot be changed; set DATA_DIR or DYNAMODB_ENDPOINT to other data, or delete the table.`,
    );
  }
  if (isNew && table.timeToLive !== undefined) await client.send(new UpdateTimeToLiveCommand(table.timeToLive));
}

/** Creates the table. Returns false if it exists. */
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

/** Returns keys and indexes as text that is equal for two tables if and only if their keys and indexes are equal. */
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
    (table.AttributeDefinitions ?? [])
      .map(({ AttributeName, AttributeType }) => `${AttributeName} ${AttributeType}`)
      .toSorted(),
    indexes(table.LocalSecondaryIndexes),
    indexes(table.GlobalSecondaryIndexes),
  ]);
}
