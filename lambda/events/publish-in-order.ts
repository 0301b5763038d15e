import { Backoff } from '../runtime/backoff.ts';
import { orderingKeyOf, type Notification } from './notification.ts';

/** Where notifications go. */
export interface NotificationBus {
  /**
   * Publishes up to {@link maxEntriesPerCall} notifications.
   *
   * @returns for each of them whether the bus has it, or why not
   */
  publish(notifications: readonly Notification[]): Promise<readonly ('taken' | PublishFailure)[]>;
}

/** Why the bus has not taken a notification, by its own code. */
interface PublishFailure {
  readonly errorCode: string;
}

/** Most entries of one PutEvents ("PutEvents" in the EventBridge API reference). */
const maxEntriesPerCall = 10;

/**
 * Publishes notifications, those of one membership or image strictly one after the other: where the bus refuses one, the
 * later ones of the same wait for it, and it is offered again, with full jitter, until there is no time left. An image's
 * own wait for those of its memberships that come before them.
 *
 * @param deadline - milliseconds since the epoch
 * @returns the positions of those that the bus has not got, in order, and why it did not take the last that it refused
 */
export async function publishInOrder(
  bus: NotificationBus,
  notifications: readonly Notification[],
  deadline: number,
): Promise<{ readonly unpublished: readonly number[]; readonly errorCode: string | undefined }> {
  let unpublished = [...notifications.entries()];
  const backoff = new Backoff(deadline);
  let errorCode: string | undefined;
  const failureCounts = new Map<number, number>();
  while (unpublished.length > 0 && Date.now() < deadline) {
    // Those that were refused least: a few that the bus never takes keep no others from being offered.
    const round = nextPerOrderingKey(unpublished)
      .toSorted(([one], [other]) => (failureCounts.get(one) ?? 0) - (failureCounts.get(other) ?? 0))
      .slice(0, maxEntriesPerCall);
    const outcomes = await bus.publish(round.map(([, notification]) => notification));
    const published = new Set(round.filter((_, n) => outcomes[n] === 'taken').map(([position]) => position));
    errorCode = outcomes.findLast((outcome) => outcome !== 'taken')?.errorCode ?? errorCode;
    for (const [position] of round) {
      if (!published.has(position)) failureCounts.set(position, (failureCounts.get(position) ?? 0) + 1);
    }
    unpublished = unpublished.filter(([position]) => !published.has(position));
    if (published.size === round.length) backoff.reset();
    else if (!(await backoff.wait())) break;
  }
  return { unpublished: unpublished.map(([position]) => position), errorCode: errorCode };
}

type Positioned = readonly [number, Notification];

/** The first of each membership, and of each image of which no membership is left that comes before it. */
function nextPerOrderingKey(unpublished: readonly Positioned[]): readonly Positioned[] {
  const first = new Map<string, Positioned>();
  const waiting = new Set<string>();
  for (const each of unpublished) {
    const [, notification] = each;
    const orderingKey = orderingKeyOf(notification);
    const isReady = !first.has(orderingKey) && !waiting.has(orderingKey);
    if (isReady) first.set(orderingKey, each);
    if (notification.member !== undefined) waiting.add(notification.image.id);
  }
  return [...first.values()];
}
