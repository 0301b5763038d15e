import { describe, expect, test } from '@jest/globals';
import { eventSources, matches } from '../../../../infra/local/events/event-sources.ts';
import { UsageError } from '../../../../infra/usage-error.ts';
import { testStack } from '../../../support/engine.ts';

describe('the event sources of the template', () => {
  test('are the stream, the queues with their functions and dead-letter queues, the rule and the schedule', () => {
    const { queues, queueSources, streamSources, rules, schedules } = eventSources(testStack());

    const nameOf = (prefix: string) => expect.stringMatching(`^ImageSharing-${prefix}`);
    expect(streamSources).toMatchObject([
      { batchSize: 100, bisectBatchOnError: true, deadLetterQueue: nameOf('NotificationsDead') },
    ]);
    expect(queueSources).toEqual([
      { queue: nameOf('ImageDataQueue'), functionId: expect.stringMatching('^ImageData'), batchSize: 1 },
      { queue: nameOf('PendingChangesQueue'), functionId: expect.stringMatching('^PendingChanges'), batchSize: 1 },
      { queue: nameOf('CommandsQueue'), functionId: expect.stringMatching('^Commands'), batchSize: 10 },
    ]);
    expect(rules).toEqual([
      {
        bus: 'ImageSharing-commands',
        pattern: { source: ['image-sharing.client'], account: ['000000000000'], 'detail-type': ['image.command'] },
        queues: [nameOf('CommandsQueue')],
      },
    ]);
    expect(schedules).toEqual([
      { name: nameOf('ExpirySchedule'), functionId: expect.stringMatching('^ExpiryFunction'), periodSeconds: 60 },
    ]);
    expect(queues.find(({ isCommandQueue }) => isCommandQueue)).toEqual({
      name: nameOf('CommandsQueue'),
      delaySeconds: 0,
      visibilityTimeoutSeconds: 180,
      deadLetters: nameOf('CommandsDead'),
      maxReceiveCount: 10,
      isCommandQueue: true,
    });
  });

  test('without partial batch responses are an error', () => {
    const stack = testStack();
    const resources = Object.entries(stack.resources).map(([id, resource]) => {
      const { FunctionResponseTypes: _removed, ...Properties } = resource.Properties ?? {};
      return [id, { ...resource, Properties }];
    });

    expect(() => eventSources({ ...stack, resources: Object.fromEntries(resources) })).toThrow(UsageError);
  });
});

describe('a schedule', () => {
  const functionId = () =>
    Object.keys(testStack().resources).find((id) => /^PendingChangesFunction[0-9A-F]+$/.test(id))!;
  const properties = () => ({
    Name: 'Sweep',
    FlexibleTimeWindow: { Mode: 'OFF' },
    ScheduleExpression: 'rate(1 minute)',
    ScheduleExpressionTimezone: 'Etc/UTC',
    State: 'ENABLED',
    Target: { Arn: { 'Fn::GetAtt': [functionId(), 'Arn'] }, RoleArn: 'role', RetryPolicy: {} },
  });
  /** Returns the schedule that the event sources have for these properties. */
  const schedule = (changes: object = {}) => {
    const stack = testStack();
    const Sweep = { Type: 'AWS::Scheduler::Schedule', Properties: { ...properties(), ...changes } };
    const Alias = { Type: 'AWS::Lambda::Alias', Properties: { FunctionName: { Ref: functionId() } } };
    const resources = { ...stack.resources, Sweep, Alias };
    return eventSources({ ...stack, resources }).schedules.find(({ name }) => name === 'Sweep');
  };

  test.each([
    ['rate(1 minute)', 60],
    ['rate(5 minutes)', 300],
    ['rate(2 hours)', 7200],
    ['rate(1 day)', 86_400],
  ])('of the expression %s has a period of %i s', (expression, periodSeconds) => {
    expect(schedule({ ScheduleExpression: expression })).toEqual({
      name: 'Sweep',
      functionId: functionId(),
      periodSeconds,
    });
  });

  test('of an alias invokes its function', () => {
    expect(schedule({ Target: { Arn: { Ref: 'Alias' }, RoleArn: 'role' } })).toMatchObject({
      functionId: functionId(),
    });
  });

  test.each([
    ['another expression', { ScheduleExpression: 'cron(0 5 * * ? *)' }],
    ['a flexible time window', { FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 5 } }],
    ['another state', { State: 'DISABLED' }],
    ['an end', { EndDate: '2027-01-01T00:00:00Z' }],
    ['another target', { Target: { Arn: 'arn:aws:scheduler:::aws-sdk:sqs:sendMessage', RoleArn: 'role' } }],
    ['an input', { Target: { ...properties().Target, Input: '{}' } }],
  ])('with %s is an error', (_title, changes) => {
    expect(() => schedule(changes)).toThrow(UsageError);
  });
});

describe('a pattern', () => {
  const pattern = {
    eventName: ['INSERT', 'MODIFY'],
    dynamodb: { Keys: { sk: { S: ['IMAGE', { prefix: 'SHARED#' }] } } },
  };
  const event = (eventName: string, S: string) => ({ eventName, dynamodb: { Keys: { pk: { S: 'x' }, sk: { S } } } });

  test.each([
    ['INSERT', 'IMAGE', true],
    ['MODIFY', 'SHARED#1', true],
    ['REMOVE', 'IMAGE', false],
    ['INSERT', 'IMAGES', false],
    ['INSERT', 'OWNED#1', false],
  ])('%s of %s: %s', (eventName, sortKey, isMatch) => {
    expect(matches(pattern, event(eventName, sortKey))).toBe(isMatch);
  });

  test('does not match an event without the field', () => {
    expect(matches(pattern, { eventName: 'INSERT' })).toBe(false);
  });

  test('with an unsupported operator is an error', () => {
    expect(() => matches({ a: [{ numeric: ['>', 1] }] }, { a: 2 })).toThrow(UsageError);
  });
});
