import { describe, expect, test } from '@jest/globals';
import { eventSources, matches } from '../../../../infra/local/events/event-sources.ts';
import { UsageError } from '../../../../infra/usage-error.ts';
import { testStack } from '../../../support/engine.ts';

describe('the event sources of the template', () => {
  test('are all known: the stream, the queues with what is behind them, and the rule', () => {
    const { queues, queueSources, streamSources, rules } = eventSources(testStack());

    const named = (prefix: string) => expect.stringMatching(`^ImageSharing-${prefix}`);
    expect(streamSources).toMatchObject([
      { batchSize: 100, bisectBatchOnError: true, deadLetterQueue: named('NotificationsDead') },
    ]);
    expect(queueSources).toEqual([
      { queue: named('PendingChangesQueue'), functionId: expect.stringMatching('^PendingChanges'), batchSize: 1 },
      { queue: named('CommandsQueue'), functionId: expect.stringMatching('^Commands'), batchSize: 10 },
    ]);
    expect(rules).toEqual([
      {
        bus: 'ImageSharing-commands',
        pattern: { source: ['image-sharing.client'], account: ['000000000000'], 'detail-type': ['image.command'] },
        queues: [named('CommandsQueue')],
      },
    ]);
    expect(queues.find(({ isCommandQueue }) => isCommandQueue)).toEqual({
      name: named('CommandsQueue'),
      delaySeconds: 0,
      visibilityTimeoutSeconds: 180,
      deadLetters: named('CommandsDead'),
      maxReceiveCount: 10,
      isCommandQueue: true,
    });
  });

  test('a source without partial failures is refused', () => {
    const stack = testStack();
    const resources = Object.entries(stack.resources).map(([id, resource]) => {
      const { FunctionResponseTypes: _left, ...Properties } = resource.Properties ?? {};
      return [id, { ...resource, Properties }];
    });

    expect(() => eventSources({ ...stack, resources: Object.fromEntries(resources) })).toThrow(UsageError);
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

  test('does not match what lacks a field', () => {
    expect(matches(pattern, { eventName: 'INSERT' })).toBe(false);
  });

  test('of a kind that is not known here is refused', () => {
    expect(() => matches({ a: [{ numeric: ['>', 1] }] }, { a: 2 })).toThrow(UsageError);
  });
});
