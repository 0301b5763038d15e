import { randomUUID } from 'node:crypto';
import {
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ensureTable } from '../../../../infra/local/dynamodb/ensure-table.ts';
import { tableClient } from '../../../../infra/local/dynamodb/table-client.ts';
import { tableFromTemplate } from '../../../../infra/local/dynamodb/table-from-template.ts';
import { testEndpoint } from '../../../support/engine.ts';

const attribute = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' });
const keys = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: 'HASH' },
  { AttributeName: range, KeyType: 'RANGE' },
];
const included = { ProjectionType: 'INCLUDE', NonKeyAttributes: ['owner', 'colour'] };
const properties = {
  AttributeDefinitions: ['pk', 'sk', 'listed', 'catalog'].map(attribute),
  KeySchema: keys('pk', 'sk'),
  LocalSecondaryIndexes: [{ IndexName: 'listed', KeySchema: keys('pk', 'listed'), Projection: included }],
  GlobalSecondaryIndexes: [
    { IndexName: 'catalog', KeySchema: keys('catalog', 'sk'), Projection: { ProjectionType: 'KEYS_ONLY' } },
  ],
  StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
  TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
  BillingMode: 'PAY_PER_REQUEST',
  DeletionProtectionEnabled: true,
  PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
};

const stackWith = (changed: object = {}) => ({
  name: 'Test',
  assets: {},
  resources: { Table: { Type: 'AWS::DynamoDB::Table', Properties: { ...properties, ...changed } } },
});

test('the table is named after stack and resource', () => {
  const table = tableFromTemplate(stackWith());

  expect([table.create.TableName, table.timeToLive?.TableName]).toEqual(['Test-Table', 'Test-Table']);
});

test('a template without a table is refused', () => {
  const reading = () => tableFromTemplate({ name: 'Test', assets: {}, resources: {} });

  expect(reading).toThrow('The template must contain one AWS::DynamoDB::Table; got 0.');
});

describe('on the engine', () => {
  const client = tableClient(testEndpoint());
  let tableName: string;

  beforeEach(() => {
    tableName = `Test-${randomUUID()}`;
  });

  afterEach(async () => {
    await client.send(new DeleteTableCommand({ TableName: tableName }));
  });

  afterAll(() => client.destroy());

  test('the table has the keys, indexes, stream and time to live of the template', async () => {
    await ensureTable(client, tableFromTemplate(stackWith(), tableName));

    const { Table: created } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    const { TimeToLiveDescription: timeToLive } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: tableName }),
    );
    expect(layoutOf(created)).toEqual(
      layoutOf({
        ...properties,
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      } as TableDescription),
    );
    expect(timeToLive).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expires_at' });
  });

  test('an existing table is not changed', async () => {
    await ensureTable(client, tableFromTemplate(stackWith(), tableName));

    const again = ensureTable(client, tableFromTemplate(stackWith(), tableName));

    await expect(again).resolves.toBeUndefined();
  });

  test.each([
    ['another sort key', { KeySchema: keys('pk', 'listed'), LocalSecondaryIndexes: undefined }],
    [
      'a missing index',
      { GlobalSecondaryIndexes: undefined, AttributeDefinitions: ['pk', 'sk', 'listed'].map(attribute) },
    ],
    [
      'another projection',
      { LocalSecondaryIndexes: [{ ...properties.LocalSecondaryIndexes[0], Projection: { ProjectionType: 'ALL' } }] },
    ],
  ])('a table with %s is refused', async (_what, changed) => {
    await ensureTable(client, tableFromTemplate(stackWith(), tableName));

    const again = ensureTable(client, tableFromTemplate(stackWith(changed), tableName));

    await expect(again).rejects.toThrow(`The table "${tableName}" has other keys or indexes than the template`);
  });
});

/** Returns keys, indexes and stream, without the properties that an engine adds. */
function layoutOf(table: TableDescription = {}): object {
  const byName = <T extends { IndexName?: string; KeySchema?: object; Projection?: { NonKeyAttributes?: string[] } }>(
    indexes: T[] = [],
  ) =>
    indexes.map(({ IndexName, KeySchema, Projection }) => ({
      IndexName,
      KeySchema,
      Projection: { ...Projection, NonKeyAttributes: Projection?.NonKeyAttributes?.toSorted() },
    }));
  return {
    attributes: table.AttributeDefinitions?.map(({ AttributeName }) => AttributeName).toSorted(),
    keys: table.KeySchema,
    local: byName(table.LocalSecondaryIndexes),
    global: byName(table.GlobalSecondaryIndexes),
    stream: table.StreamSpecification,
  };
}
