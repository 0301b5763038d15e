import { describe, expect, test } from '@jest/globals';
import {
  sourceBus,
  parseDiscardedBatch,
  parseRecords,
  failureReason,
} from '../../../infra/operate/dead-letter-queues.ts';

/** As Lambda writes it ("Retain discarded batches" in the Lambda developer guide). */
const lost = JSON.stringify({
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

describe('why a message was put aside', () => {
  test.each([
    ['said by the function', { reason: 'No such image.', error: 'not-found' }, '{}', /^No such image\.$/],
    [
      'said by EventBridge',
      { ...rule('orders/rule'), ERROR_CODE: 'NO_PERMISSIONS', ERROR_MESSAGE: 'Lack of permissions' },
      '{}',
      /^EventBridge could not deliver it: NO_PERMISSIONS: Lack of permissions$/,
    ],
    [
      'said by EventBridge, which tried until it was too late',
      { ...rule('orders/rule'), EXHAUSTED_RETRY_CONDITION: 'MaximumEventAgeInSeconds' },
      '{}',
      /: MaximumEventAgeInSeconds$/,
    ],
    ['not said by EventBridge', rule('orders/rule'), '{}', /it does not say why$/],
    ['said by Lambda', {}, lost, /given up \(RetryAttemptsExhausted\)/],
    ['of a message that was received too often', {}, '{"version": 1}', /^received too often without success/],
    ['of a message that is not JSON', {}, 'hello', /^received too often without success/],
    ['of a message that is JSON and no object', {}, 'null', /^received too often without success/],
  ])('%s', (_, attributes, body, why) => {
    expect(failureReason({ attributes, body })).toMatch(why);
  });
});

test.each([
  ['orders/rule', 'orders'],
  ['rule', 'default'],
  ['aws.partner/example.com/1/rule', 'aws.partner/example.com/1'],
])('an event that rule/%s could not deliver goes back to the bus %s', (path, bus) => {
  expect(sourceBus({ attributes: rule(path) })).toBe(bus);
});

test('what no rule put aside goes back to no bus', () => {
  expect(sourceBus({ attributes: { reason: 'malformed' } })).toBeUndefined();
});

test('a batch that was given up is known by its place in the stream', () => {
  expect(parseDiscardedBatch(lost)).toEqual({
    streamArn: expect.stringContaining('table/sharing/stream'),
    shardId: 'shardId-00000001573689847184-864758bb',
    first: '800000000003126276362',
    last: '800000000003126276369',
    condition: 'RetryAttemptsExhausted',
  });
  expect(parseDiscardedBatch('{"Records": []}')).toBeUndefined();
});

test('records that the function put aside are in the message itself', () => {
  expect(parseRecords('{"Records": [{"eventID": "1"}]}')).toEqual([{ eventID: '1' }]);
  expect(parseRecords(lost)).toBeUndefined();
  expect(parseRecords('[]')).toBeUndefined();
});
