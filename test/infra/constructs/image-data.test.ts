import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../../infra/cdk-context.ts';
import { ImageSharingStack, type ImageSharingStackProps } from '../../../infra/image-sharing-stack.ts';
import { defaultImportLimits } from '../../../lambda/functions/config.ts';

type Properties = Record<string, any>;

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-image-data-'));
let production: Template;
let development: Template;

beforeAll(() => {
  const synthesize = (name: string, props: Partial<ImageSharingStackProps>): Template => {
    const app = new App({ context: cdkContext, outdir: join(folder, name) });
    const settings = { identity: { kind: 'none' }, production: false, ...props } as const;
    return Template.fromStack(new ImageSharingStack(app, 'ImageSharing', settings));
  };
  production = synthesize('production', {
    production: true,
    network: { subnetIds: ['subnet-0123456789abcdef0'], securityGroupIds: ['sg-0123456789abcdef0'] },
    reservedConcurrency: 50,
    imports: { maxBytes: 1024, minBytesPerSecond: 1, allowedSources: ['mirror.example.org:8080', '10.0.0.0/8'] },
  });
  development = synthesize('development', {});
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const find = (template: Template, type: string, prefix: string): Properties => {
  const found = Object.entries(template.findResources(type)).filter(([id]) => id.startsWith(prefix));
  expect(found).toHaveLength(1);
  return found[0]![1];
};
const propertiesOf = (type: string, prefix: string, template = production): Properties =>
  find(template, type, prefix)['Properties'];
const arn = (prefix: string) => ({ 'Fn::GetAtt': [expect.stringMatching(`^${prefix}[0-9A-F]{8}$`), 'Arn'] });
const allow = (Action: string | string[], Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
const imageData = { 'Fn::Join': ['', [arn('ImageDataBucket'), '/images/*']] };
const statements = (): Properties[] =>
  Object.values(production.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties: { PolicyDocument } }) => PolicyDocument.Statement,
  );

describe('the bucket of image data', () => {
  test('is private and encrypted, and removes an incomplete upload after a day', () => {
    expect(propertiesOf('AWS::S3::Bucket', 'ImageDataBucket')).toEqual({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      LifecycleConfiguration: {
        Rules: [{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 }, Status: 'Enabled' }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
  });

  test('is accessible over TLS only, and its policy allows nothing', () => {
    expect(propertiesOf('AWS::S3::BucketPolicy', 'ImageDataBucketPolicy')['PolicyDocument'].Statement).toEqual([
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Resource: [arn('ImageDataBucket'), { 'Fn::Join': ['', [arn('ImageDataBucket'), '/*']] }],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ]);
  });

  test('is retained in production, and deleted with any other stack', () => {
    const policiesOf = (template: Template) => {
      const { DeletionPolicy, UpdateReplacePolicy } = find(template, 'AWS::S3::Bucket', 'ImageDataBucket');
      return [DeletionPolicy, UpdateReplacePolicy];
    };

    expect(policiesOf(production)).toEqual(['Retain', 'Retain']);
    expect(policiesOf(development)).toEqual(['Delete', 'Delete']);
  });

  test('can be read by the function of images only, to sign URLs, and nothing can list it', () => {
    const ofBucket = statements().filter(({ Action }) => JSON.stringify(Action).includes('s3:'));
    const imagesPolicy = propertiesOf('AWS::IAM::Policy', 'ImagesRole')['PolicyDocument'];

    expect(ofBucket).toEqual(
      expect.arrayContaining([
        allow('s3:GetObject', imageData),
        allow(['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:PutObject'], imageData),
      ]),
    );
    expect(ofBucket).toHaveLength(2);
    expect(imagesPolicy.Statement).toContainEqual(allow('s3:GetObject', imageData));
  });
});

describe('the worker', () => {
  const worker = () => propertiesOf('AWS::Lambda::Function', 'ImageDataFunction');

  test('has exactly these permissions', () => {
    expect(propertiesOf('AWS::IAM::Policy', 'ImageDataFunctionRole')['PolicyDocument'].Statement).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('ImageDataFunctionLog')),
      allow(['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], '*'),
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
      allow(['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:PutObject'], imageData),
      allow(
        [
          'sqs:ChangeMessageVisibility',
          'sqs:DeleteMessage',
          'sqs:GetQueueAttributes',
          'sqs:GetQueueUrl',
          'sqs:ReceiveMessage',
        ],
        arn('ImageDataQueue'),
      ),
    ]);
  });

  test('runs for the maximum of 15 minutes, and an import ends a minute before', () => {
    expect(worker()['Timeout']).toBe(900);
    expect(worker()['Timeout'] - defaultImportLimits.maxSeconds).toBe(60);
  });

  test('is outside of the network that the functions of the API are attached to', () => {
    expect(propertiesOf('AWS::Lambda::Function', 'ImagesFunction')).toHaveProperty('VpcConfig');
    expect(worker()).not.toHaveProperty('VpcConfig');
    expect(statements().filter(({ Action }) => String(Action).includes('ec2:'))).toHaveLength(4);
  });

  test('gets the limits and the allowed sources of the stage', () => {
    expect(worker()['Environment'].Variables).toEqual({
      IMAGE_BUCKET_NAME: { Ref: expect.stringMatching('^ImageDataBucket') },
      IMPORT_ALLOWED_SOURCES: 'mirror.example.org:8080,10.0.0.0/8',
      IMPORT_LIMITS: JSON.stringify({ maxBytes: 1024, minBytesPerSecond: 1 }),
      STACK_NAME: 'ImageSharing',
      TABLE_NAME: { Ref: expect.stringMatching('^Table') },
    });
    expect(propertiesOf('AWS::Lambda::Function', 'ImagesFunction')['Environment'].Variables).toMatchObject({
      IMPORT_ALLOWED_SOURCES: 'mirror.example.org:8080,10.0.0.0/8',
    });
  });

  test('receives one message at a time, in at most five executions', () => {
    expect(worker()).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(propertiesOf('AWS::Lambda::EventSourceMapping', 'ImageDataFunction')).toEqual({
      BatchSize: 1,
      EventSourceArn: arn('ImageDataQueue'),
      FunctionName: { Ref: expect.stringMatching('^ImageDataFunction') },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 5 },
    });
  });

  test('gets a message again only after its timeout, three times at most before it is a dead letter', () => {
    const queue = propertiesOf('AWS::SQS::Queue', 'ImageDataQueue');

    expect(queue['VisibilityTimeout']).toBeGreaterThan(worker()['Timeout']);
    expect(queue['RedrivePolicy']).toEqual({ deadLetterTargetArn: arn('ImageDataDeadLetters'), maxReceiveCount: 3 });
  });
});
