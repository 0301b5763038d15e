import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { reportingReserveMilliseconds, withDeadline } from '../../../lambda/runtime/deadline.ts';
import { clientSettings } from '../../../lambda/messaging/client-settings.ts';
import { EventBridgeBus } from '../../../lambda/messaging/event-bridge-bus.ts';
import { SqsQueue } from '../../../lambda/messaging/sqs-queue.ts';

/** Takes every request and answers none. */
let silent: Server;
const variables = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' };
const before = { ...process.env };

beforeAll(async () => {
  silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const AWS_ENDPOINT_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  Object.assign(process.env, variables, { AWS_ENDPOINT_URL });
});

afterAll(() => {
  process.env = before;
  silent.closeAllConnections();
  silent.close();
});

test('all that is asked of them takes less than a function keeps for its report', () => {
  const { maxAttempts, requestHandler } = clientSettings;

  expect(maxAttempts * requestHandler.requestTimeout).toBeLessThan(reportingReserveMilliseconds);
});

test('a function whose time is up does not wait for them', async () => {
  const queue = new SqsQueue('https://sqs.us-east-1.amazonaws.com/000000000000/queue');

  const sending = withDeadline(Date.now() - reportingReserveMilliseconds, () => queue.send('body'));

  await expect(sending).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
});

test('a queue and a bus that do not answer are given up, so that a function can say what it has not done', async () => {
  const sending = new SqsQueue('https://sqs.us-east-1.amazonaws.com/000000000000/queue').send('body');
  const notification = { type: 'image.create', time: '2026-11-23T00:00:00Z' } as Parameters<
    EventBridgeBus['publish']
  >[0][number];
  const publishing = new EventBridgeBus('bus').publish([notification]);

  await expect(sending).rejects.toThrow(/timeout|timed out/i);
  expect(await publishing).toEqual([{ errorCode: 'TimeoutError' }]);
}, 20_000);
