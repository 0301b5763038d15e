import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { Alarms } from '../../../../infra/constructs/monitoring/alarms.ts';
import { ImageSharingStack } from '../../../../infra/image-sharing-stack.ts';

type Properties = Record<string, any>;

const root = join(import.meta.dirname, '..', '..', '..', '..');
const topic = 'arn:aws:sns:eu-central-1:111122223333:alarms';
const folder = mkdtempSync(join(tmpdir(), 'image-sharing-alarms-'));
let template: Template;
let rollback: readonly string[];
let throwaway: Template;

beforeAll(() => {
  const synthesize = (name: string, production: boolean): Template => {
    const stack = new ImageSharingStack(new App({ outdir: join(folder, name) }), 'ImageSharing', {
      identity: { kind: 'none' },
      production,
      stackName: 'Sharing',
      alarmTopicArn: topic,
      offerSubscriptions: [{ project: 'beta', topicArn: 'arn:aws:sns:eu-central-1:111122223333:offers' }],
    });
    const construct = stack.node.findChild('Alarms');
    rollback = construct instanceof Alarms ? construct.rollback.map(({ node }) => node.id) : [];
    return Template.fromStack(stack);
  };
  template = synthesize('production', true);
  throwaway = synthesize('throwaway', false);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const idsOf = (type: string, prefix = ''): string[] =>
  Object.keys(template.findResources(type)).filter((id) => id.startsWith(prefix));
const alarms = (): Properties[] =>
  Object.values(template.findResources('AWS::CloudWatch::Alarm')).map((resource) => resource['Properties']);

const only = (type: string, prefix = ''): string => {
  const ids = idsOf(type, prefix);
  expect(ids).toHaveLength(1);
  return ids[0]!;
};
const functionName = (name: string) => ({ Ref: only('AWS::Lambda::Function', name) });

/** Returns the dimensions of the metrics of a function's alias. */
const aliasOf = (name: string) => {
  const fn = functionName(name);
  return { FunctionName: fn, Resource: { 'Fn::Join': ['', [fn, ':live']] } };
};

/** Returns the alarms on a metric: the dimensions, and the condition in words. */
const alarmsOn = (metric: string): readonly unknown[] =>
  alarms()
    .filter(({ Namespace, MetricName }) => `${Namespace} ${MetricName}` === metric)
    .map((alarm) => [
      Object.fromEntries(alarm['Dimensions'].map(({ Name, Value }: Properties) => [Name, Value])),
      `${alarm['Statistic'] ?? alarm['ExtendedStatistic']} > ${alarm['Threshold']}`,
      `${alarm['EvaluationPeriods']} of ${alarm['Period']} s`,
    ]);

test('every alarm is on one plain metric and notifies the topic of its beginning and end', () => {
  for (const alarm of alarms()) {
    expect(alarm).toMatchObject({
      Namespace: expect.any(String),
      MetricName: expect.any(String),
      ComparisonOperator: 'GreaterThanThreshold',
      AlarmActions: [topic],
      OKActions: [topic],
    });
    expect(alarm).not.toHaveProperty('Metrics');
  }
  expect(idsOf('AWS::CloudWatch::CompositeAlarm')).toEqual([]);
  expect(idsOf('AWS::CloudWatch::AnomalyDetector')).toEqual([]);
});

test('an alarm treats no data as good, except that every run of the schedule reports a metric', () => {
  const withoutData = (treatment: string) =>
    alarms().filter(({ TreatMissingData }) => TreatMissingData === treatment).length;

  expect(withoutData('notBreaching')).toBe(alarms().length - 1);
  expect(alarms().find(({ TreatMissingData }) => TreatMissingData === 'breaching')).toMatchObject({
    MetricName: 'OverdueSeconds',
  });
});

test('failed requests and errors of the functions stop a deployment, because each shows something else', () => {
  expect(rollback).toEqual(['FailedRequests', 'MembersErrors', 'ImagesErrors', 'SharingErrors', 'DiscoveryErrors']);
});

describe('there is an alarm for', () => {
  const all = { stack: 'Sharing', operation: 'all' };
  const apiFunctions = ['Members', 'Images', 'Sharing', 'Discovery'];
  const tableName = () => ({ Ref: only('AWS::DynamoDB::Table') });
  const indexes = () =>
    ['catalog', 'expiry'].map((index) => ({ GlobalSecondaryIndexName: index, TableName: tableName() }));

  test.each<[string, string, () => readonly unknown[]]>([
    [
      'failed and unavailable requests',
      'ImageSharing ServerErrors',
      () => [
        [{ ...all, outcome: 'failed' }, 'Sum > 0', '1 of 60 s'],
        [{ ...all, outcome: 'unavailable' }, 'Sum > 10', '1 of 300 s'],
      ],
    ],
    ['an unreachable identity provider', 'ImageSharing IdentityUnavailable', () => [[all, 'Sum > 0', '1 of 300 s']]],
    [
      'errors of the gateway',
      'AWS/ApiGateway 5xx',
      () => [[{ ApiId: { Ref: only('AWS::ApiGatewayV2::Api') } }, 'Sum > 10', '1 of 300 s']],
    ],
    [
      'errors of the alias of each function behind the API, and of the function that ends memberships',
      'AWS/Lambda Errors',
      () => [
        ...apiFunctions.map((name) => [aliasOf(name), 'Sum > 0', '1 of 60 s']),
        [{ FunctionName: functionName('ExpiryFunction') }, 'Sum > 0', '3 of 300 s'],
      ],
    ],
    [
      'throttling of the alias of each function behind the API',
      'AWS/Lambda Throttles',
      () => apiFunctions.map((name) => [aliasOf(name), 'Sum > 0', '1 of 300 s']),
    ],
    [
      'slow requests to the alias of each function behind the API',
      'AWS/Lambda Duration',
      () => apiFunctions.map((name) => [aliasOf(name), 'p99 > 5000', '3 of 300 s']),
    ],
    [
      'throttled reads of the table and its global indexes',
      'AWS/DynamoDB ReadThrottleEvents',
      () => [
        [{ TableName: tableName() }, 'Sum > 20', '2 of 300 s'],
        ...indexes().map((index) => [index, 'Sum > 20', '2 of 300 s']),
      ],
    ],
    [
      'throttled writes of the table and its global indexes',
      'AWS/DynamoDB WriteThrottleEvents',
      () => [
        [{ TableName: tableName() }, 'Sum > 20', '2 of 300 s'],
        ...indexes().map((index) => [index, 'Sum > 20', '2 of 300 s']),
      ],
    ],
    [
      'errors of the table in each operation',
      'AWS/DynamoDB SystemErrors',
      () =>
        ['BatchGetItem', 'BatchWriteItem', 'Query', 'TransactWriteItems', 'UpdateItem'].map((operation) => [
          { Operation: operation, TableName: tableName() },
          'Sum > 5',
          '1 of 300 s',
        ]),
    ],
    [
      'every dead-letter queue',
      'AWS/SQS ApproximateNumberOfMessagesVisible',
      () =>
        idsOf('AWS::SQS::Queue')
          .filter((id) => id.includes('DeadLetters'))
          .map((id) => [{ QueueName: { 'Fn::GetAtt': [id, 'QueueName'] } }, 'Maximum > 0', '1 of 300 s']),
    ],
    [
      'commands and imports that wait',
      'AWS/SQS ApproximateAgeOfOldestMessage',
      () =>
        [
          ['CommandsQueue', 900],
          ['ImageDataQueue', 3600],
        ].map(([prefix, seconds]) => {
          const queue = idsOf('AWS::SQS::Queue', String(prefix))[0];
          return [{ QueueName: { 'Fn::GetAtt': [queue, 'QueueName'] } }, `Maximum > ${seconds}`, '1 of 300 s'];
        }),
    ],
    [
      'notifications that are 15 minutes and 4 hours late',
      'AWS/Lambda IteratorAge',
      () =>
        [15, 240].map((minutes) => [
          { FunctionName: functionName('NotificationsFunction') },
          `Maximum > ${minutes * 60_000}`,
          '1 of 300 s',
        ]),
    ],
    [
      'records that are not published',
      'ImageSharing UnpublishedRecords',
      () => [[{ stack: 'Sharing', operation: 'publish-notifications' }, 'Sum > 0', '3 of 300 s']],
    ],
    [
      'memberships that are not ended, and for 15 minutes without a run',
      'ImageSharing OverdueSeconds',
      () => [[{ stack: 'Sharing', operation: 'expire-memberships' }, 'Maximum > 900', '1 of 900 s']],
    ],
    [
      'failed deliveries of every rule',
      'AWS/Events FailedInvocations',
      () =>
        idsOf('AWS::Events::Rule').map((rule) => [
          {
            EventBusName: template.findResources('AWS::Events::Rule')[rule]!['Properties'].EventBusName,
            RuleName: { 'Fn::Select': [2, { 'Fn::Split': ['/', { 'Fn::GetAtt': [rule, 'Arn'] }] }] },
          },
          'Sum > 0',
          '1 of 300 s',
        ]),
    ],
  ])('%s', (_title, metric, expected) => {
    const byText = (a: unknown, b: unknown) => JSON.stringify(a).localeCompare(JSON.stringify(b));

    expect(expected().length).toBeGreaterThan(0);
    expect(alarmsOn(metric).toSorted(byText)).toEqual(expected().toSorted(byText));
  });
});

describe('the runbook', () => {
  const pages = globSync('docs/runbook/*.md', { cwd: root }).map((file) => basename(file));
  const linkOf = ({ AlarmDescription: description }: Properties): string | undefined =>
    /^[A-Z].*[.] docs\/runbook\/([\w-]+\.md)$/.exec(description)?.[1];

  test('has the page that the description of each alarm ends with', () => {
    expect(alarms().filter((alarm) => !pages.includes(linkOf(alarm) ?? ''))).toEqual([]);
  });

  test('has no page that neither an alarm nor another document names', () => {
    const linked = new Set(alarms().map(linkOf));
    const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: root });

    const unlinked = pages.filter(
      (page) =>
        !linked.has(page) &&
        !documents.some(
          (file) =>
            basename(file) !== page &&
            new RegExp(`\\]\\((runbook/)?${page}`).test(readFileSync(join(root, file), 'utf8')),
        ),
    );

    expect(unlinked).toEqual([]);
  });
});

describe('the dashboard', () => {
  /** Returns the widgets; a reference becomes its text. */
  const widgets = (): Properties[] => {
    const [resource] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
    const parts: unknown[] = resource!['Properties'].DashboardBody['Fn::Join'][1];
    const body = parts
      .map((part) => (typeof part === 'string' ? part : JSON.stringify(part).replaceAll('"', "'")))
      .join('');
    return JSON.parse(body).widgets;
  };

  test('has the status of every alarm first', () => {
    const [first] = widgets();

    expect(first!['type']).toBe('alarm');
    expect(first!['properties'].alarms).toHaveLength(alarms().length);
  });

  test('has graphs and log queries of this stack only', () => {
    const graphs = widgets().filter(({ type }) => type === 'metric');
    const queries = widgets().filter(({ type }) => type === 'log');

    expect([graphs.length, queries.length]).toEqual([14, 2]);
    const searches = JSON.stringify(graphs).match(/SEARCH\([^)]*/g) ?? [];
    expect(searches.length).toBeGreaterThan(5);
    expect(searches.filter((search) => !search.includes('stack=\\"Sharing\\"'))).toEqual([]);
    for (const { properties } of queries) {
      for (const fn of ['Members', 'Images', 'Sharing', 'Discovery'])
        expect(properties.query).toContain(`SOURCE '{'Ref':'${fn}Log`);
    }
  });

  test('has a name with its region, and does not exist in a throwaway stack', () => {
    const [resource] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));

    expect(resource!['Properties'].DashboardName).toEqual({ 'Fn::Join': ['', ['Sharing-', { Ref: 'AWS::Region' }]] });
    throwaway.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
    expect(Object.keys(throwaway.findResources('AWS::CloudWatch::Alarm'))).toHaveLength(alarms().length);
  });
});
