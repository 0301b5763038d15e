import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';
import { commandSchema } from '../../lambda/events/command-schema.ts';

type Properties = Record<string, any>;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-events-'));
let template: Template;

beforeAll(() => {
  const app = new App({ context: cdkContext, outdir: folder });
  const stack = new ImageSharingStack(app, 'ImageSharing', {
    identity: { kind: 'none' },
    production: true,
    stackName: 'Sharing',
    offerSubscriptions: [{ project: 'beta', topicArn: 'arn:aws:sns:eu-central-1:111122223333:offers' }],
  });
  template = Template.fromStack(stack);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const ofType = (type: string): [string, Properties][] =>
  Object.entries(template.findResources(type)).map(([id, resource]) => [id, resource['Properties']]);
const propertiesOf = (type: string, id: string): Properties => template.findResources(type)[id]!['Properties'];
const findOne = (type: string, prefix: string): [string, Properties] => {
  const found = ofType(type).filter(([id]) => new RegExp(`^${prefix}[0-9A-F]{8}$`).test(id));
  expect(found).toHaveLength(1);
  return found[0]!;
};
const arn = (prefix: string) => ({ 'Fn::GetAtt': [expect.stringMatching(`^${prefix}[0-9A-F]{8}$`), 'Arn'] });
const stream = { 'Fn::GetAtt': [expect.stringMatching('^Table'), 'StreamArn'] };
const allow = (Action: string | string[], Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
const traces = allow(['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], '*');
const statementsOf = (prefix: string): unknown =>
  ofType('AWS::IAM::Policy').find(([id]) => id.startsWith(prefix))![1]['PolicyDocument'].Statement;

const receiving = [
  'sqs:ChangeMessageVisibility',
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
  'sqs:GetQueueUrl',
  'sqs:ReceiveMessage',
];
const sending = 'sqs:SendMessage';

describe('every queue', () => {
  test('is encrypted, and accessible over TLS only', () => {
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

  test('has a dead-letter queue or is one, which keeps its messages for 14 days', () => {
    for (const [id, queue] of ofType('AWS::SQS::Queue')) {
      if (id.includes('DeadLetters')) expect(queue).toMatchObject({ MessageRetentionPeriod: 14 * 24 * 3600 });
      else expect(queue['RedrivePolicy']).toMatchObject({ maxReceiveCount: expect.any(Number) });
    }
  });
});

describe('every event source', () => {
  test('reports partial batch failures', () => {
    const sources = ofType('AWS::Lambda::EventSourceMapping').map(([, source]) => source['FunctionResponseTypes']);

    expect(sources).toEqual(sources.map(() => ['ReportBatchItemFailures']));
  });

  test('has a limit of retries and a dead-letter queue: a queue by its redrive policy, a stream by the mapping', () => {
    for (const [, source] of ofType('AWS::Lambda::EventSourceMapping')) {
      const queue =
        template.findResources('AWS::SQS::Queue')[source['EventSourceArn']['Fn::GetAtt'][0]]?.['Properties'][
          'RedrivePolicy'
        ];
      const { MaximumRetryAttempts: attempts, MaximumRecordAgeInSeconds: seconds, DestinationConfig: target } = source;

      const [limit, destination] = queue
        ? [queue.maxReceiveCount, queue.deadLetterTargetArn]
        : [Math.min(attempts, seconds), target.OnFailure.Destination];

      expect(limit).toBeGreaterThan(0);
      expect(destination).toEqual({ 'Fn::GetAtt': [expect.stringContaining('DeadLetters'), 'Arn'] });
    }
  });

  test('that is a queue limits the concurrency of its function', () => {
    const limits = ofType('AWS::Lambda::EventSourceMapping')
      .filter(([, source]) => JSON.stringify(source['EventSourceArn']).includes('Queue'))
      .map(([, source]) => source['ScalingConfig']?.MaximumConcurrency);

    expect(limits).toEqual([5, 2, 100]);
  });

  test('that is a queue has a visibility timeout of six times the timeout of its function, except for image data', () => {
    const queues = ofType('AWS::Lambda::EventSourceMapping').filter(
      ([id, source]) => JSON.stringify(source['EventSourceArn']).includes('Queue') && !id.startsWith('ImageData'),
    );

    expect(queues).toHaveLength(2);
    for (const [, { EventSourceArn, FunctionName }] of queues) {
      const visibility = propertiesOf('AWS::SQS::Queue', EventSourceArn['Fn::GetAtt'][0])['VisibilityTimeout'];
      expect(visibility).toBe(6 * propertiesOf('AWS::Lambda::Function', FunctionName.Ref)['Timeout']);
    }
  });
});

describe('a rule', () => {
  const targets = () => ofType('AWS::Events::Rule').flatMap(([, { Targets }]) => Targets as Properties[]);

  test('retries for hours, and then sends the event to a dead-letter queue', () => {
    expect(targets().length).toBeGreaterThan(1);
    for (const target of targets()) {
      expect(target).toMatchObject({
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringContaining('DeadLetters'), 'Arn'] } },
        RetryPolicy: { MaximumEventAgeInSeconds: 6 * 3600, MaximumRetryAttempts: 185 },
      });
    }
  });

  test('has no function as target: only the schedule invokes a function asynchronously', () => {
    const functions = ofType('AWS::Lambda::Function').map(([id]) => id);
    const principals = ofType('AWS::Lambda::Permission').map(([, { Principal }]) => Principal);

    expect(functions.filter((id) => JSON.stringify(targets()).includes(`"${id}"`))).toEqual([]);
    expect(principals).toEqual(principals.map(() => 'apigateway.amazonaws.com'));
    expect(ofType('AWS::SNS::Subscription')).toEqual([]);
  });
});

describe('the notifications', () => {
  test('come from the stream, from its first record; a failing batch is bisected, and discarded to a queue', () => {
    const [, source] = findOne('AWS::Lambda::EventSourceMapping', 'NotificationsStream');

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

  test('go to a bus with the name of the stack, so that two stages can share an account', () => {
    expect(findOne('AWS::Events::EventBus', 'NotificationsBus')[1]).toEqual({ Name: 'Sharing-notifications' });
  });

  test('come from a function with exactly these permissions', () => {
    expect(statementsOf('NotificationsFunctionRole')).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('NotificationsFunctionLog')),
      traces,
      allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], stream),
      allow('dynamodb:ListStreams', { 'Fn::Join': ['', [arn('Table'), '/stream/*']] }),
      allow('dynamodb:BatchGetItem', arn('Table')),
      {
        ...allow('dynamodb:BatchWriteItem', arn('Table')),
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['HISTORY#*'] } },
      },
      allow('events:PutEvents', arn('NotificationsBus')),
      // For imports and deletions of image data, for malformed records, which the function sends, and for pending changes.
      allow(sending, [arn('ImageDataQueue'), arn('NotificationsDeadLetters'), arn('PendingChangesQueue')]),
      // For discarded batches, which Lambda sends with the role of the function.
      allow(['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', sending], arn('NotificationsDeadLetters')),
    ]);
  });
});

describe('a pending change', () => {
  test('is read only after the timeout of its request', () => {
    const [, queue] = findOne('AWS::SQS::Queue', 'PendingChangesQueue');
    const timeout = ofType('AWS::Lambda::Function').find(([id]) => id.startsWith('Images'))![1]['Timeout'];

    expect(queue['DelaySeconds']).toBeGreaterThan(timeout);
  });

  test('is completed by a function with exactly these permissions', () => {
    expect(statementsOf('PendingChangesFunctionRole')).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('PendingChangesFunctionLog')),
      traces,
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
  const commandsRule = { ArnEquals: { 'aws:SourceArn': arn('CommandsRule') } };

  test('reach the queue from the command bus through one rule, unchanged', () => {
    const [, rule] = findOne('AWS::Events::Rule', 'CommandsRule');
    const [, { PolicyDocument }] = findOne('AWS::SQS::QueuePolicy', 'CommandsQueuePolicy');

    expect(findOne('AWS::Events::EventBus', 'CommandsBus')[1]).toEqual({ Name: 'Sharing-commands' });
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
      expect.objectContaining({ Principal: { Service: 'events.amazonaws.com' }, Condition: commandsRule }),
    ]);
  });

  test('have at most 256 KiB', () => {
    expect(findOne('AWS::SQS::Queue', 'CommandsQueue')[1]).toMatchObject({ MaximumMessageSize: 256 * 1024 });
  });

  test('are executed by a function with exactly these permissions', () => {
    expect(statementsOf('CommandsFunctionRole')).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('CommandsFunctionLog')),
      traces,
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

test('the published schema of commands is the schema that validates them', () => {
  const file = join(import.meta.dirname, '..', '..', 'docs', 'command.schema.json');

  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(commandSchema);
});
