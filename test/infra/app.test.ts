import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-app-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the app as the CDK command line does, with the context that `-c <name>=<value>` gives it. */
const runApp = (
  context: Readonly<Record<string, string | number>> = {},
  options: readonly string[] = [],
): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [...options, join(import.meta.dirname, '..', '..', 'infra', 'app.ts')], {
    encoding: 'utf8',
    env: { ...process.env, CDK_OUTDIR: folder, CDK_CONTEXT_JSON: JSON.stringify(context) },
  });

interface Resource {
  readonly Type: string;
}

const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));

test('without a stage it makes the one that keeps its data, having passed its checks, without an account', () => {
  const { status, stderr } = runApp();

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const manifest = read('manifest.json').artifacts.ImageSharing.properties;
  const resources: Resource[] = Object.values(read(manifest.templateFile).Resources);
  expect(manifest.stackName ?? 'ImageSharing').toBe('ImageSharing');
  expect(resources.find(({ Type }) => Type === 'AWS::DynamoDB::Table')).toMatchObject({
    DeletionPolicy: 'Retain',
    Properties: { DeletionProtectionEnabled: true },
  });
});

test('an unknown stage is one sentence, and nothing is made', () => {
  const { status, stdout, stderr } = runApp({ stage: 'toString' });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: 'The stage "toString" is unknown: -c stage= takes prod or throwaway.\n',
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('pages of the origins that it is given may call the API', () => {
  const { status, stderr } = runApp({ corsOrigins: 'https://console.example,http://127.0.0.1:3000' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { templateFile } = read('manifest.json').artifacts.ImageSharing.properties;
  const resources: Resource[] = Object.values(read(templateFile).Resources);
  expect(resources.find(({ Type }) => Type === 'AWS::ApiGatewayV2::Api')).toMatchObject({
    Properties: { CorsConfiguration: { AllowOrigins: ['https://console.example', 'http://127.0.0.1:3000'] } },
  });
});

test('links are built from the public URL that it is given', () => {
  const { status, stderr } = runApp({ publicUrl: 'https://images.example' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { templateFile } = read('manifest.json').artifacts.ImageSharing.properties;
  expect(JSON.stringify(read(templateFile)).match(/"PUBLIC_URL":"https:\/\/images.example"/g)).toHaveLength(3);
});

test('a public URL that cannot be used is one sentence, and nothing is made', () => {
  const { status, stdout, stderr } = runApp({ publicUrl: 'http://images.example/' });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: 'publicUrl is "http://images.example/", not an https URL without a slash at the end.\n',
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('an origin that is none is one sentence, and nothing is made', () => {
  const { status, stdout, stderr } = runApp({ corsOrigins: 'https://console.example,*' });

  expect({ status, stdout, stderr: stderr.split('\n') }).toEqual({
    status: 1,
    stdout: '',
    stderr: [expect.stringMatching(/^-c corsOrigins has "\*", which is no origin: give each as .*\.$/), ''],
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('the topic that it is given is told of every alarm', () => {
  const topic = 'arn:aws:sns:eu-central-1:111122223333:alarms';
  const { status, stderr } = runApp({ alarmTopicArn: topic });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { templateFile } = read('manifest.json').artifacts.ImageSharing.properties;
  const resources: (Resource & { readonly Properties: object })[] = Object.values(read(templateFile).Resources);
  const alarms = resources.filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  expect(alarms.length).toBeGreaterThan(0);
  for (const { Properties } of alarms) expect(Properties).toMatchObject({ AlarmActions: [topic], OKActions: [topic] });
});

test('a topic that is none is one sentence, and nothing is made', () => {
  const { status, stdout, stderr } = runApp({ alarmTopicArn: 'alarms' });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: '-c alarmTopicArn= takes the ARN of an SNS topic, and not "alarms".\n',
  });
});

test('a subscription that is none is one sentence, and nothing is made', () => {
  const { status, stdout, stderr } = runApp({ offerSubscriptions: '[{"project": "beta"}]' });

  expect({ status, stdout, stderr: stderr.split('\n') }).toEqual({
    status: 1,
    stdout: '',
    stderr: [expect.stringMatching(/is no subscription: offerSubscriptions takes a list such as .*\.$/), ''],
  });
  expect(readdirSync(folder)).toEqual([]);
});

test.each(['0', 0])('a reserved concurrency of %j is one sentence, and nothing is made', (reservedConcurrency) => {
  const { status, stdout, stderr } = runApp({ reservedConcurrency });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: '"reservedConcurrency" must be a whole number from 1, for 0 disables the functions; got 0.\n',
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('an error of the program itself is shown with its stack', () => {
  const { status, stderr } = runApp({ corsOrigins: 'https://console.example' }, [
    '--import',
    'data:text/javascript,URL.parse = undefined',
  ]);

  expect(status).toBe(1);
  expect(stderr).toMatch(/^TypeError: URL\.parse is not a function\n {4}at .*cors-origins\.ts/);
});
