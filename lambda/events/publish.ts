import { setTimeout as sleep } from 'node:timers/promises';
import { orderOf, type Notification } from './notification.ts';

/** Where notifications go. */
export interface NotificationBus {
  /**
   * Publishes up to {@link mostAtOnce} notifications.
   *
   * @returns for each of them whether the bus has it; none where the bus cannot be reached
   */
  publish(notifications: readonly Notification[]): Promise<readonly boolean[]>;
}

/** Most entries of one PutEvents ("PutEvents" in the EventBridge API reference). */
const mostAtOnce = 10;

const firstWaitMilliseconds = 50;
const longestWaitMilliseconds = 2000;

/** Time and chance, so that a test can hold both. */
export interface PublishClock {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/**
 * Publishes notifications, those of one membership or image strictly one after the other: where the bus refuses one, the
 * later ones of the same wait for it, and it is offered again, with full jitter, until there is no time left.
 *
 * @param until - milliseconds since the epoch
 * @returns the positions of those that the bus has not got, in order
 */
export async function publishInOrder(
  bus: NotificationBus,
  notifications: readonly Notification[],
  until: number,
  clock: PublishClock = { now: Date.now, random: Math.random, sleep },
): Promise<readonly number[]> {
  let left = [...notifications.entries()];
  let ceiling = firstWaitMilliseconds;
  while (left.length > 0) {
    const round = firstOfEach(left).slice(0, mostAtOnce);
    const taken = await bus.publish(round.map(([, notification]) => notification));
    const published = new Set(round.filter((_, n) => taken[n]).map(([position]) => position));
    left = left.filter(([position]) => !published.has(position));
    if (published.size === round.length) {
      ceiling = firstWaitMilliseconds;
      continue;
    }
    const wait = clock.random() * ceiling;
    if (clock.now() + wait >= until) break;
    await clock.sleep(wait);
    ceiling = Math.min(ceiling * 2, longestWaitMilliseconds);
  }
  return left.map(([position]) => position);
}

type Positioned = readonly [number, Notification];

/** The first of each membership or image. */
function firstOfEach(left: readonly Positioned[]): readonly Positioned[] {
  const first = new Map<string, Positioned>();
  for (const each of left) {
    const order = orderOf(each[1]);
    if (!first.has(order)) first.set(order, each);
  }
  return [...first.values()];
}
