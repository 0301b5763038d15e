import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { reportingReserveMilliseconds } from '../../../lambda/runtime/deadline.ts';
import { withRequestContext } from '../../../lambda/runtime/request-context.ts';
import { clientSettings } from '../../../lambda/messaging/client-settings.ts';
import { EventBridgeBus } from '../../../lambda/messaging/event-bridge-bus.ts';
import { SqsQueue } from '../../../lambda/messaging/sqs-queue.ts';

/** A server that accepts requests and never responds. */
let silentServer: Server;
const variables = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' };
const before = { ...process.env };

beforeAll(async () => {
  silentServer = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silentServer, 'listening');
  const AWS_ENDPOINT_URL = `http://127.0.0.1:${(silentServer.address() as AddressInfo).port}`;
  Object.assign(process.env, variables, { AWS_ENDPOINT_URL });
});

afterAll(() => {
  process.env = before;
  silentServer.closeAllConnections();
  silentServer.close();
});

test('all attempts of a call take less time than a function reserves for reporting', () => {
  const { maxAttempts, requestHandler } = clientSettings;

  expect(maxAttempts * requestHandler.requestTimeout).toBeLessThan(reportingReserveMilliseconds);
});

test('a call after the deadline is aborted', async () => {
  const queue = new SqsQueue('https://sqs.us-east-1.amazonaws.com/000000000000/queue');

  const sending = withRequestContext(Date.now() - reportingReserveMilliseconds, () => queue.send('body'));

  await expect(sending).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
});

test('calls to a queue and a bus that do not respond time out', async () => {
  const sending = new SqsQueue('https://sqs.us-east-1.amazonaws.com/000000000000/queue').send('body');
  const notification = { type: 'image.create', time: '2026-11-23T00:00:00Z' } as Parameters<
    EventBridgeBus['publish']
  >[0][number];
  const publishing = new EventBridgeBus('bus').publish([notification]);

  await expect(sending).rejects.toThrow(/timeout|timed out/i);
  expect(await publishing).toEqual([{ errorCode: 'TimeoutError' }]);
}, 20_000);
