import { Backoff } from '../runtime/backoff.ts';
import { orderOf, type Notification } from './notification.ts';

/** Where notifications go. */
export interface NotificationBus {
  /**
   * Publishes up to {@link mostAtOnce} notifications.
   *
   * @returns for each of them whether the bus has it, or why not
   */
  publish(notifications: readonly Notification[]): Promise<readonly ('taken' | Refused)[]>;
}

/** Why the bus has not taken a notification, by its own code. */
interface Refused {
  readonly refused: string;
}

/** Most entries of one PutEvents ("PutEvents" in the EventBridge API reference). */
const mostAtOnce = 10;

/**
 * Publishes notifications, those of one membership or image strictly one after the other: where the bus refuses one, the
 * later ones of the same wait for it, and it is offered again, with full jitter, until there is no time left. An image's
 * own wait for those of its memberships that come before them.
 *
 * @param until - milliseconds since the epoch
 * @returns the positions of those that the bus has not got, in order, and why it did not take the last that it refused
 */
export async function publishInOrder(
  bus: NotificationBus,
  notifications: readonly Notification[],
  until: number,
): Promise<{ readonly left: readonly number[]; readonly refused: string | undefined }> {
  let left = [...notifications.entries()];
  const backoff = new Backoff(until);
  let refused: string | undefined;
  const refusals = new Map<number, number>();
  while (left.length > 0 && Date.now() < until) {
    // Those that were refused least: a few that the bus never takes keep no others from being offered.
    const round = firstOfEach(left)
      .toSorted(([one], [other]) => (refusals.get(one) ?? 0) - (refusals.get(other) ?? 0))
      .slice(0, mostAtOnce);
    const answers = await bus.publish(round.map(([, notification]) => notification));
    const published = new Set(round.filter((_, n) => answers[n] === 'taken').map(([position]) => position));
    refused = answers.findLast((answer) => answer !== 'taken')?.refused ?? refused;
    for (const [position] of round) {
      if (!published.has(position)) refusals.set(position, (refusals.get(position) ?? 0) + 1);
    }
    left = left.filter(([position]) => !published.has(position));
    if (published.size === round.length) backoff.reset();
    else if (!(await backoff.wait())) break;
  }
  return { left: left.map(([position]) => position), refused };
}

type Positioned = readonly [number, Notification];

/** The first of each membership, and of each image of which no membership is left that comes before it. */
function firstOfEach(left: readonly Positioned[]): readonly Positioned[] {
  const first = new Map<string, Positioned>();
  const waiting = new Set<string>();
  for (const each of left) {
    const [, notification] = each;
    const order = orderOf(notification);
    const mayGo = !first.has(order) && !waiting.has(order);
    if (mayGo) first.set(order, each);
    if (notification.member !== undefined) waiting.add(notification.image.id);
  }
  return [...first.values()];
}
