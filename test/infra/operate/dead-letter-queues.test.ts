import { describe, expect, test } from '@jest/globals';
import {
  sourceBus,
  parseDiscardedBatch,
  parseRecords,
  failureReason,
} from '../../../infra/operate/dead-letters/dead-letter-queues.ts';

/** Message in the format of Lambda ("Retain discarded batches" in the Lambda developer guide). */
const discardedBatch = JSON.stringify({
  requestContext: {
    requestId: '316aa6d0-8154-xmpl-9af7-85d5f4a6bc81',
    functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:notifications',
    condition: 'RetryAttemptsExhausted',
    approximateInvokeCount: 61,
  },
  version: '1.0',
  timestamp: '2026-11-14T00:13:49.717Z',
  DDBStreamBatchInfo: {
    shardId: 'shardId-00000001573689847184-864758bb',
    startSequenceNumber: '800000000003126276362',
    endSequenceNumber: '800000000003126276369',
    batchSize: 4,
    streamArn: 'arn:aws:dynamodb:us-east-1:123456789012:table/sharing/stream/2026-11-14T00:04:06.388',
  },
});
const rule = (path: string) => ({ RULE_ARN: `arn:aws:events:us-east-1:123456789012:rule/${path}` });

describe('the reason of a failure', () => {
  test.each([
    ['from the function', { reason: 'No such image.', error: 'not-found' }, '{}', /^No such image\.$/],
    [
      'from EventBridge',
      { ...rule('orders/rule'), ERROR_CODE: 'NO_PERMISSIONS', ERROR_MESSAGE: 'Lack of permissions' },
      '{}',
      /^EventBridge could not deliver the event: NO_PERMISSIONS: Lack of permissions$/,
    ],
    [
      'from EventBridge after its last retry',
      { ...rule('orders/rule'), EXHAUSTED_RETRY_CONDITION: 'MaximumEventAgeInSeconds' },
      '{}',
      /: MaximumEventAgeInSeconds$/,
    ],
    ['missing from EventBridge', rule('orders/rule'), '{}', /it gave no reason$/],
    ['from Lambda', {}, discardedBatch, /discarded the batch \(RetryAttemptsExhausted\)/],
    ['of a message after its last receive', {}, '{"version": 1}', /^all attempts failed/],
    ['of a message that is not JSON', {}, 'hello', /^all attempts failed/],
    ['of a message that is JSON but not an object', {}, 'null', /^all attempts failed/],
  ])('%s', (_, attributes, body, reason) => {
    expect(failureReason({ attributes, body })).toMatch(reason);
  });
});

test.each([
  ['orders/rule', 'orders'],
  ['rule', 'default'],
  ['aws.partner/example.com/1/rule', 'aws.partner/example.com/1'],
])('an event that rule/%s could not deliver returns to the bus %s', (path, bus) => {
  expect(sourceBus({ attributes: rule(path) })).toBe(bus);
});

test('a dead letter without a rule has no source bus', () => {
  expect(sourceBus({ attributes: { reason: 'malformed' } })).toBeUndefined();
});

test('a discarded batch refers to its records in the stream', () => {
  expect(parseDiscardedBatch(discardedBatch)).toEqual({
    streamArn: expect.stringContaining('table/sharing/stream'),
    shardId: 'shardId-00000001573689847184-864758bb',
    first: '800000000003126276362',
    last: '800000000003126276369',
    condition: 'RetryAttemptsExhausted',
  });
  expect(parseDiscardedBatch('{"Records": []}')).toBeUndefined();
});

test('a dead letter of the stream consumer contains its records', () => {
  expect(parseRecords('{"Records": [{"eventID": "1"}]}')).toEqual([{ eventID: '1' }]);
  expect(parseRecords(discardedBatch)).toBeUndefined();
  expect(parseRecords('[]')).toBeUndefined();
});
