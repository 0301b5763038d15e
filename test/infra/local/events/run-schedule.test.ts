import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { runSchedule } from '../../../../infra/local/events/run-schedule.ts';

test('a schedule invokes its function in every period with the event of EventBridge Scheduler', async () => {
  const stopping = new AbortController();
  const events: string[] = [];
  const invoke = (event: string) => {
    if (events.push(event) === 3) stopping.abort();
    return Promise.resolve(undefined);
  };

  await runSchedule({ name: 'Sweep', periodMilliseconds: 5, invoke, signal: stopping.signal });

  expect(events.map((event): unknown => JSON.parse(event))).toEqual(
    Array(3).fill({
      version: '0',
      id: expect.any(String),
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: '000000000000',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      region: 'us-east-1',
      resources: ['arn:aws:scheduler:us-east-1:000000000000:schedule/default/Sweep'],
      detail: '{}',
    }),
  );
});

test('an invocation that is longer than the period delays the next one: there are never two at once', async () => {
  const stopping = new AbortController();
  let running = 0;
  const atOnce: number[] = [];
  const invoke = async () => {
    running += 1;
    await setTimeout(10);
    atOnce.push(running);
    running -= 1;
    if (atOnce.length === 3) stopping.abort();
    return undefined;
  };

  await runSchedule({ name: 'Sweep', periodMilliseconds: 1, invoke, signal: stopping.signal });

  expect(atOnce).toEqual([1, 1, 1]);
});

test('a schedule that is stopped ends after the running invocation, or without one before its first', async () => {
  const stopping = new AbortController();
  const invocation = Promise.withResolvers<undefined>();
  const started = Promise.withResolvers<undefined>();
  let invocations = 0;
  let isEnded = false;
  const invoke = () => {
    invocations += 1;
    started.resolve(undefined);
    return invocation.promise;
  };

  const running = runSchedule({ name: 'Sweep', periodMilliseconds: 1, invoke, signal: stopping.signal });
  void running.then(() => (isEnded = true));
  await started.promise;
  stopping.abort();
  await setTimeout(5);
  const isEndedBefore = isEnded;
  invocation.resolve(undefined);
  await running;
  await runSchedule({ name: 'Sweep', periodMilliseconds: 60_000, invoke, signal: stopping.signal });

  expect([isEndedBefore, invocations]).toEqual([false, 1]);
});
