import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib/core';
import { ImageSharingStack } from '../../../infra/image-sharing-stack.ts';
import { parseTimestamp } from '../../../lambda/domain/clock.ts';
import { parseImageId, type ProjectId } from '../../../lambda/domain/ids.ts';
import { toNotification } from '../../../lambda/events/notification.ts';
import { parseOfferSubscriptions } from '../../../infra/stages/subscription-context.ts';

const topicArn = 'arn:aws:sns:eu-central-1:111122223333:offers';
const webhookUrl = 'https://hooks.example/images';
const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook-AbCdEf';
const both = [
  { project: 'beta', topicArn },
  { project: 'gamma', webhookUrl, secretArn },
];

describe('a list of subscriptions', () => {
  test.each([
    ['is empty where none is given', undefined, []],
    ['is empty where nothing is given', '', []],
    ['comes as JSON from the command line', JSON.stringify(both), both],
    ['comes as a list from cdk.json', both, both],
  ])('%s', (_, given, expected) => {
    expect(parseOfferSubscriptions(given)).toEqual(expected);
  });

  test.each([
    ['no JSON', 'beta', /^offerSubscriptions takes a list such as \[.*\]\.$/],
    ['no list', '{}', /^offerSubscriptions takes a list such as/],
    ['no object', '[7]', /^7 is no subscription: offerSubscriptions takes a list/],
    ['a field too few', [{ project: 'beta' }], /is no subscription: offerSubscriptions takes/],
    ['a field too many', [{ project: 'beta', topicArn, webhookUrl, secretArn }], /is no subscription/],
    ['a project that is none', [{ project: 'a/b', topicArn }], /project is "a\/b", and has to be a project id\.$/],
    ['a project that is no text', [{ project: 7, topicArn }], /project is 7, and has to be a project id\.$/],
    [
      'a FIFO topic',
      [{ project: 'beta', topicArn: `${topicArn}.fifo` }],
      /has to be a topic's ARN, of one that is not/,
    ],
    [
      'a webhook with a password',
      [{ ...both[1], webhookUrl: 'https://u:p@hooks.example/' }],
      /an https address without/,
    ],
    ['a webhook with a blank', [{ ...both[1], webhookUrl: ' https://hooks.example/' }], /an https address without/],
    ['a webhook in the clear', [{ ...both[1], webhookUrl: 'http://hooks.example/' }], /has to be an https address/],
    [
      'a secret by its name',
      [{ ...both[1], secretArn: 'hook' }],
      /secretArn is "hook", and has to be a secret's compl/,
    ],
    ['a project that stands twice', [both[0], both[0]], /^In offerSubscriptions "beta" stands twice/],
  ])('with %s is refused in a sentence', (_, given, sentence) => {
    expect(() => parseOfferSubscriptions(given)).toThrow(sentence);
  });
});

describe('in the template', () => {
  type Properties = Record<string, any>;
  const folder = mkdtempSync(join(tmpdir(), 'offer-subscriptions-'));
  let resources: readonly { readonly id: string; readonly Type: string; readonly Properties: Properties }[];

  beforeAll(() => {
    const app = new App({ outdir: folder });
    const offerSubscriptions = parseOfferSubscriptions(both);
    new ImageSharingStack(app, 'ImageSharing', { identity: 'none', offerSubscriptions });
    resources = Object.entries(app.synth().stacks[0]!.template.Resources as Record<string, any>)
      .map(([id, resource]) => ({ id, ...resource }))
      .filter(({ id }) => id.startsWith('OfferSubscriptions'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const of = (type: string, project: string): Properties => {
    const found = resources.filter(({ id, Type }) => Type === type && id.includes(project));
    expect(found).toHaveLength(1);
    return found[0]!.Properties;
  };
  const arnOf = (what: string) => ({ 'Fn::GetAtt': [expect.stringContaining(what), 'Arn'] });
  const allowed = (project: string): unknown =>
    of('AWS::IAM::Policy', project)['PolicyDocument'].Statement.map(({ Action, Resource }: Properties) => [
      Action,
      Resource,
    ]);

  test.each([
    ['beta', topicArn],
    ['gamma', arnOf('gammaWebhook')],
  ])(
    'the offers to %s alone go where it wants, as they are published, and are kept where they cannot',
    (project, Arn) => {
      const rule = of('AWS::Events::Rule', project);

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

  test.each(['beta', 'gamma'])('what %s is told names no user of another project, and no state', (project) => {
    const change = {
      kind: 'membership' as const,
      imageId: parseImageId('5c0b2f4e-6a43-4c62-9f0f-3a1d2b7c8e90')!,
      memberId: 'beta' as ProjectId,
      membershipId: 'm',
      owner: 'alpha' as ProjectId,
      sequence: 7,
      before: undefined,
      after: 'pending' as const,
      actor: { projectId: 'alpha' as ProjectId, userId: 'alice', via: 'http' as const },
      at: parseTimestamp('2026-11-23T12:00:00Z')!,
    };
    const detail = toNotification(change, 'golden');
    const { by, before: _before, after: _after, ...rest } = detail;
    const [target] = of('AWS::Events::Rule', project)['Targets'];

    const message = transformed(target.InputTransformer, { detail });

    expect(message).toEqual({ ...rest, by: { project: by.project, via: by.via } });
    expect(JSON.stringify(message)).not.toContain('alice');
  });

  /** What EventBridge makes of an event: variables stand unquoted where a JSON value belongs. */
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

  test('each rule may do the one thing that it is for', () => {
    expect(allowed('beta')).toEqual([['sns:Publish', topicArn]]);
    expect(allowed('gamma')).toEqual([['events:InvokeApiDestination', arnOf('gammaWebhook')]]);
  });

  test('the secret of a webhook is referred to, and not written down', () => {
    expect(of('AWS::Events::Connection', 'gamma')['AuthParameters']).toEqual({
      ApiKeyAuthParameters: {
        ApiKeyName: 'Authorization',
        ApiKeyValue: `{{resolve:secretsmanager:${secretArn}:SecretString:::}}`,
      },
    });
    expect(of('AWS::Events::ApiDestination', 'gamma')).toMatchObject({
      HttpMethod: 'POST',
      InvocationEndpoint: webhookUrl,
      InvocationRateLimitPerSecond: 10,
    });
  });
});
