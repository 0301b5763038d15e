import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../../infra/cdk-context.ts';
import { ImageSharingStack, type ImageSharingStackProps } from '../../../infra/image-sharing-stack.ts';

type Properties = Record<string, any>;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-console-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Synthesized {
  readonly outdir: string;
  readonly template: Template;
}

function synthesize(props: Partial<ImageSharingStackProps>): Synthesized {
  const app = new App({ outdir: mkdtempSync(join(folder, 'app-')), context: cdkContext });
  const stack = new ImageSharingStack(app, 'ImageSharing', { identity: { kind: 'none' }, production: false, ...props });
  return { outdir: app.outdir, template: Template.fromStack(stack) };
}

const keystone = {
  kind: 'keystone',
  authUrl: 'https://keystone.internal:5000',
  accountSecretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:account-AbCdEf',
  certificateFile: import.meta.filename,
} as const;
const issuer = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x';

let plain: Synthesized;
let off: Synthesized;
let configured: Synthesized;
beforeAll(() => {
  plain = synthesize({
    identity: keystone,
    reservedConcurrency: 7,
    network: { subnetIds: ['subnet-0123456789abcdef0'], securityGroupIds: ['sg-0123456789abcdef0'] },
  });
  off = synthesize({ console: false, publicUrl: 'https://images.example' });
  configured = synthesize({
    identity: { kind: 'jwt', issuer, audience: 'client' },
    console: { clientId: 'client', connectOrigins: ['https://pool.auth.eu-central-1.amazoncognito.com'] },
    publicUrl: 'https://images.example',
  });
});

const functionsOf = ({ template }: Synthesized): Properties[] =>
  Object.values(template.findResources('AWS::Lambda::Function'))
    .map(({ Properties }) => Properties as Properties)
    .filter(({ Role }) => Role['Fn::GetAtt'][0].startsWith('Console'));
const functionOf = (stack: Synthesized): Properties => {
  const functions = functionsOf(stack);
  expect(functions).toHaveLength(1);
  return functions[0]!;
};
const settingsOf = (stack: Synthesized) => JSON.parse(functionOf(stack)['Environment'].Variables.CONSOLE_SETTINGS);
const discoveryVariables = ({ template }: Synthesized): Properties =>
  Object.values(template.findResources('AWS::Lambda::Function')).find(({ Properties }) =>
    Properties.Role['Fn::GetAtt'][0].startsWith('Discovery'),
  )!['Properties']['Environment'].Variables;
const outputOf = ({ template }: Synthesized) => template.findOutputs('*')['ConsoleUrl']?.['Value'];

describe('the console', () => {
  test('gets public settings only: neither a secret nor another setting of the identity', () => {
    expect(functionOf(plain)['Environment'].Variables).toEqual({
      STACK_NAME: 'ImageSharing',
      CONSOLE_SETTINGS: expect.any(String),
    });
    expect(settingsOf(plain)).toEqual({
      identity: { kind: 'keystone', url: 'https://keystone.internal:5000/v3' },
      connectOrigins: ['https://keystone.internal:5000'],
    });
  });

  test('gets the OpenID Connect client and further origins', () => {
    expect(settingsOf(configured)).toEqual({
      identity: { kind: 'oidc', issuer, clientId: 'client', scope: 'openid' },
      connectOrigins: [
        'https://cognito-idp.eu-central-1.amazonaws.com',
        'https://pool.auth.eu-central-1.amazoncognito.com',
      ],
    });
  });

  test('can write its log and nothing else', () => {
    const statements = Object.values(plain.template.findResources('AWS::IAM::Policy'))
      .filter(({ Properties }) => Properties.Roles[0].Ref.startsWith('Console'))
      .map(({ Properties }) => Properties.PolicyDocument.Statement);

    expect(statements).toEqual([
      [
        {
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: { 'Fn::GetAtt': [expect.stringMatching(/^ConsoleFunctionLog/), 'Arn'] },
        },
      ],
    ]);
  });

  test('has the reserved concurrency of the other functions, and no network, alias and version', () => {
    const { template } = plain;
    const ofConsole = (type: string) =>
      Object.values(template.findResources(type)).filter(({ Properties }) =>
        JSON.stringify(Properties.FunctionName).includes('Console'),
      );

    expect(functionOf(plain)).toMatchObject({ ReservedConcurrentExecutions: 7, MemorySize: 256 });
    expect(functionOf(plain)).not.toHaveProperty('VpcConfig');
    expect([ofConsole('AWS::Lambda::Alias'), ofConsole('AWS::Lambda::Version')]).toEqual([[], []]);
    // The same selection finds the permission of the gateway.
    expect(ofConsole('AWS::Lambda::Permission')).toHaveLength(1);
  });

  test('is served by the bundle from its folder alone', async () => {
    const { Code } = functionOf(configured);
    const asset = join(configured.outdir, `asset.${Code['S3Key'].replace('.zip', '')}`);
    const previous = { ...process.env };
    Object.assign(process.env, { LAMBDA_TASK_ROOT: asset, ...functionOf(configured)['Environment'].Variables });
    const { handler } = createRequire(import.meta.url)(join(asset, 'index.js'));
    process.env = previous;

    const send = (file: string) => handler({ headers: {}, pathParameters: { file } });
    const { body: html, headers } = await send('index.html');
    const references = [...html.matchAll(/(?:src|href)="(.*?)"/g)].map(([, name]) => name as string);
    const statuses = await Promise.all(references.map(async (name) => (await send(name)).statusCode as number));

    expect(headers['content-security-policy']).toContain(
      "; connect-src 'self' https://cognito-idp.eu-central-1.amazonaws.com https://pool.auth.eu-central-1.amazoncognito.com; ",
    );
    expect(references).toHaveLength(3);
    expect(statuses).toEqual([200, 200, 200]);
    expect(JSON.parse((await send('settings.json')).body)).toEqual({ identity: settingsOf(configured).identity });
    expect(JSON.parse(readFileSync(join(asset, 'console.json'), 'utf8'))['index.html']).toBe(html);
  });

  test('has its URL among the outputs: below the public URL, or at the gateway', () => {
    expect(outputOf(configured)).toBe('https://images.example/console/index.html');
    expect(outputOf(plain)['Fn::Join'][1].at(-1)).toBe('/console/index.html');
  });

  test('is the target of /console', () => {
    expect(discoveryVariables(plain)['CONSOLE']).toBe('on');
  });
});

test('without the console there is no function, no route, no output and no redirect to it', () => {
  const routes = Object.values(off.template.findResources('AWS::ApiGatewayV2::Route')).map(
    ({ Properties }) => Properties.RouteKey as string,
  );

  expect(functionsOf(off)).toEqual([]);
  expect(routes.length).toBeGreaterThan(0);
  expect(routes.filter((key) => key.includes('console'))).toEqual([]);
  expect(outputOf(off)).toBeUndefined();
  expect(discoveryVariables(off)).not.toHaveProperty('CONSOLE');
  expect(JSON.stringify(off.template.toJSON())).not.toMatch(/console/i);
});
