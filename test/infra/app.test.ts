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

/** Runs the app as the CDK command line does, with the context of `-c <name>=<value>`. */
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

test('the default stage retains its data, passes its checks and requires no account', () => {
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

test('an unknown stage gives one sentence, and no output', () => {
  const { status, stdout, stderr } = runApp({ stage: 'toString' });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: '"-c stage" must be prod or throwaway; got "toString".\n',
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('pages of the configured origins may call the API', () => {
  const { status, stderr } = runApp({ corsOrigins: 'https://console.example,http://127.0.0.1:3000' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { templateFile } = read('manifest.json').artifacts.ImageSharing.properties;
  const resources: Resource[] = Object.values(read(templateFile).Resources);
  expect(resources.find(({ Type }) => Type === 'AWS::ApiGatewayV2::Api')).toMatchObject({
    Properties: { CorsConfiguration: { AllowOrigins: ['https://console.example', 'http://127.0.0.1:3000'] } },
  });
});

test('links are built from the configured public URL', () => {
  const { status, stderr } = runApp({ publicUrl: 'https://images.example' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { templateFile } = read('manifest.json').artifacts.ImageSharing.properties;
  expect(JSON.stringify(read(templateFile)).match(/"PUBLIC_URL":"https:\/\/images.example"/g)).toHaveLength(3);
});

test('an unusable public URL gives one sentence, and no output', () => {
  const { status, stdout, stderr } = runApp({ publicUrl: 'http://images.example/' });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: '"publicUrl" must be an https URL without a slash at the end; got "http://images.example/".\n',
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('an invalid origin gives one sentence, and no output', () => {
  const { status, stdout, stderr } = runApp({ corsOrigins: 'https://console.example,*' });

  expect({ status, stdout, stderr: stderr.split('\n') }).toEqual({
    status: 1,
    stdout: '',
    stderr: [
      expect.stringMatching(/^"-c corsOrigins" must be a comma-separated list of origins such as .*; got "\*"\.$/),
      '',
    ],
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('the configured topic receives every alarm', () => {
  const topic = 'arn:aws:sns:eu-central-1:111122223333:alarms';
  const { status, stderr } = runApp({ alarmTopicArn: topic });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { templateFile } = read('manifest.json').artifacts.ImageSharing.properties;
  const resources: (Resource & { readonly Properties: object })[] = Object.values(read(templateFile).Resources);
  const alarms = resources.filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  expect(alarms.length).toBeGreaterThan(0);
  for (const { Properties } of alarms) expect(Properties).toMatchObject({ AlarmActions: [topic], OKActions: [topic] });
});

test('an invalid topic gives one sentence, and no output', () => {
  const { status, stdout, stderr } = runApp({ alarmTopicArn: 'alarms' });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: '"-c alarmTopicArn" must be the ARN of an SNS topic; got "alarms".\n',
  });
});

test('an invalid subscription gives one sentence, and no output', () => {
  const { status, stdout, stderr } = runApp({ offerSubscriptions: '[{"project": "beta"}]' });

  expect({ status, stdout, stderr: stderr.split('\n') }).toEqual({
    status: 1,
    stdout: '',
    stderr: [expect.stringMatching(/^"offerSubscriptions" must be a list such as .*; got {"project":"beta"}\.$/), ''],
  });
  expect(readdirSync(folder)).toEqual([]);
});

test.each(['0', 0])('a reserved concurrency of %j gives one sentence, and no output', (reservedConcurrency) => {
  const { status, stdout, stderr } = runApp({ reservedConcurrency });

  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: '"reservedConcurrency" must be a whole number from 1, because 0 disables the functions; got 0.\n',
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('an unexpected error is shown with its stack', () => {
  const { status, stderr } = runApp({ corsOrigins: 'https://console.example' }, [
    '--import',
    'data:text/javascript,URL.parse = undefined',
  ]);

  expect(status).toBe(1);
  expect(stderr).toMatch(/^TypeError: URL\.parse is not a function\n {4}at .*cors-origins\.ts/);
});

test('the rates of the routes and the warm throughput of the table are settings', () => {
  const { status, stderr } = runApp({ routeRate: '2000', warmReads: 40_000, warmWrites: '10000' });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { templateFile } = read('manifest.json').artifacts.ImageSharing.properties;
  const resources: (Resource & { readonly Properties: Record<string, unknown> })[] = Object.values(
    read(templateFile).Resources,
  );
  const propertiesOf = (type: string) => resources.find(({ Type }) => Type === type)?.Properties;
  const warmThroughput = { ReadUnitsPerSecond: 40_000, WriteUnitsPerSecond: 10_000 };
  expect(propertiesOf('AWS::ApiGatewayV2::Stage')).toMatchObject({
    DefaultRouteSettings: { ThrottlingRateLimit: 2000, ThrottlingBurstLimit: 1000 },
  });
  expect(propertiesOf('AWS::DynamoDB::Table')).toMatchObject({
    WarmThroughput: warmThroughput,
    GlobalSecondaryIndexes: [{ WarmThroughput: warmThroughput }],
  });
});

test.each([
  [{ routeRate: '0' }, '"-c routeRate" must be a whole number from 1; got "0".'],
  [{ routeRate: 'many' }, '"-c routeRate" must be a whole number from 1; got "many".'],
  [{ routeBurst: '10' }, '"-c routeBurst" requires "-c routeRate".'],
  [{ warmReads: '20000' }, '"-c warmReads" and "-c warmWrites" must be set together.'],
  [{ warmReads: '20000', warmWrites: '10' }, '"-c warmWrites" must be a whole number from 4000; got "10".'],
])('the rates %j give one sentence', (context, sentence) => {
  const { status, stderr } = runApp(context);

  expect({ status, stderr }).toEqual({ status: 1, stderr: `${sentence}\n` });
});
