import type { Clock } from '../../domain/clock.ts';
import { isTemporary } from '../../domain/errors.ts';
import type { ExpiryRepository, OverdueMembership, OverduePage } from '../../domain/repositories/expiry-repository.ts';
import type { MembershipRepository } from '../../domain/repositories/membership-repository.ts';
import { forEachAtOnce } from './for-each-at-once.ts';

/** A failure of a run: of one membership, or of a page that could not be read. */
export interface ExpiryFailure {
  /** The membership; `undefined` for a page. */
  readonly membership: OverdueMembership | undefined;
  readonly cause: unknown;
}

/** The result of one run. */
export interface ExpiryReport {
  /** Number of memberships that the run ended. */
  readonly expired: number;
  /** Number of memberships that had been prolonged or ended since they were listed. */
  readonly skipped: number;
  /** Number of memberships that could not be ended. */
  readonly failed: number;
  /** Number of parts of the list that were not read to their end, because of a failure. */
  readonly unread: number;
  /** `false` if overdue memberships were left to the next run: at the deadline, or because their image is busy. */
  readonly isComplete: boolean;
  /** Time since the earliest end of all listed memberships that the run did not end; 0 if it ended all. */
  readonly oldestOverdueSeconds: number;
  /** The first failures, at most ten. */
  readonly failures: readonly ExpiryFailure[];
}

/** Ends all memberships whose end has passed. */
export type ExpireMemberships = (request: { readonly deadline: Date }) => Promise<ExpiryReport>;

export interface ExpireMembershipsDependencies {
  readonly expiry: ExpiryRepository;
  readonly memberships: Pick<MembershipRepository, 'expire'>;
  readonly clock: Clock;
}

/** Maximum number of failures in a report. */
const maxReportedFailures = 10;

/** Number of temporary failures after which a run leaves the other memberships of an image to the next run. */
const maxTemporaryFailures = 3;

/** Number of images of a part whose memberships are ended at the same time: 16 parts send at most 48 transactions. */
const imagesAtOnce = 3;

/**
 * Ends all memberships whose end has passed, until the deadline.
 *
 * A membership that cannot be ended prevents no other; the next run tries it again. The memberships of an image with
 * several conflicts are left to the next run, so that they do not use the time of other images. A membership that is
 * prolonged before its turn stays. Two runs at once end each membership once.
 */
export const createExpireMemberships = ({
  expiry,
  memberships,
  clock,
}: ExpireMembershipsDependencies): ExpireMemberships =>
  async function expireMemberships({ deadline }) {
    const startedAt = clock();
    const failures: ExpiryFailure[] = [];
    let [expired, skipped, failed, unread] = [0, 0, 0, 0];
    let isComplete = true;
    let earliestEnd = Infinity;

    const isOver = () => clock() >= deadline;
    const addFailure = (failure: ExpiryFailure): void => {
      if (failures.length < maxReportedFailures) failures.push(failure);
    };
    const remains = ({ endedAtSeconds }: OverdueMembership): void => {
      earliestEnd = Math.min(earliestEnd, endedAtSeconds);
    };

    const leave = (membership: OverdueMembership): void => {
      isComplete = false;
      remains(membership);
    };

    /** Ends a membership. Returns `false` after a temporary failure. */
    async function expire(membership: OverdueMembership): Promise<boolean> {
      try {
        if ('malformedKey' in membership) throw new Error(`The key ${membership.malformedKey} is malformed.`);
        const { imageId, memberId } = membership;
        if (await memberships.expire({ imageId, memberId, at: clock() })) {
          expired += 1;
          return true;
        }
        skipped += 1;
        remains(membership);
        return true;
      } catch (cause) {
        failed += 1;
        addFailure({ membership, cause });
        remains(membership);
        return !isTemporary(cause);
      }
    }

    async function expirePart(readFirst: () => Promise<OverduePage>): Promise<void> {
      const failuresOf = new Map<string, number>();
      for (let read: OverduePage['next'] = readFirst; read !== undefined;) {
        let page: OverduePage;
        try {
          page = await read();
        } catch (cause) {
          unread += 1;
          addFailure({ membership: undefined, cause });
          return;
        }
        await forEachAtOnce(groupByImage(page.memberships), imagesAtOnce, async ([group, ofImage]) => {
          // In turn: each of these writes changes the image's record, so that they would conflict.
          for (const membership of ofImage) {
            const failureCount = failuresOf.get(group) ?? 0;
            if (isOver() || failureCount >= maxTemporaryFailures) leave(membership);
            else if (!(await expire(membership))) failuresOf.set(group, failureCount + 1);
          }
        });
        read = page.next;
        const last = page.memberships.at(-1);
        if (read !== undefined && last !== undefined && isOver()) {
          leave(last); // no unread membership ended before it
          return;
        }
      }
    }

    await Promise.all(expiry.findOverdue(startedAt).map(expirePart));
    const oldestOverdueSeconds = Math.max(0, Math.floor(clock().getTime() / 1000) - earliestEnd);
    return { expired, skipped, failed, unread, isComplete, oldestOverdueSeconds, failures };
  };

/** Returns the memberships of each image, in their order, with its id. A malformed key is a group of its own. */
function groupByImage(
  memberships: readonly OverdueMembership[],
): readonly (readonly [string, readonly OverdueMembership[]])[] {
  const groups = Map.groupBy(memberships, (membership) =>
    'imageId' in membership ? membership.imageId : membership.malformedKey,
  );
  return [...groups];
}
