import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ImageSharingStack, type ImageSharingStackProps } from '../../infra/image-sharing-stack.ts';

type Properties = Record<string, any>;

/** A synthesized stack with the properties of its artifact. */
interface Synthesized {
  readonly template: Template;
  readonly artifact: Properties;
}

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-settings-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function synthesize(props: Partial<ImageSharingStackProps>): Synthesized {
  const app = new App({ outdir: mkdtempSync(join(folder, 'app-')), context: cdkContext });
  const stack = new ImageSharingStack(app, 'ImageSharing', { identity: { kind: 'none' }, production: false, ...props });
  const template = Template.fromStack(stack);
  const manifest = JSON.parse(readFileSync(join(app.outdir, 'manifest.json'), 'utf8')) as Properties;
  return { template, artifact: manifest['artifacts'].ImageSharing.properties };
}

const propertiesOf = ({ template }: Synthesized, type: string): Properties[] =>
  Object.values(template.findResources(type)).map((resource) => resource['Properties']);

const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
const certificateArn = 'arn:aws:acm:eu-central-1:111122223333:certificate/11111111-2222-4333-8444-555555555555';

let plain: Synthesized;
let configured: Synthesized;
beforeAll(() => {
  plain = synthesize({});
  configured = synthesize({
    production: true,
    stackName: 'Sharing',
    tracing: true,
    logKeyArn: keyArn,
    domain: { name: 'images.example', certificateArn },
    eventConsumerAccounts: ['222233334444', '333344445555'],
    parameterPrefix: '/image-sharing/prod',
    tags: { team: 'images', 'cost-center': '4711' },
    offerSubscriptions: [{ project: 'beta', topicArn: 'arn:aws:sns:eu-central-1:111122223333:offers' }],
  });
});

describe('the stack', () => {
  test('has a description, and only in production a protection against termination', () => {
    const description = 'Image sharing: the OpenStack Image API v2 on API Gateway, Lambda and DynamoDB';

    expect([plain, configured].map(({ template }) => template.toJSON()['Description'])).toEqual([
      description,
      description,
    ]);
    expect([plain, configured].map(({ artifact }) => artifact['terminationProtection'])).toEqual([false, true]);
  });

  test('tags itself and every function, queue, log group and role, and the table', () => {
    const expected = [
      { Key: 'cost-center', Value: '4711' },
      { Key: 'team', Value: 'images' },
    ];
    const types = [
      'AWS::DynamoDB::Table',
      'AWS::IAM::Role',
      'AWS::Lambda::Function',
      'AWS::Logs::LogGroup',
      'AWS::SQS::Queue',
    ];

    const tags = types.flatMap((type) => propertiesOf(configured, type).map(({ Tags }) => Tags));

    expect(tags.length).toBeGreaterThan(types.length);
    expect(tags).toEqual(tags.map(() => expected));
    expect(configured.artifact['tags']).toEqual({ 'cost-center': '4711', team: 'images' });
  });
});

describe('tracing', () => {
  const modes = (stack: Synthesized) =>
    propertiesOf(stack, 'AWS::Lambda::Function').map(({ TracingConfig }) => TracingConfig?.Mode);
  const statements = (stack: Synthesized): Properties[] =>
    propertiesOf(stack, 'AWS::IAM::Policy').flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  const isOfTracing = ({ Action }: Properties) => JSON.stringify(Action).includes('xray:');

  test('is active in every function with the setting, and in none without it', () => {
    expect(modes(configured)).toEqual(Array(10).fill('Active'));
    expect(modes(plain)).toEqual(Array(10).fill(undefined));
  });

  test('grants each function two more actions and nothing else', () => {
    expect(statements(configured).filter(isOfTracing)).toEqual(
      Array(10).fill({
        Effect: 'Allow',
        Action: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'],
        Resource: '*',
      }),
    );
    expect(statements(plain).filter(isOfTracing)).toEqual([]);
    expect(
      statements(configured).filter((statement) => !isOfTracing(statement) && statement['Resource'] === '*'),
    ).toEqual([]);
  });
});

describe('the key of the logs', () => {
  test('encrypts every log group', () => {
    expect(propertiesOf(configured, 'AWS::Logs::LogGroup').map(({ KmsKeyId }) => KmsKeyId)).toEqual(
      Array(11).fill(keyArn),
    );
    expect(propertiesOf(plain, 'AWS::Logs::LogGroup').map(({ KmsKeyId }) => KmsKeyId)).toEqual(
      Array(11).fill(undefined),
    );
  });
});

describe('the custom domain', () => {
  test('is regional and leads to the root of the API', () => {
    const [[domainId, domain] = []] = Object.entries(
      configured.template.findResources('AWS::ApiGatewayV2::DomainName'),
    );

    expect(domain?.['Properties']).toMatchObject({
      DomainName: 'images.example',
      DomainNameConfigurations: [{ CertificateArn: certificateArn, EndpointType: 'REGIONAL' }],
    });
    expect(Object.values(configured.template.findResources('AWS::ApiGatewayV2::ApiMapping'))).toEqual([
      {
        Type: 'AWS::ApiGatewayV2::ApiMapping',
        Properties: {
          ApiId: { Ref: expect.stringMatching('^ApiHttpApi') },
          DomainName: { Ref: domainId },
          Stage: '$default',
        },
        DependsOn: expect.arrayContaining([expect.stringMatching('^ApiStage')]),
      },
    ]);
    plain.template.resourceCountIs('AWS::ApiGatewayV2::DomainName', 0);
  });

  test('is the base of links, unless the public URL is set', () => {
    const publicUrls = (stack: Synthesized) =>
      propertiesOf(stack, 'AWS::Lambda::Function').flatMap(({ Environment }) => Environment.Variables.PUBLIC_URL ?? []);
    const withBoth = synthesize({
      domain: { name: 'images.example', certificateArn },
      publicUrl: 'https://proxy.example/images',
    });

    expect(publicUrls(configured)).toEqual(Array(4).fill('https://images.example'));
    expect(publicUrls(withBoth)).toEqual(Array(4).fill('https://proxy.example/images'));
    expect(publicUrls(plain)).toEqual([]);
  });
});

describe('the outputs', () => {
  const namesOf = ({ template }: Synthesized) => Object.keys(template.findOutputs('*')).sort();
  const always = [
    'ApiUrl',
    'CommandBusArn',
    'CommandBusName',
    'CommandDeadLetterQueueUrl',
    'CommandQueueArn',
    'CommandQueueUrl',
    'ConsoleUrl',
    'ImageBucketName',
    'ImageDataDeadLetterQueueUrl',
    'NotificationBusArn',
    'NotificationBusName',
    'NotificationDeadLetterQueueUrl',
    'PendingChangeDeadLetterQueueUrl',
    'TableArn',
    'TableName',
  ];

  test('name the API, the table, the bucket, the buses and the queues, and the target of a custom domain', () => {
    expect(namesOf(plain)).toEqual(always);
    expect(namesOf(configured)).toEqual(
      [...always, 'CustomDomainHostedZoneId', 'CustomDomainTarget', 'OfferSubscriptionDeadLetterQueueUrl'].sort(),
    );
  });

  test('are also parameters with the prefix of the setting', () => {
    const values = Object.entries(configured.template.findOutputs('*')).map(([name, { Value }]) => [name, Value]);
    const parameters = new Map(
      propertiesOf(configured, 'AWS::SSM::Parameter').map(({ Name, Value }) => [Name as string, Value as unknown]),
    );

    expect(parameters.get('/image-sharing/prod/api-url')).toEqual(
      configured.template.findOutputs('ApiUrl')['ApiUrl']!['Value'],
    );
    expect(parameters.get('/image-sharing/prod/command-queue-arn')).toBeDefined();
    expect([...parameters.values()]).toEqual(values.map(([, value]) => value));
    plain.template.resourceCountIs('AWS::SSM::Parameter', 0);
  });
});

describe('the notification bus', () => {
  const policyOf = (stack: Synthesized) =>
    propertiesOf(stack, 'AWS::Events::EventBus').find(({ Name }) => Name.endsWith('notifications'))!['Policy'];

  test('lets each consumer account manage its own rules, and nothing else', () => {
    const arn = (parts: string[], end: string) => ({
      'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ...parts, end]],
    });
    expect(policyOf(configured)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'ManageOwnRules',
          Effect: 'Allow',
          Principal: { AWS: [arn([], ':iam::222233334444:root'), arn([], ':iam::333344445555:root')] },
          Action: [
            'events:DeleteRule',
            'events:DescribeRule',
            'events:DisableRule',
            'events:EnableRule',
            'events:ListTargetsByRule',
            'events:PutRule',
            'events:PutTargets',
            'events:RemoveTargets',
          ],
          Resource: expect.objectContaining({
            'Fn::Join': ['', expect.arrayContaining([':rule/Sharing-notifications/*'])],
          }),
          Condition: { StringEqualsIfExists: { 'events:creatorAccount': '${aws:PrincipalAccount}' } },
        },
      ],
    });
  });

  test('has no policy without consumer accounts, and the command bus never has one', () => {
    expect(policyOf(plain)).toBeUndefined();
    for (const stack of [plain, configured]) {
      const commandBus = propertiesOf(stack, 'AWS::Events::EventBus').find(({ Name }) => Name.endsWith('commands'));
      expect(commandBus).not.toHaveProperty('Policy');
      stack.template.resourceCountIs('AWS::Events::EventBusPolicy', 0);
    }
  });
});
