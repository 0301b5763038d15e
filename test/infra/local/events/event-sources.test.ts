import { describe, expect, test } from '@jest/globals';
import { eventSources, matches } from '../../../../infra/local/events/event-sources.ts';
import { UsageError } from '../../../../infra/usage-error.ts';
import { testStack } from '../../../support/engine.ts';

describe('the event sources of the template', () => {
  test('are the stream, the queues with their functions and dead-letter queues, and the rule', () => {
    const { queues, queueSources, streamSources, rules } = eventSources(testStack());

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
