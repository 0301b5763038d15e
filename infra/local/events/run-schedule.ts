import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { localAccount, localRegion } from '../template/template-values.ts';
import type { InvokeFunction } from './invoke-function.ts';

export interface ScheduleOptions {
  readonly name: string;
  readonly periodMilliseconds: number;
  readonly invoke: InvokeFunction;
  /** Ends the schedule after the running invocation. */
  readonly signal: AbortSignal;
}

/** Time before the first invocation, so that it does not compete with the start of the server. */
const firstRunMilliseconds = 1000;

/**
 * Invokes a function in every period, as EventBridge Scheduler does, the first time soon after the start. It starts no
 * invocation before the previous one has ended, and leaves out the periods that pass meanwhile. A failed invocation is
 * not retried before the next period.
 */
export async function runSchedule({ name, periodMilliseconds, invoke, signal }: ScheduleOptions): Promise<void> {
  let dueAt = performance.now() + Math.min(firstRunMilliseconds, periodMilliseconds);
  for (;;) {
    await setTimeout(dueAt - performance.now(), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await invoke(JSON.stringify(scheduledEvent(name)));
    const missedPeriods = Math.floor(Math.max(0, performance.now() - dueAt) / periodMilliseconds);
    dueAt += (missedPeriods + 1) * periodMilliseconds;
  }
}

/** Returns the event that EventBridge Scheduler sends to a target without an input of its own. */
const scheduledEvent = (name: string) => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Scheduled Event',
  source: 'aws.scheduler',
  account: localAccount,
  time: `${new Date().toISOString().slice(0, 19)}Z`,
  region: localRegion,
  resources: [`arn:aws:scheduler:${localRegion}:${localAccount}:schedule/default/${name}`],
  detail: '{}',
});
