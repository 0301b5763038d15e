import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { cdkContext } from '../../infra/cdk-context.ts';
import { ImageSharingStack } from '../../infra/image-sharing-stack.ts';
import { parseTimestamp } from '../../lambda/domain/clock.ts';
import { parseImageId, type ProjectId } from '../../lambda/domain/ids.ts';
import { toNotification } from '../../lambda/events/notification.ts';

const topicArn = 'arn:aws:sns:eu-central-1:111122223333:offers';
const webhookUrl = 'https://hooks.example/images';
const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook-AbCdEf';
const both = [
  { project: 'beta', topicArn },
  { project: 'gamma', webhookUrl, secretArn },
];

describe('offer subscriptions in the template', () => {
  type Properties = Record<string, any>;
  const folder = mkdtempSync(join(tmpdir(), 'offer-subscriptions-'));
  let template: Template;

  beforeAll(() => {
    const app = new App({ context: cdkContext, outdir: folder });
    const stack = new ImageSharingStack(app, 'ImageSharing', {
      identity: { kind: 'none' },
      production: true,
      offerSubscriptions: both,
    });
    template = Template.fromStack(stack);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const findOne = (type: string, project: string): Properties => {
    const found = Object.entries(template.findResources(type)).filter(
      ([id]) => id.startsWith('OfferSubscriptions') && id.includes(project),
    );
    expect(found).toHaveLength(1);
    return found[0]![1]['Properties'];
  };
  const arnOf = (what: string) => ({ 'Fn::GetAtt': [expect.stringContaining(what), 'Arn'] });
  const allowed = (project: string): unknown =>
    findOne('AWS::IAM::Policy', project)['PolicyDocument'].Statement.map(({ Action, Resource }: Properties) => [
      Action,
      Resource,
    ]);

  test.each([
    ['beta', topicArn],
    ['gamma', arnOf('gammaWebhook')],
  ])(
    'notifications of the offers to %s go to its destination, or to the dead-letter queue after a failed delivery',
    (project, Arn) => {
      const rule = findOne('AWS::Events::Rule', project);

      expect(rule).toEqual({
        EventBusName: { Ref: expect.stringMatching('^NotificationsBus') },
        EventPattern: {
          source: ['image-sharing'],
          'detail-type': ['image.member.create', 'image.member.delete'],
          detail: { member: { id: [project] } },
        },
        State: 'ENABLED',
        Targets: [
          {
            Id: 'Target0',
            Arn,
            InputTransformer: { InputPathsMap: expect.anything(), InputTemplate: expect.any(String) },
            RoleArn: arnOf(project),
            DeadLetterConfig: { Arn: arnOf('OfferSubscriptionsDeadLetters') },
            RetryPolicy: { MaximumEventAgeInSeconds: 6 * 3600, MaximumRetryAttempts: 185 },
          },
        ],
      });
    },
  );

  test.each(['beta', 'gamma'])(
    'a notification to %s contains neither a user of another project nor a status',
    (project) => {
      const change = {
        kind: 'membership' as const,
        imageId: parseImageId('5c0b2f4e-6a43-4c62-9f0f-3a1d2b7c8e90')!,
        memberId: 'beta' as ProjectId,
        membershipId: 'm',
        owner: 'alpha' as ProjectId,
        sequence: 7,
        before: undefined,
        after: { status: 'pending' as const, expiresAt: undefined },
        hasStandingAnswer: false,
        actor: { projectId: 'alpha' as ProjectId, userId: 'alice', via: 'http' as const, requestId: 'req-1' },
        at: parseTimestamp('2026-11-23T12:00:00Z')!,
      };
      const detail = toNotification(change, 'golden');
      const { by, before: _before, after: _after, ...rest } = detail;
      const [target] = findOne('AWS::Events::Rule', project)['Targets'];

      const message = transformed(target.InputTransformer, { detail });

      expect(message).toEqual({ ...rest, by: { project: by.project, via: by.via } });
      expect(JSON.stringify(message)).not.toContain('alice');
    },
  );

  /** Transforms an event as EventBridge does: a variable without quotes becomes a JSON value. */
  const transformed = ({ InputPathsMap: paths, InputTemplate: template }: Properties, event: unknown): unknown =>
    JSON.parse(
      (template as string).replaceAll(/<([^<>]+)>/g, (_, variable: string) =>
        JSON.stringify(
          (paths[variable] as string)
            .split('.')
            .slice(1)
            .reduce((value, name) => (value as Properties)[name] as unknown, event),
        ),
      ),
    );

  test('each rule may only deliver to its target', () => {
    expect(allowed('beta')).toEqual([['sns:Publish', topicArn]]);
    expect(allowed('gamma')).toEqual([['events:InvokeApiDestination', arnOf('gammaWebhook')]]);
  });

  test('the template contains a reference to the secret of a webhook', () => {
    expect(findOne('AWS::Events::Connection', 'gamma')['AuthParameters']).toEqual({
      ApiKeyAuthParameters: {
        ApiKeyName: 'Authorization',
        ApiKeyValue: `{{resolve:secretsmanager:${secretArn}:SecretString:::}}`,
      },
    });
    expect(findOne('AWS::Events::ApiDestination', 'gamma')).toMatchObject({
      HttpMethod: 'POST',
      InvocationEndpoint: webhookUrl,
      InvocationRateLimitPerSecond: 10,
    });
  });
});
