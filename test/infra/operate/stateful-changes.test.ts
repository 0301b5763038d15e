import { expect, test } from '@jest/globals';
import { findStatefulChanges, type Template } from '../../../infra/operate/stateful/stateful-changes.ts';

const keys = (partition: string) => [{ AttributeName: partition, KeyType: 'HASH' }];
const globalIndex = (name: string, partition: string) => ({
  IndexName: name,
  KeySchema: keys(partition),
  Projection: { ProjectionType: 'KEYS_ONLY' },
});
const tableProperties = {
  KeySchema: keys('pk'),
  AttributeDefinitions: ['pk', 'catalog'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  LocalSecondaryIndexes: [globalIndex('listed', 'pk')],
  GlobalSecondaryIndexes: [globalIndex('catalog', 'catalog')],
};
const retained = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
const aTable = (properties: object = {}, policies: object = retained) => ({
  Type: 'AWS::DynamoDB::Table',
  Properties: { ...tableProperties, ...properties },
  ...policies,
});
const aTemplate = (resources: Template['Resources'] = {}): Template => ({
  Resources: {
    Table1: aTable(),
    Queue1: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 30 } } as Template['Resources'][string],
    Bus1: { Type: 'AWS::Events::EventBus', Properties: { Name: 'events' } } as Template['Resources'][string],
    Function1: { Type: 'AWS::Lambda::Function' },
    ...resources,
  },
});
const without = (logicalId: string): Template => {
  const { [logicalId]: _, ...resources } = aTemplate().Resources;
  return { Resources: resources };
};

test.each<[change: string, Template]>([
  ['the same template', aTemplate()],
  [
    'another order',
    aTemplate({ Table1: aTable({ AttributeDefinitions: tableProperties.AttributeDefinitions.toReversed() }) }),
  ],
  ['an additional queue', aTemplate({ Queue2: { Type: 'AWS::SQS::Queue' } })],
  ['a removed function', without('Function1')],
  [
    'another delay of a queue',
    aTemplate({ Queue1: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 60 } } as any }),
  ],
  [
    'an index over existing attributes',
    aTemplate({
      Table1: aTable({ GlobalSecondaryIndexes: [globalIndex('catalog', 'catalog'), globalIndex('second', 'pk')] }),
    }),
  ],
])('%s keeps every stateful resource', (_, next) => {
  expect(findStatefulChanges(aTemplate(), next)).toEqual([]);
});

test.each<[change: string, Template, expected: readonly string[]]>([
  [
    'a renamed construct of a retained table',
    { Resources: { ...without('Table1').Resources, Table2: aTable() } },
    [
      '"Table1" (AWS::DynamoDB::Table) would leave the stack and be orphaned, because the template no longer contains it.',
    ],
  ],
  [
    'a removed queue',
    without('Queue1'),
    ['"Queue1" (AWS::SQS::Queue) would be deleted, because the template no longer contains it.'],
  ],
  [
    'a renamed bus',
    aTemplate({ Bus1: { Type: 'AWS::Events::EventBus', Properties: { Name: 'other' } } as any }),
    ['"Bus1" (AWS::Events::EventBus) would be replaced by an empty resource, because "Name" changes.'],
  ],
  [
    'another type',
    aTemplate({ Queue1: { Type: 'AWS::SNS::Topic' } }),
    ['"Queue1" (AWS::SQS::Queue) would be replaced by an empty resource, because its type changes.'],
  ],
  [
    'another key',
    aTemplate({ Table1: aTable({ KeySchema: keys('id') }) }),
    [
      '"Table1" (AWS::DynamoDB::Table) would be replaced by an empty resource, because "KeySchema" changes.',
      'The keys or indexes of "Table1" (AWS::DynamoDB::Table) would change in "KeySchema", which the stored items require.',
    ],
  ],
  [
    'another attribute, local and global index',
    aTemplate({
      Table1: aTable({
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'N' }],
        LocalSecondaryIndexes: [],
        GlobalSecondaryIndexes: [globalIndex('catalog', 'pk')],
      }),
    }),
    [
      'The keys or indexes of "Table1" (AWS::DynamoDB::Table) would change in "AttributeDefinitions", "LocalSecondaryIndexes", "GlobalSecondaryIndexes", which the stored items require.',
    ],
  ],
  [
    'no policy',
    aTemplate({ Table1: aTable({}, {}) }),
    [
      '"Table1" (AWS::DynamoDB::Table) would lose its "DeletionPolicy" Retain: a later change could delete it.',
      '"Table1" (AWS::DynamoDB::Table) would lose its "UpdateReplacePolicy" Retain: a later change could delete it.',
    ],
  ],
])('%s is refused with the resource, the property and the consequence', (_, next, expected) => {
  const changes = findStatefulChanges(aTemplate(), next);

  expect(changes.map(({ sentence }) => sentence)).toEqual(expected);
});

test('a removed table that is not retained would be deleted', () => {
  const current = aTemplate({ Table1: aTable({}, { DeletionPolicy: 'Delete' }) });

  expect(findStatefulChanges(current, without('Table1'))).toEqual([
    {
      logicalId: 'Table1',
      sentence: '"Table1" (AWS::DynamoDB::Table) would be deleted, because the template no longer contains it.',
    },
  ]);
});
