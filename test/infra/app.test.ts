import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cdkContext } from '../../infra/cdk-context.ts';

let folder: string;
let outdir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-app-'));
  outdir = join(folder, 'out');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly stage: string;
  /** Content of the file of `--settings`. */
  readonly settings?: object;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly nodeOptions?: readonly string[];
}

/** Runs the app as the CDK command line does. */
function runApp({ stage, settings, context = {}, nodeOptions = [] }: Run) {
  const settingsFile = join(folder, 'settings.json');
  if (settings !== undefined) writeFileSync(settingsFile, JSON.stringify(settings));
  const app = join(import.meta.dirname, '..', '..', 'infra', 'app.ts');
  const options = ['--stage', stage, ...(settings === undefined ? [] : ['--settings', settingsFile])];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeOptions, app, ...options], {
    encoding: 'utf8',
    env: { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify({ ...cdkContext, ...context }) },
  });
  return { status, stdout, stderr: stderr.replaceAll(folder, '') };
}

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, any>>;
}

const read = (file: string) => JSON.parse(readFileSync(join(outdir, file), 'utf8'));
// The manifest has no name if it is the id of the stack.
const stackName = (): string => read('manifest.json').artifacts.ImageSharing.properties.stackName ?? 'ImageSharing';
const resourcesOfType = (type: string): Resource[] =>
  Object.values<Resource>(read('ImageSharing.template.json').Resources).filter(({ Type }) => Type === type);

const alarmTopicArn = 'arn:aws:sns:eu-central-1:111122223333:alarms';
const production = {
  identity: { kind: 'jwt', issuer: 'https://login.example.org', audience: 'images' },
  alarmTopicArn,
};

test('production retains its data, passes its checks and requires no account', () => {
  const { status, stderr } = runApp({ stage: 'prod', settings: production });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stackName()).toBe('ImageSharing');
  expect(resourcesOfType('AWS::DynamoDB::Table')).toEqual([
    expect.objectContaining({
      DeletionPolicy: 'Retain',
      Properties: expect.objectContaining({ DeletionProtectionEnabled: true }),
    }),
  ]);
  expect(resourcesOfType('AWS::S3::Bucket')).toEqual([expect.objectContaining({ DeletionPolicy: 'Retain' })]);
});

test('the stage dev passes its checks without further settings and deletes its data', () => {
  const { status, stderr } = runApp({ stage: 'dev' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stackName()).toBe('ImageSharingDev');
  for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket'])
    expect(resourcesOfType(type)).toEqual([expect.objectContaining({ DeletionPolicy: 'Delete' })]);
});

test('any stage can be described by a file', () => {
  const { status, stderr } = runApp({
    stage: 'staging',
    settings: {
      production: false,
      memberQuota: 7,
      corsOrigins: ['https://console.example'],
      publicUrl: 'https://images.example',
      routeThrottle: { rate: 2000 },
      warmThroughput: { reads: 40_000, writes: 10_000 },
      reservedConcurrency: 3,
      alarmTopicArn,
    },
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stackName()).toBe('ImageSharing-staging');
  const functions = resourcesOfType('AWS::Lambda::Function').map(({ Properties }) => Properties);
  const variables = functions.map((fn) => fn['Environment'].Variables);
  expect(variables.filter(({ IMAGE_MEMBER_QUOTA }) => IMAGE_MEMBER_QUOTA === '7')).toHaveLength(3);
  expect(variables.filter(({ PUBLIC_URL }) => PUBLIC_URL === 'https://images.example')).toHaveLength(4);
  expect(functions.filter((fn) => fn['ReservedConcurrentExecutions'] === 3)).toHaveLength(5);
  expect(resourcesOfType('AWS::ApiGatewayV2::Api')[0]).toMatchObject({
    Properties: { CorsConfiguration: { AllowOrigins: ['https://console.example'] } },
  });
  expect(resourcesOfType('AWS::ApiGatewayV2::Stage')[0]).toMatchObject({
    Properties: { DefaultRouteSettings: { ThrottlingRateLimit: 2000, ThrottlingBurstLimit: 1000 } },
  });
  const WarmThroughput = { ReadUnitsPerSecond: 40_000, WriteUnitsPerSecond: 10_000 };
  expect(resourcesOfType('AWS::DynamoDB::Table')[0]).toMatchObject({
    Properties: { WarmThroughput, GlobalSecondaryIndexes: [{ WarmThroughput }, { WarmThroughput }] },
  });
  const alarms = resourcesOfType('AWS::CloudWatch::Alarm');
  expect(alarms.length).toBeGreaterThan(0);
  for (const { Properties } of alarms) {
    expect(Properties).toMatchObject({ AlarmActions: [alarmTopicArn], OKActions: [alarmTopicArn] });
  }
});

test.each<[string, Run, string]>([
  [
    'an unknown stage',
    { stage: 'prd' },
    '"--stage" must be "dev" or "prod", or another stage with "--settings <file.json>"; got "prd". Did you mean "prod"?\n',
  ],
  [
    'production without an identity and a topic',
    { stage: 'prod' },
    [
      'The settings in infra/stages/prod.ts are invalid:',
      '  "identity" is required in production, because without an identity the service refuses every token.',
      '  "alarmTopicArn" is required in production: the ARN of the SNS topic that receives the alarms.',
      '',
    ].join('\n'),
  ],
  [
    'settings in the context',
    {
      stage: 'dev',
      context: { memberQuota: '5', identiy: 'jwt', stage: 'dev', verbose: '1', '@aws-cdk/core:x': true },
    },
    [
      '"-c memberQuota" has no effect; set "memberQuota" in infra/stages/<stage>.ts or in the file of "--settings".',
      '"-c identiy" has no effect; set "identity" in infra/stages/<stage>.ts or in the file of "--settings".',
      '"-c stage" has no effect; use "--stage".',
      '"-c verbose" is not a setting.',
      '',
    ].join('\n'),
  ],
])('%s gives its sentences, and no output', (_what, run, sentences) => {
  const { status, stdout, stderr } = runApp(run);

  expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: sentences });
  expect(readdirSync(outdir)).toEqual([]);
});

test('an unexpected error is shown with its stack', () => {
  const { status, stderr } = runApp({
    stage: 'dev',
    settings: { corsOrigins: ['https://console.example'] },
    nodeOptions: ['--import', 'data:text/javascript,URL.parse = undefined'],
  });

  expect(status).toBe(1);
  expect(stderr).toMatch(/^TypeError: URL\.parse is not a function\n {4}at .*console-settings\.ts/);
});
