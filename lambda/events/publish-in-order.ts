import { Backoff } from '../runtime/backoff.ts';
import { orderingKeyOf, type Notification } from './notification.ts';

/** The event bus that notifications are published on. */
export interface NotificationBus {
  /**
   * Publishes up to {@link maxEntriesPerCall} notifications.
   *
   * @returns the outcome of each notification, in their order
   */
  publish(notifications: readonly Notification[]): Promise<readonly ('published' | PublishFailure)[]>;
}

/** A notification that the bus did not accept. */
interface PublishFailure {
  /** The bus's own error code. */
  readonly errorCode: string;
}

/** Maximum number of entries of one PutEvents ("PutEvents" in the EventBridge API reference). */
const maxEntriesPerCall = 10;

/** A notification with its position among all notifications of the call. */
interface Positioned {
  readonly position: number;
  readonly notification: Notification;
}

/**
 * Publishes notifications in order for each membership and each image. If the bus fails to publish one, the later ones
 * of the same membership or image wait, and it is sent again with full jitter until the deadline. A notification of an
 * image waits for those of the image's memberships that precede it.
 *
 * @param deadline - milliseconds since the epoch
 * @returns the positions of the unpublished notifications in ascending order, and the error code of the last failure
 */
export async function publishInOrder(
  bus: NotificationBus,
  notifications: readonly Notification[],
  deadline: number,
): Promise<{ readonly unpublished: readonly number[]; readonly errorCode: string | undefined }> {
  let unpublished = notifications.map((notification, position): Positioned => ({ position, notification }));
  const backoff = new Backoff(deadline);
  let errorCode: string | undefined;
  const failureCounts = new Map<number, number>();
  const failureCount = ({ position }: Positioned): number => failureCounts.get(position) ?? 0;
  while (unpublished.length > 0 && Date.now() < deadline) {
    // Those with the fewest failures first, so that notifications that always fail do not delay the others.
    const batch = nextPerOrderingKey(unpublished)
      .toSorted((a, b) => failureCount(a) - failureCount(b))
      .slice(0, maxEntriesPerCall);
    const outcomes = await bus.publish(batch.map(({ notification }) => notification));
    const published = new Set<Positioned>();
    for (const [index, entry] of batch.entries()) {
      if (outcomes[index] === 'published') published.add(entry);
      else failureCounts.set(entry.position, failureCount(entry) + 1);
    }
    errorCode = outcomes.findLast((outcome) => outcome !== 'published')?.errorCode ?? errorCode;
    unpublished = unpublished.filter((entry) => !published.has(entry));
    if (published.size === batch.length) backoff.reset();
    else if (!(await backoff.wait())) break;
  }
  return { unpublished: unpublished.map(({ position }) => position), errorCode };
}

/** Returns the first notification of each membership, and of each image without an earlier one of its memberships. */
function nextPerOrderingKey(unpublished: readonly Positioned[]): readonly Positioned[] {
  const next = new Map<string, Positioned>();
  const imagesWithMembers = new Set<string>();
  for (const entry of unpublished) {
    const { notification } = entry;
    const orderingKey = orderingKeyOf(notification);
    // The ordering key of an image is its id; that of a membership is never an image id.
    const isReady = !next.has(orderingKey) && !imagesWithMembers.has(orderingKey);
    if (isReady) next.set(orderingKey, entry);
    if (notification.member !== undefined) imagesWithMembers.add(notification.image.id);
  }
  return [...next.values()];
}
