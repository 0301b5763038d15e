import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { CfnBackupPlan } from 'aws-cdk-lib/aws-backup';
import { App, type Stack } from 'aws-cdk-lib/core';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ImageSharingStack, type ImageSharingStackProps } from '../../infra/image-sharing-stack.ts';
import { addSecurityChecks } from '../../infra/security-checks.ts';

interface Report {
  readonly pluginReports: readonly {
    readonly pluginName: string;
    readonly violations: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-checks-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
/** Synthesizes a stack with the checks, and returns the outcome and the number of constructs for each finding. */
function check(props: Partial<ImageSharingStackProps>, plant: (stack: Stack) => unknown = () => undefined) {
  const app = new App({ outdir: mkdtempSync(join(folder, 'app-')), context: cdkContext });
  const settings = { identity: { kind: 'none' }, production: false, ...props } as const;
  const stack = new ImageSharingStack(app, 'ImageSharing', settings);
  plant(stack);
  addSecurityChecks(stack, settings);
  let failure = '';
  try {
    app.synth();
  } catch (error) {
    failure = (error as Error).message;
  }
  const { pluginReports } = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8')) as Report;
  const findings = pluginReports
    .flatMap(({ violations }) => violations)
    .map(({ ruleName, violatingConstructs }) => [ruleName, violatingConstructs.length]);
  return { failure, findings: Object.fromEntries(findings) as Record<string, number> };
}

const passed = { failure: '', findings: {} };
const arn = (service: string, resource: string) => `arn:aws:${service}:eu-central-1:111122223333:${resource}`;
const safeguards = { tracing: true, alarmTopicArn: arn('sns', 'alarms'), reservedConcurrency: 50 };

describe('no finding is left', () => {
  test('in production with its safeguards', () => {
    expect(check({ production: true, ...safeguards })).toEqual(passed);
  });

  test('in production with every setting', () => {
    const secretArn = arn('secretsmanager', 'secret:account-AbCdEf');
    const outcome = check({
      production: true,
      ...safeguards,
      identity: { kind: 'keystone', authUrl: 'https://identity.example/v3', accountSecretArn: secretArn },
      network: { subnetIds: ['subnet-0123456789abcdef0'], securityGroupIds: ['sg-0123456789abcdef0'] },
      logKeyArn: arn('kms', 'key/11111111-2222-4333-8444-555555555555'),
      domain: {
        name: 'images.example',
        certificateArn: arn('acm', 'certificate/11111111-2222-4333-8444-555555555555'),
      },
      eventConsumerAccounts: ['222233334444'],
      parameterPrefix: '/image-sharing/prod',
      tags: { team: 'images' },
      offerSubscriptions: [
        { project: 'beta', topicArn: arn('sns', 'offers') },
        { project: 'gamma', webhookUrl: 'https://hooks.example/images', secretArn },
      ],
    });

    expect(outcome).toEqual(passed);
  });

  test('in development without any setting', () => {
    expect(check({})).toEqual(passed);
  });
});

describe('the synthesis fails', () => {
  test('in production without a topic for alarms and without a reserved concurrency, and warns without tracing', () => {
    const { failure, findings } = check({ production: true, tracing: false });

    expect(failure).toContain('NIST.800.53.R5-LambdaConcurrency');
    expect(findings).toEqual({
      'NIST.800.53.R5-CloudWatchAlarmAction': expect.any(Number),
      'NIST.800.53.R5-LambdaConcurrency': 5,
      'Serverless-LambdaTracing': 10,
    });
  });

  test.each<[string, string, (stack: Stack) => unknown]>([
    ['AWS Solutions', 'AwsSolutions-SQS4', (stack) => new Queue(stack, 'Planted')],
    ['Serverless', 'Serverless-SQSRedrivePolicy', (stack) => new Queue(stack, 'Planted')],
    [
      'NIST 800-53 R5',
      'NIST.800.53.R5-DynamoDBInBackupPlan',
      (stack) => new CfnBackupPlan(stack, 'Planted', { backupPlan: { backupPlanName: 'planted', backupPlanRule: [] } }),
    ],
    [
      'NIST 800-53 R5',
      'NIST.800.53.R5-CloudWatchLogGroupRetentionPeriod',
      (stack) => new LogGroup(stack, 'Planted', { retention: RetentionDays.INFINITE }),
    ],
  ])('with a resource that breaks a rule of %s: %s', (_, rule, plant) => {
    const { failure, findings } = check({}, plant);

    expect(failure).toContain(rule);
    expect(findings).toMatchObject({ [rule]: 1 });
  });
});
