import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib/core';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';
import { commandSchema } from '../../lambda/events/command-schema.ts';

type Properties = Record<string, any>;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-events-'));
let resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;

beforeAll(() => {
  const app = new App({ outdir: folder });
  new ImageSharingStack(app, 'ImageSharing', {
    identity: 'none',
    stackName: 'Sharing',
    offerSubscriptions: [{ project: 'beta', topicArn: 'arn:aws:sns:eu-central-1:111122223333:offers' }],
  });
  resources = app.synth().stacks[0]!.template.Resources;
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const ofType = (type: string): [string, Properties][] =>
  Object.entries(resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties }]) => [id, Properties]);
const one = (type: string, prefix: string): [string, Properties] => {
  const found = ofType(type).filter(([id]) => new RegExp(`^${prefix}[0-9A-F]{8}$`).test(id));
  expect(found).toHaveLength(1);
  return found[0]!;
};
const arn = (prefix: string) => ({ 'Fn::GetAtt': [expect.stringMatching(`^${prefix}[0-9A-F]{8}$`), 'Arn'] });
const stream = { 'Fn::GetAtt': [expect.stringMatching('^Table'), 'StreamArn'] };
const allow = (Action: string | string[], Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
const statementsOf = (prefix: string): unknown =>
  ofType('AWS::IAM::Policy').find(([id]) => id.startsWith(prefix))![1]['PolicyDocument'].Statement;

const receiving = [
  'sqs:ReceiveMessage',
  'sqs:ChangeMessageVisibility',
  'sqs:GetQueueUrl',
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
];
const sending = 'sqs:SendMessage';

describe('every queue', () => {
  test('is encrypted, and answers over TLS only', () => {
    const queues = ofType('AWS::SQS::Queue');
    const tlsOnly = ofType('AWS::SQS::QueuePolicy').filter(([, { PolicyDocument }]) =>
      PolicyDocument.Statement.some(
        ({ Effect, Action, Condition }: Properties) =>
          Effect === 'Deny' && Action === 'sqs:*' && Condition?.Bool?.['aws:SecureTransport'] === 'false',
      ),
    );

    expect(queues.map(([, { SqsManagedSseEnabled }]) => SqsManagedSseEnabled)).toEqual(queues.map(() => true));
    expect(tlsOnly.flatMap(([, { Queues }]) => Queues.map(({ Ref }: Properties) => Ref)).sort()).toEqual(
      queues.map(([id]) => id).sort(),
    );
  });

  test('has a dead-letter queue, unless it is one: those keep what they have for 14 days', () => {
    for (const [id, queue] of ofType('AWS::SQS::Queue')) {
      if (id.includes('DeadLetters')) expect(queue).toMatchObject({ MessageRetentionPeriod: 14 * 24 * 3600 });
      else expect(queue['RedrivePolicy']).toMatchObject({ maxReceiveCount: expect.any(Number) });
    }
  });
});

describe('every event source', () => {
  test('reports what part of a batch has failed', () => {
    const sources = ofType('AWS::Lambda::EventSourceMapping').map(([, source]) => source['FunctionResponseTypes']);

    expect(sources).toEqual(sources.map(() => ['ReportBatchItemFailures']));
  });

  test('tries what fails a number of times, and then keeps it: a queue by its own settings, a stream by the mapping', () => {
    for (const [, source] of ofType('AWS::Lambda::EventSourceMapping')) {
      const queue = resources[source['EventSourceArn']['Fn::GetAtt'][0]]!.Properties['RedrivePolicy'];
      const { MaximumRetryAttempts: attempts, MaximumRecordAgeInSeconds: seconds, DestinationConfig: kept } = source;

      const [tries, place] = queue
        ? [queue.maxReceiveCount, queue.deadLetterTargetArn]
        : [Math.min(attempts, seconds), kept.OnFailure.Destination];

      expect(tries).toBeGreaterThan(0);
      expect(place).toEqual({ 'Fn::GetAtt': [expect.stringContaining('DeadLetters'), 'Arn'] });
    }
  });

  test('that is a queue leaves a message hidden for six times the timeout of its function', () => {
    const queues = ofType('AWS::Lambda::EventSourceMapping').filter(([, source]) =>
      JSON.stringify(source['EventSourceArn']).includes('Queue'),
    );

    expect(queues).not.toEqual([]);
    for (const [, { EventSourceArn, FunctionName }] of queues) {
      const visibility = resources[EventSourceArn['Fn::GetAtt'][0]]!.Properties['VisibilityTimeout'];
      expect(visibility).toBe(6 * resources[FunctionName.Ref]!.Properties['Timeout']);
    }
  });
});

describe('what a rule sends', () => {
  const targets = () => ofType('AWS::Events::Rule').flatMap(([, { Targets }]) => Targets as Properties[]);

  test('is tried for hours, and then kept', () => {
    expect(targets().length).toBeGreaterThan(1);
    for (const target of targets()) {
      expect(target).toMatchObject({
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringContaining('DeadLetters'), 'Arn'] } },
        RetryPolicy: { MaximumEventAgeInSeconds: 6 * 3600, MaximumRetryAttempts: 185 },
      });
    }
  });

  test('goes to no function: none is invoked without somebody who waits for what comes of it', () => {
    const functions = ofType('AWS::Lambda::Function').map(([id]) => id);
    const principals = ofType('AWS::Lambda::Permission').map(([, { Principal }]) => Principal);

    expect(functions.filter((id) => JSON.stringify(targets()).includes(`"${id}"`))).toEqual([]);
    expect(principals).toEqual(principals.map(() => 'apigateway.amazonaws.com'));
    expect(ofType('AWS::SNS::Subscription')).toEqual([]);
  });
});

describe('the notifications', () => {
  test('come from the stream, from its first record on; a failing batch is halved, and given up to a queue', () => {
    const [, source] = one('AWS::Lambda::EventSourceMapping', 'NotificationsStream');

    expect(source).toEqual({
      EventSourceArn: stream,
      FunctionName: { Ref: expect.stringMatching('^NotificationsFunction') },
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 100,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 60,
      MaximumRecordAgeInSeconds: 6 * 3600,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: { OnFailure: { Destination: arn('NotificationsDeadLetters') } },
      FilterCriteria: {
        Filters: [
          {
            Pattern: JSON.stringify({
              eventName: ['INSERT', 'MODIFY'],
              dynamodb: { Keys: { sk: { S: ['IMAGE', { prefix: 'SHARED#' }] } } },
            }),
          },
        ],
      },
    });
  });

  test('go to a bus that is named after the stack, so that two stages can share an account', () => {
    expect(one('AWS::Events::EventBus', 'NotificationsBus')[1]).toEqual({ Name: 'Sharing-notifications' });
  });

  test('come from a function that may do this and no more', () => {
    expect(statementsOf('NotificationsFunctionRole')).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('NotificationsFunctionLog')),
      allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], stream),
      allow('dynamodb:ListStreams', { 'Fn::Join': ['', [arn('Table'), '/stream/*']] }),
      allow('dynamodb:BatchGetItem', arn('Table')),
      allow('events:PutEvents', arn('NotificationsBus')),
      // For the records that the function itself sends there.
      allow(sending, arn('NotificationsDeadLetters')),
      allow(sending, arn('PendingChangesQueue')),
      // For Lambda, which sends the batches that it discards in the name of the function.
      allow([sending, 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], arn('NotificationsDeadLetters')),
    ]);
  });
});

describe('a change that reaches further than one transaction', () => {
  test('is looked at again only when its request has had its time', () => {
    const [, queue] = one('AWS::SQS::Queue', 'PendingChangesQueue');
    const timeout = ofType('AWS::Lambda::Function').find(([id]) => id.startsWith('Images'))![1]['Timeout'];

    expect(queue['DelaySeconds']).toBeGreaterThan(timeout);
  });

  test('is completed by a function that may do this and no more', () => {
    expect(statementsOf('PendingChangesFunctionRole')).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('PendingChangesFunctionLog')),
      allow(
        [
          'dynamodb:BatchGetItem',
          'dynamodb:ConditionCheckItem',
          'dynamodb:DeleteItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
        arn('Table'),
      ),
      allow(receiving, arn('PendingChangesQueue')),
    ]);
  });
});

describe('commands', () => {
  const ours = { ArnEquals: { 'aws:SourceArn': arn('CommandsRule') } };

  test('come to a queue, of the bus that takes them only through the one rule, each as it was sent', () => {
    const [, rule] = one('AWS::Events::Rule', 'CommandsRule');
    const [, { PolicyDocument }] = one('AWS::SQS::QueuePolicy', 'CommandsQueuePolicy');

    expect(one('AWS::Events::EventBus', 'CommandsBus')[1]).toEqual({ Name: 'Sharing-commands' });
    expect(rule).toEqual({
      EventBusName: { Ref: expect.stringMatching('^CommandsBus') },
      EventPattern: {
        source: ['image-sharing.client'],
        account: [{ Ref: 'AWS::AccountId' }],
        'detail-type': ['image.command'],
      },
      State: 'ENABLED',
      Targets: [
        {
          Id: 'Target0',
          Arn: arn('CommandsQueue'),
          InputPath: '$.detail',
          DeadLetterConfig: { Arn: arn('CommandsDeadLetters') },
          RetryPolicy: { MaximumEventAgeInSeconds: 6 * 3600, MaximumRetryAttempts: 185 },
        },
      ],
    });
    expect(PolicyDocument.Statement.filter(({ Effect }: Properties) => Effect === 'Allow')).toEqual([
      expect.objectContaining({ Principal: { Service: 'events.amazonaws.com' }, Condition: ours }),
    ]);
  });

  test('are at most 256 KiB long', () => {
    expect(one('AWS::SQS::Queue', 'CommandsQueue')[1]).toMatchObject({ MaximumMessageSize: 256 * 1024 });
  });

  test('are carried out by a function that may do this and no more', () => {
    expect(statementsOf('CommandsFunctionRole')).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('CommandsFunctionLog')),
      allow(
        [
          'dynamodb:BatchGetItem',
          'dynamodb:ConditionCheckItem',
          'dynamodb:DeleteItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
        arn('Table'),
      ),
      allow('events:PutEvents', arn('NotificationsBus')),
      allow(sending, arn('CommandsDeadLetters')),
      allow(receiving, arn('CommandsQueue')),
    ]);
  });
});

test('what is published for senders of commands is what commands are checked by', () => {
  const file = join(import.meta.dirname, '..', '..', 'docs', 'command.schema.json');

  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(commandSchema);
});

describe('what a person has to look at', () => {
  const metricOf = ({
    Namespace,
    MetricName,
    Dimensions,
    Threshold,
    ComparisonOperator,
    TreatMissingData,
  }: Properties) => ({
    metric: `${Namespace} ${MetricName}`,
    of: Dimensions.map(({ Value }: Properties) => JSON.stringify(Value)).join(),
    over: ComparisonOperator === 'GreaterThanThreshold' && TreatMissingData === 'notBreaching' ? Threshold : NaN,
  });

  test('raises an alarm: a letter in any dead-letter queue, and notifications that are late', () => {
    const deadLetters = ofType('AWS::SQS::Queue').filter(([id]) => id.includes('DeadLetters'));

    const alarms = ofType('AWS::CloudWatch::Alarm').map(([, alarm]) => metricOf(alarm));

    expect(alarms.sort((a, b) => a.of.localeCompare(b.of))).toEqual(
      [
        ...deadLetters.map(([id]) => ({
          metric: 'AWS/SQS ApproximateNumberOfMessagesVisible',
          of: JSON.stringify({ 'Fn::GetAtt': [id, 'QueueName'] }),
          over: 0,
        })),
        { metric: 'AWS/Lambda IteratorAge', of: expect.stringContaining('NotificationsFunction'), over: 15 * 60_000 },
      ].sort((a, b) => String(a.of).localeCompare(String(b.of))),
    );
    expect(ofType('AWS::CloudWatch::Alarm').flatMap(([, { AlarmActions = [] }]) => AlarmActions)).toEqual([]);
  });
});
