import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App, RemovalPolicy } from 'aws-cdk-lib/core';
import { ImageSharingStack, type ImageSharingStackProps } from '../../infra/image-sharing-stack.ts';
import { routes } from '../../lambda/http/routes.ts';

type Properties = Record<string, any>;

interface Resource {
  readonly Type: string;
  readonly Properties: Properties;
  readonly DeletionPolicy?: string;
}

/** A synthesised stack, and the folder that it was written to. */
interface Synthesised {
  readonly folder: string;
  readonly resources: Readonly<Record<string, Resource>>;
}

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-synth-'));

function synthesise(name: string, props: ImageSharingStackProps): Synthesised {
  const app = new App({ outdir: join(folder, name) });
  new ImageSharingStack(app, 'ImageSharing', props);
  const { directory, stacks } = app.synth();
  return { folder: directory, resources: stacks[0]!.template.Resources };
}

let prod: Synthesised;
let throwAway: Synthesised;
let local: Synthesised;

beforeAll(() => {
  prod = synthesise('prod', { identity: 'none' });
  throwAway = synthesise('throwaway', {
    identity: 'none',
    removalPolicy: RemovalPolicy.DESTROY,
    memberQuota: -1,
    corsOrigins: ['https://console.example'],
  });
  local = synthesise('local', { identity: 'dev', local: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const ofType = (stack: Synthesised, type: string): [string, Resource][] =>
  Object.entries(stack.resources).filter(([, resource]) => resource.Type === type);
const propertiesOfType = (stack: Synthesised, type: string): Properties[] =>
  ofType(stack, type).map(([, { Properties }]) => Properties);
const onlyOne = (stack: Synthesised, type: string): Resource => {
  const found = ofType(stack, type);
  expect(found).toHaveLength(1);
  return found[0]![1];
};
const functionOf = (stack: Synthesised, name: string): Properties =>
  propertiesOfType(stack, 'AWS::Lambda::Function').find(({ Role }) => Role['Fn::GetAtt'][0].startsWith(name))!;

describe('the table', () => {
  // Another logical id would be another table: CloudFormation would make an empty one in its place.
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

  test('has its keys, its indexes, its stream, and neither a fixed name nor a fixed capacity', () => {
    expect(onlyOne(prod, 'AWS::DynamoDB::Table').Properties).toEqual({
      AttributeDefinitions: ['pk', 'sk', 'listed', 'pending', 'rejected', 'list_key', 'catalog', 'catalog_key'].map(
        string,
      ),
      KeySchema: keys('pk', 'sk'),
      LocalSecondaryIndexes: ['listed', 'pending', 'rejected', 'list_key'].map(localIndex),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'catalog',
          KeySchema: keys('catalog', 'catalog_key'),
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

  test('survives its stack, in every update', () => {
    expect(prod.resources[tableId]).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  test('goes with a stack that is thrown away, and differs in nothing else', () => {
    const { Properties, DeletionPolicy } = onlyOne(throwAway, 'AWS::DynamoDB::Table');

    expect(DeletionPolicy).toBe('Delete');
    expect({ ...Properties, DeletionProtectionEnabled: true }).toEqual(prod.resources[tableId]!.Properties);
    expect(Properties['DeletionProtectionEnabled']).toBe(false);
  });
});

describe('a function', () => {
  test.each([
    ['Members', 512],
    ['Images', 1536],
    ['Discovery', 512],
  ])('%s runs on Node 24 and arm64 with %i MB and its own log', (name, megabytes) => {
    const fn = functionOf(prod, name);

    expect(fn).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      MemorySize: megabytes,
      LoggingConfig: { LogGroup: { Ref: expect.stringMatching(`^${name}Log`) } },
    });
  });

  test('gives up before the gateway does, which waits 30 s', () => {
    const behindTheGateway = ['Members', 'Images', 'Discovery'].map((name) => functionOf(prod, name));

    expect(behindTheGateway.map((fn) => fn['Timeout'])).toEqual([25, 25, 25]);
    expect(
      propertiesOfType(prod, 'AWS::ApiGatewayV2::Integration').map((one) => one['TimeoutInMillis'] ?? 30_000),
    ).toEqual([30_000, 30_000, 30_000]);
  });

  test('knows the table only if it uses it, and the quota only if it enforces it', () => {
    const TABLE_NAME = { Ref: 'Table710B521B' };

    expect(functionOf(prod, 'Members')['Environment'].Variables).toEqual({
      IDENTITY: 'none',
      IMAGE_MEMBER_QUOTA: '128',
      TABLE_NAME,
    });
    expect(functionOf(throwAway, 'Members')['Environment'].Variables.IMAGE_MEMBER_QUOTA).toBe('-1');
    expect(functionOf(prod, 'Images')['Environment'].Variables).toEqual({ IDENTITY: 'none', TABLE_NAME });
    expect(functionOf(prod, 'Discovery')['Environment'].Variables).toEqual({ IDENTITY: 'none' });
  });

  test('keeps its log for a month', () => {
    expect(propertiesOfType(prod, 'AWS::Logs::LogGroup')).toEqual(Array(7).fill({ RetentionInDays: 30 }));
  });
});

describe('what a function may do', () => {
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
  const index = (name: string) => ({ 'Fn::Join': ['', [arn('Table'), `/index/${name}`]] });

  test.each([
    ['Members', [log('Members'), items]],
    [
      'Images',
      [
        log('Images'),
        items,
        allow('dynamodb:Query', ['listed', 'pending', 'rejected', 'list_key', 'catalog'].map(index)),
      ],
    ],
    ['Discovery', [log('Discovery')]],
  ])('%s: this and no more', (name, statements) => {
    const policies = propertiesOfType(prod, 'AWS::IAM::Policy').filter(({ Roles }) => Roles[0].Ref.startsWith(name));

    expect(policies.map(({ PolicyDocument }) => PolicyDocument.Statement)).toEqual([statements]);
  });

  test('each function has a role of its own, with no managed policy, for Lambda only', () => {
    const roles = propertiesOfType(prod, 'AWS::IAM::Role');

    expect(roles).toEqual(
      Array(6).fill({
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }],
        },
      }),
    );
    expect(propertiesOfType(prod, 'AWS::IAM::Policy').map(({ Roles }) => Roles.length)).toEqual(Array(6).fill(1));
  });

  test('there is no wildcard, no scan, and no policy but those of the roles and of the queues', () => {
    // Which streams there are is asked without naming one.
    const policies = JSON.stringify(propertiesOfType(prod, 'AWS::IAM::Policy')).replace('/stream/*', '');

    expect(policies).not.toMatch(/\*|Scan/);
    expect(
      Object.values(prod.resources)
        .map(({ Type }) => Type)
        .filter((type) => type.includes('Policy'))
        .sort(),
    ).toEqual([...Array(6).fill('AWS::IAM::Policy'), ...Array(5).fill('AWS::SQS::QueuePolicy')]);
  });
});

describe('the API', () => {
  const integrated = (route: Properties): string => {
    const integration = prod.resources[route['Target']['Fn::Join'][1][1].Ref]!;
    return integration.Properties['IntegrationUri']['Fn::GetAtt'][0];
  };
  const expected = routes.map((route) => [route.key, route.function]);

  test('has every route of the list and no other, each served by the function it is listed under', () => {
    const found = propertiesOfType(prod, 'AWS::ApiGatewayV2::Route').map((route) => [
      route['RouteKey'],
      integrated(route)
        .replace(/Function[0-9A-F]{8}$/, '')
        .toLowerCase(),
    ]);

    expect(found.sort()).toEqual(expected.sort());
    for (const integration of propertiesOfType(prod, 'AWS::ApiGatewayV2::Integration')) {
      expect(integration).toMatchObject({ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
    }
  });

  test('is allowed to call each function on exactly those routes', () => {
    const permissions = propertiesOfType(prod, 'AWS::Lambda::Permission').map((permission) => [
      permission['FunctionName']['Fn::GetAtt'][0].replace(/Function[0-9A-F]{8}$/, '').toLowerCase(),
      permission['SourceArn']['Fn::Join'][1].at(-1),
    ]);
    // `$default` is called as `<api>/<stage>/$default`, with no method between, which `/*/*` reaches and `/*/*/*` does not.
    const path = (route: string) => (route === '$default' ? '' : route.slice(route.indexOf('/')));

    expect(permissions.sort()).toEqual(expected.map(([route, group]) => [group, `/*/*${path(route!)}`]).sort());
  });

  test('has one stage, at the root, that is always up to date and limits what each route takes', () => {
    expect(onlyOne(prod, 'AWS::ApiGatewayV2::Stage').Properties).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 250 },
    });
  });

  test('answers no page of another origin unless it is told which', () => {
    expect(onlyOne(prod, 'AWS::ApiGatewayV2::Api').Properties).not.toHaveProperty('CorsConfiguration');
  });

  test('lets pages of the origins that it is told make every call, and keeps no cookie for them', () => {
    expect(onlyOne(throwAway, 'AWS::ApiGatewayV2::Api').Properties['CorsConfiguration']).toEqual({
      AllowOrigins: ['https://console.example'],
      AllowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      AllowHeaders: ['x-auth-token', 'authorization', 'content-type', 'x-openstack-request-id'],
      ExposeHeaders: ['x-openstack-request-id', 'location'],
      MaxAge: 3600,
    });
  });

  test('takes no wildcard', () => {
    expect(() => new ImageSharingStack(new App(), 'ImageSharing', { identity: 'none', corsOrigins: ['*'] })).toThrow(
      '"corsOrigins" must be a comma-separated list of origins',
    );
  });

  test('logs who called which route and what came of it, and nothing that the caller sent', () => {
    const { Format } = onlyOne(prod, 'AWS::ApiGatewayV2::Stage').Properties['AccessLogSettings'];

    expect(Object.values(JSON.parse(Format)).sort()).toEqual([
      '$context.identity.sourceIp',
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

const bundleOf = (stack: Synthesised, { Code }: Properties): string =>
  readFileSync(join(stack.folder, `asset.${Code['S3Key'].replace('.zip', '')}`, 'index.js'), 'utf8');

// What is read at each cold start: a kilobyte more has to have a reason, and to be written here.
test.each([
  ['Members', 260],
  ['Images', 297],
  ['Discovery', 60],
  ['CommandsFunction', 290],
  ['NotificationsFunction', 274],
  ['PendingChangesFunction', 206],
])('the bundle of %s has at most %i KiB', (name, mostKibibytes) => {
  const bundle = bundleOf(prod, functionOf(prod, name));

  expect(Buffer.byteLength(bundle) / 1024).toBeLessThan(mostKibibytes);
});

test('a stack trace from a bundle names the functions of the service', () => {
  const { Code } = functionOf(prod, 'Members');
  const bundle = join(prod.folder, `asset.${Code['S3Key'].replace('.zip', '')}`, 'index.js');
  const program = `try { require(${JSON.stringify(bundle)}) } catch (error) { console.log(error.stack) }`;

  const { stdout } = spawnSync(process.execPath, ['-e', program], { env: {}, encoding: 'utf8' });

  expect(stdout).toMatch(/^Error: Configuration: TABLE_NAME is not set.*\n +at loadConfig \(/);
});

test('a bundle has all that it loads, but for packages that are never reached', () => {
  const bundles = propertiesOfType(prod, 'AWS::Lambda::Function').map((fn) => bundleOf(prod, fn));
  const loaded = bundles.flatMap((bundle) => [...bundle.matchAll(/\brequire\("(.*?)"\)/g)].map(([, name]) => name!));

  expect(bundles.filter((bundle) => /\bimport\(/.test(bundle))).toEqual([]);
  expect(new Set(loaded.filter((name) => !name.startsWith('node:')))).toEqual(
    new Set(['@aws-sdk/client-secrets-manager', '@aws-sdk/signature-v4-crt', '@smithy/core/event-streams']),
  );
});

describe('the test identity', () => {
  const bundles = (stack: Synthesised): string[] =>
    propertiesOfType(stack, 'AWS::Lambda::Function').map((fn) => bundleOf(stack, fn));

  test('cannot be chosen for a stack that is deployed', () => {
    expect(() => new ImageSharingStack(new App(), 'ImageSharing', { identity: 'dev' })).toThrow(
      new Error(
        'The identity "dev" is available on the local server only; a deployed stack requires another, such as "none".',
      ),
    );
  });

  test('is in the bundles of the local server and in no other', () => {
    const mark = '^dev:([^:]+):'; // the form of its tokens

    expect(bundles(local).map((bundle) => bundle.includes(mark))).toEqual([true, true, true, false, false, false]);
    expect(bundles(prod).map((bundle) => bundle.includes(mark))).toEqual(Array(6).fill(false));
  });

  test('is all that sets the local server apart: its template has the same resources', () => {
    const shape = (stack: Synthesised) =>
      JSON.stringify(stack.resources, (key, value) => (/^(S3Key|Metadata|IDENTITY)$/.test(key) ? undefined : value));

    expect(shape(local)).toBe(shape(prod));
    expect(functionOf(local, 'Members')['Environment'].Variables.IDENTITY).toBe('dev');
  });
});
