import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App, Stack } from 'aws-cdk-lib/core';
import { cdkContext } from '../../../infra/cdk-context.ts';
import { MembershipExpiry } from '../../../infra/constructs/membership-expiry.ts';
import { SharingTable } from '../../../infra/constructs/sharing-table.ts';

type Properties = Record<string, any>;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-expiry-'));
let template: Template;

beforeAll(() => {
  const stack = new Stack(new App({ context: cdkContext, outdir: folder }), 'Test');
  new MembershipExpiry(stack, 'Expiry', { table: new SharingTable(stack, 'Table') });
  template = Template.fromStack(stack);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const only = (type: string): [string, Properties] => {
  const resources = Object.entries(template.findResources(type));
  expect(resources).toHaveLength(1);
  const [[id, resource] = []] = resources;
  return [id!, resource!];
};
const arn = (prefix: string) => ({ 'Fn::GetAtt': [expect.stringMatching(`^${prefix}[0-9A-F]{8}$`), 'Arn'] });
const allow = (Action: string | string[], Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
const statementsOf = (prefix: string): unknown[] =>
  Object.entries(template.findResources('AWS::IAM::Policy'))
    .filter(([id]) => id.startsWith(prefix))
    .flatMap(([, { Properties: policy }]) => policy.PolicyDocument.Statement);

test('a schedule invokes the function every minute, and repeats no invocation', () => {
  const [, { Properties: schedule, DependsOn: dependencies }] = only('AWS::Scheduler::Schedule');

  expect(schedule).toEqual({
    Description: expect.any(String),
    FlexibleTimeWindow: { Mode: 'OFF' },
    ScheduleExpression: 'rate(1 minute)',
    ScheduleExpressionTimezone: 'Etc/UTC',
    State: 'ENABLED',
    Target: {
      Arn: arn('ExpiryFunction'),
      RoleArn: arn('ExpirySchedulerRole'),
      RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 0 },
    },
  });
  // With the role alone, the first runs would fail.
  expect(dependencies).toEqual(expect.arrayContaining([expect.stringMatching('^ExpirySchedulerRoleDefaultPolicy')]));
});

test('a run ends before the next one, and Lambda repeats none', () => {
  const [functionId, { Properties: fn }] = only('AWS::Lambda::Function');
  const [, { Properties: invocation }] = only('AWS::Lambda::EventInvokeConfig');

  expect(fn['Timeout']).toBeLessThan(60);
  expect(fn).not.toHaveProperty('ReservedConcurrentExecutions');
  expect(invocation).toEqual({
    FunctionName: { Ref: functionId },
    Qualifier: '$LATEST',
    MaximumEventAgeInSeconds: 60,
    MaximumRetryAttempts: 0,
  });
});

test('only schedules of this account can use the role that invokes the function, and it can do nothing else', () => {
  const roles = Object.entries(template.findResources('AWS::IAM::Role'));
  const [, { Properties: role }] = roles.find(([id]) => id.startsWith('ExpirySchedulerRole'))! as [string, Properties];

  expect(role.AssumeRolePolicyDocument.Statement).toEqual([
    {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { Service: 'scheduler.amazonaws.com' },
      Condition: {
        StringEquals: {
          'aws:SourceAccount': { Ref: 'AWS::AccountId' },
          'aws:SourceArn': { 'Fn::Join': ['', expect.arrayContaining([':schedule-group/default'])] },
        },
      },
    },
  ]);
  expect(statementsOf('ExpirySchedulerRole')).toEqual([allow('lambda:InvokeFunction', arn('ExpiryFunction'))]);
});

test('the function can query the index of ends, and read and write items by key', () => {
  expect(statementsOf('ExpiryFunction')).toEqual([
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('ExpiryFunctionLog')),
    allow('dynamodb:Query', { 'Fn::Join': ['', [arn('Table'), '/index/expiry']] }),
    allow(['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:UpdateItem'], arn('Table')),
  ]);
});
