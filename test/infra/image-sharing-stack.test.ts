import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ImageSharingStack, type ImageSharingStackProps } from '../../infra/image-sharing-stack.ts';
import { consoleRoute, routes } from '../../lambda/http/routes.ts';

type Properties = Record<string, any>;

/** A synthesized stack and its output folder. */
interface Synthesized {
  readonly folder: string;
  readonly template: Template;
}

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-synth-'));

function synthesize(name: string, props: ImageSharingStackProps): Synthesized {
  const app = new App({ context: cdkContext, outdir: join(folder, name) });
  const stack = new ImageSharingStack(app, 'ImageSharing', props);
  return { folder: app.outdir, template: Template.fromStack(stack) };
}

let prod: Synthesized;
let throwaway: Synthesized;
let local: Synthesized;

beforeAll(() => {
  prod = synthesize('prod', { identity: { kind: 'none' }, production: true });
  throwaway = synthesize('throwaway', {
    identity: { kind: 'none' },
    production: false,
    memberQuota: -1,
    corsOrigins: ['https://console.example'],
  });
  local = synthesize('local', { identity: { kind: 'dev' }, production: true, local: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const propertiesOfType = ({ template }: Synthesized, type: string): Properties[] =>
  Object.values(template.findResources(type)).map((resource) => resource['Properties']);
const onlyResource = ({ template }: Synthesized, type: string): Properties => {
  template.resourceCountIs(type, 1);
  return Object.values(template.findResources(type))[0]!;
};
const functionOf = (stack: Synthesized, name: string): Properties =>
  propertiesOfType(stack, 'AWS::Lambda::Function').find(({ Role }) => Role['Fn::GetAtt'][0].startsWith(name))!;

describe('the table', () => {
  // With another logical id, CloudFormation would replace the table by an empty one.
  const tableId = 'Table710B521B';
  const string = (name: string) => ({ AttributeName: name, AttributeType: 'S' });
  const keys = (partition: string, sort: string) => [
    { AttributeName: partition, KeyType: 'HASH' },
    { AttributeName: sort, KeyType: 'RANGE' },
  ];
  const localIndex = (name: string) => ({
    IndexName: name,
    KeySchema: keys('pk', name),
    Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['owner', 'visibility', 'os_hidden', 'ends_at'] },
  });

  test('has keys, indexes and a stream, and neither a fixed name nor a fixed capacity', () => {
    expect(onlyResource(prod, 'AWS::DynamoDB::Table')['Properties']).toEqual({
      AttributeDefinitions: [
        ...['pk', 'sk', 'listed', 'pending', 'rejected', 'list_key', 'catalog', 'catalog_key', 'expiry_shard'].map(
          string,
        ),
        { AttributeName: 'ends_at', AttributeType: 'N' },
      ],
      KeySchema: keys('pk', 'sk'),
      LocalSecondaryIndexes: ['listed', 'pending', 'rejected', 'list_key'].map(localIndex),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'catalog',
          KeySchema: keys('catalog', 'catalog_key'),
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
        {
          IndexName: 'expiry',
          KeySchema: keys('expiry_shard', 'ends_at'),
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
      TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
      DeletionProtectionEnabled: true,
    });
  });

  test('is retained by every update and by a deletion of the stack', () => {
    const table = prod.template.findResources('AWS::DynamoDB::Table')[tableId];

    expect(table).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  test('is deleted with a throwaway stack, and has no other difference', () => {
    const { Properties, DeletionPolicy } = onlyResource(throwaway, 'AWS::DynamoDB::Table');

    expect(DeletionPolicy).toBe('Delete');
    expect({ ...Properties, DeletionProtectionEnabled: true }).toEqual(
      onlyResource(prod, 'AWS::DynamoDB::Table')['Properties'],
    );
    expect(Properties['DeletionProtectionEnabled']).toBe(false);
  });
});

describe('a function', () => {
  test.each([
    ['Members', 512],
    ['Images', 1536],
    ['Sharing', 1536],
    ['Discovery', 512],
    ['Console', 256],
  ])('%s runs on Node 24 and arm64 with %i MB and its own log', (name, megabytes) => {
    const fn = functionOf(prod, name);

    expect(fn).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      MemorySize: megabytes,
      LoggingConfig: { LogGroup: { Ref: expect.stringMatching(`^${name}(Function)?Log`) } },
    });
  });

  test('has a shorter timeout than the gateway with its 30 s', () => {
    const behindTheGateway = ['Members', 'Images', 'Sharing', 'Discovery', 'Console'].map((name) =>
      functionOf(prod, name),
    );

    expect(behindTheGateway.map((fn) => fn['Timeout'])).toEqual(Array(5).fill(25));
    expect(
      propertiesOfType(prod, 'AWS::ApiGatewayV2::Integration').map(
        (integration) => integration['TimeoutInMillis'] ?? 30_000,
      ),
    ).toEqual(Array(5).fill(30_000));
  });

  test('gets the table name only if it uses the table, and the quota only if it enforces the quota', () => {
    const TABLE_NAME = { Ref: 'Table710B521B' };

    expect(functionOf(prod, 'Members')['Environment'].Variables).toEqual({
      IDENTITY: 'none',
      IMAGE_MEMBER_QUOTA: '128',
      STACK_NAME: 'ImageSharing',
      TABLE_NAME,
    });
    expect(functionOf(throwaway, 'Members')['Environment'].Variables.IMAGE_MEMBER_QUOTA).toBe('-1');
    expect(functionOf(prod, 'Images')['Environment'].Variables).toEqual({
      IDENTITY: 'none',
      IMAGE_BUCKET_NAME: { Ref: expect.stringMatching('^ImageDataBucket') },
      IMPORT_ALLOWED_SOURCES: '',
      STACK_NAME: 'ImageSharing',
      TABLE_NAME,
    });
    expect(functionOf(prod, 'Discovery')['Environment'].Variables).toEqual({
      CONSOLE: 'on',
      IDENTITY: 'none',
      STACK_NAME: 'ImageSharing',
    });
  });

  test('keeps its log for a month', () => {
    expect(propertiesOfType(prod, 'AWS::Logs::LogGroup')).toEqual(Array(11).fill({ RetentionInDays: 30 }));
  });
});

describe('the permissions of a function', () => {
  const arn = (prefix: string) => ({ 'Fn::GetAtt': [expect.stringMatching(`^${prefix}[0-9A-F]{8}$`), 'Arn'] });
  const allow = (Action: string | string[], Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
  const log = (name: string) => allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn(`${name}Log`));
  const items = allow(
    [
      'dynamodb:BatchGetItem',
      'dynamodb:ConditionCheckItem',
      'dynamodb:DeleteItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ],
    arn('Table'),
  );
  const traces = allow(['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], '*');
  const index = (name: string) => ({ 'Fn::Join': ['', [arn('Table'), `/index/${name}`]] });

  test.each([
    ['Members', [log('Members'), traces, items]],
    [
      'Images',
      [
        log('Images'),
        traces,
        items,
        allow('dynamodb:Query', ['catalog', 'list_key', 'listed', 'pending', 'rejected'].map(index)),
        // To sign URLs for downloads.
        allow('s3:GetObject', { 'Fn::Join': ['', [arn('ImageDataBucket'), '/images/*']] }),
      ],
    ],
    [
      'Sharing',
      [
        log('Sharing'),
        traces,
        items,
        allow('dynamodb:Query', ['list_key', 'listed', 'pending', 'rejected'].map(index)),
      ],
    ],
    ['Discovery', [log('Discovery'), traces]],
    ['Console', [log('ConsoleFunction'), traces]],
  ])('%s: exactly these', (name, statements) => {
    const policies = propertiesOfType(prod, 'AWS::IAM::Policy').filter(({ Roles }) => Roles[0].Ref.startsWith(name));

    expect(policies.map(({ PolicyDocument }) => PolicyDocument.Statement)).toEqual([statements]);
  });

  test('each function has its own role for Lambda, without managed policies', () => {
    const roles = propertiesOfType(prod, 'AWS::IAM::Role').filter(
      ({ AssumeRolePolicyDocument: { Statement } }) =>
        !['codedeploy.amazonaws.com', 'scheduler.amazonaws.com'].includes(Statement[0].Principal.Service),
    );

    expect(roles).toEqual(
      Array(10).fill({
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }],
        },
      }),
    );
    // One for each function, and one for the schedule.
    expect(propertiesOfType(prod, 'AWS::IAM::Policy').map(({ Roles }) => Roles.length)).toEqual(Array(11).fill(1));
  });

  test('no policy has a wildcard or a scan, and only roles, queues and the bucket have policies', () => {
    // ListStreams supports no single stream, image data has a key and a history has partitions for each image, and the
    // actions for traces support no resource-level permissions.
    const statements = propertiesOfType(prod, 'AWS::IAM::Policy')
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement as Properties[])
      .filter(({ Action }) => !isDeepStrictEqual(Action, traces.Action));
    const policies = JSON.stringify(statements)
      .replace('/stream/*', '')
      .replaceAll('/images/*', '')
      .replace('"dynamodb:LeadingKeys":["HISTORY#*"]', '');

    expect(policies).not.toMatch(/\*|Scan/);
    expect(
      Object.values(prod.template.toJSON()['Resources'] as Record<string, Properties>)
        .map((resource) => resource['Type'] as string)
        .filter((type) => type.includes('Policy'))
        .sort(),
    ).toEqual([
      ...Array(11).fill('AWS::IAM::Policy'),
      'AWS::S3::BucketPolicy',
      ...Array(7).fill('AWS::SQS::QueuePolicy'),
    ]);
  });
});

describe('the API', () => {
  /** Returns the name of a function from a reference to its alias; the console has none. */
  const functionOfTarget = (target: Properties): string => {
    const alias = prod.template.findResources('AWS::Lambda::Alias')[target['Ref'] as string];
    const functionId: string = alias?.['Properties']['FunctionName'].Ref ?? target['Fn::GetAtt'][0];
    return functionId.replace(/Function[0-9A-F]{8}$/, '').toLowerCase();
  };
  const functionOfRoute = (route: Properties): string => {
    const integrations = prod.template.findResources('AWS::ApiGatewayV2::Integration');
    return functionOfTarget(
      integrations[route['Target']['Fn::Join'][1][1].Ref]!['Properties']['IntegrationUri'] as Properties,
    );
  };
  const expected = [...routes, { key: consoleRoute, function: 'console' }].map((route) => [route.key, route.function]);

  test('has exactly the routes of the list, each with the alias of its function', () => {
    const found = propertiesOfType(prod, 'AWS::ApiGatewayV2::Route').map((route) => [
      route['RouteKey'],
      functionOfRoute(route),
    ]);

    expect(found.sort()).toEqual(expected.sort());
    for (const integration of propertiesOfType(prod, 'AWS::ApiGatewayV2::Integration')) {
      expect(integration).toMatchObject({ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
    }
  });

  test('is allowed to invoke each alias on exactly the routes of its function', () => {
    const permissions = propertiesOfType(prod, 'AWS::Lambda::Permission').map((permission) => [
      functionOfTarget(permission['FunctionName'] as Properties),
      permission['SourceArn']['Fn::Join'][1].at(-1),
    ]);
    // The ARN of `$default` is `<api>/<stage>/$default` without a method; `/*/*` matches it, but `/*/*/*` does not.
    const path = (route: string) => (route === '$default' ? '' : route.slice(route.indexOf('/')));

    expect(permissions.sort()).toEqual(expected.map(([route, group]) => [group, `/*/*${path(route!)}`]).sort());
  });

  test('has one stage at the root, which is deployed automatically and throttles each route', () => {
    expect(onlyResource(prod, 'AWS::ApiGatewayV2::Stage')['Properties']).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 250 },
    });
  });

  test('allows no other origin by default', () => {
    expect(onlyResource(prod, 'AWS::ApiGatewayV2::Api')['Properties']).not.toHaveProperty('CorsConfiguration');
  });

  test('allows the configured origins to make every call, without cookies', () => {
    expect(onlyResource(throwaway, 'AWS::ApiGatewayV2::Api')['Properties']['CorsConfiguration']).toEqual({
      AllowOrigins: ['https://console.example'],
      AllowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      AllowHeaders: [
        ...['x-auth-token', 'authorization', 'content-type', 'x-openstack-request-id'],
        ...['if-match', 'if-none-match'],
      ],
      ExposeHeaders: ['x-openstack-request-id', 'location', 'etag'],
      MaxAge: 3600,
    });
  });

  test('logs address, route and outcome of a request, and no input of the caller', () => {
    const { Format } = onlyResource(prod, 'AWS::ApiGatewayV2::Stage')['Properties']['AccessLogSettings'];

    expect(Object.values(JSON.parse(Format)).sort()).toEqual([
      '$context.identity.sourceIp',
      '$context.integration.requestId',
      '$context.integrationErrorMessage',
      '$context.integrationStatus',
      '$context.requestId',
      '$context.requestTime',
      '$context.responseLatency',
      '$context.routeKey',
      '$context.status',
    ]);
  });
});

const bundleOf = (stack: Synthesized, { Code }: Properties): string =>
  readFileSync(join(stack.folder, `asset.${Code['S3Key'].replace('.zip', '')}`, 'index.js'), 'utf8');

// Lambda reads the bundle at each cold start, so a larger limit requires a reason.
test.each([
  // Memberships with an end and standing answers are 4 KiB, entity tags and preconditions 2.
  ['Members', 274],
  ['Images', 332],
  // The schemas of the sharing API are 4 KiB.
  ['Discovery', 65],
  ['Console', 12],
  // The lists of offers and own images are 17 KiB, the entries of the bulk operations 9, the history 10.
  ['Sharing', 311],
  // With the rules of eight commands.
  ['CommandsFunction', 312],
  ['NotificationsFunction', 274],
  ['PendingChangesFunction', 214],
  ['ExpiryFunction', 212],
  // The client of S3 is 400 KiB of it.
  ['ImageDataFunction', 700],
])('the bundle of %s has at most %i KiB', (name, maxKibibytes) => {
  const bundle = bundleOf(prod, functionOf(prod, name));

  expect(Buffer.byteLength(bundle) / 1024).toBeLessThan(maxKibibytes);
});

test('a stack trace from a bundle names the functions of the service', () => {
  const { Code } = functionOf(prod, 'Members');
  const bundle = join(prod.folder, `asset.${Code['S3Key'].replace('.zip', '')}`, 'index.js');
  const program = `try { require(${JSON.stringify(bundle)}) } catch (error) { console.log(error.stack) }`;

  const { stdout } = spawnSync(process.execPath, ['-e', program], { env: {}, encoding: 'utf8' });

  expect(stdout).toMatch(/^Error: Configuration: STACK_NAME is not set.*\n +at loadConfig \(/);
});

test('a bundle contains every package that it can load', () => {
  const bundles = propertiesOfType(prod, 'AWS::Lambda::Function').map((fn) => bundleOf(prod, fn));
  const loaded = bundles.flatMap((bundle) => [...bundle.matchAll(/\brequire\("(.*?)"\)/g)].map(([, name]) => name!));

  expect(bundles.filter((bundle) => /\bimport\(/.test(bundle))).toEqual([]);
  expect(new Set(loaded.filter((name) => !name.startsWith('node:')))).toEqual(
    new Set(['@aws-sdk/client-secrets-manager', '@aws-sdk/signature-v4-crt', '@smithy/core/event-streams']),
  );
});

describe('the dev token verifier', () => {
  const bundles = (stack: Synthesized): string[] =>
    propertiesOfType(stack, 'AWS::Lambda::Function').map((fn) => bundleOf(stack, fn));

  test('is refused for a deployed stack', () => {
    expect(
      () => new ImageSharingStack(new App(), 'ImageSharing', { identity: { kind: 'dev' }, production: true }),
    ).toThrow(
      new Error(
        'The identity "dev" is available on the local server only; a deployed stack requires another, such as "none".',
      ),
    );
  });

  test('is only in the bundles of the local server', () => {
    const tokenPattern = '^dev:([^:]+):';

    expect(bundles(local).map((bundle) => bundle.includes(tokenPattern))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(bundles(prod).map((bundle) => bundle.includes(tokenPattern))).toEqual(Array(10).fill(false));
  });

  test('is the only difference of the local server, whose template has the same resources', () => {
    // The id of a version ends in a hash of the code and the environment.
    const versionHash = /(?<=CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g;
    const shape = (stack: Synthesized) =>
      JSON.stringify(stack.template.toJSON()['Resources'], (key, value) =>
        /^(S3Key|Metadata|IDENTITY|CONSOLE_SETTINGS)$/.test(key) ? undefined : value,
      ).replace(versionHash, '');

    expect(shape(local)).toBe(shape(prod));
    expect(functionOf(local, 'Members')['Environment'].Variables.IDENTITY).toBe('dev');
  });
});
