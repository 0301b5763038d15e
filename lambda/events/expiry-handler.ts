import type { Context } from 'aws-lambda';
import { deadlineOf } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import { logMessages } from '../runtime/log-messages.ts';
import { expiryOperation, metricFields } from '../runtime/metric.ts';
import { consumedUnits, withRequestContext } from '../runtime/request-context.ts';
import type { ExpireMemberships, ExpiryFailure, ExpiryReport } from '../use-cases/sharing/expire-memberships.ts';

/**
 * Ends memberships whose end has passed, and logs one line for each run with its metrics, even if there was nothing to
 * end: an alarm begins if they are missing.
 *
 * @throws Error if not all overdue memberships could be read
 */
export const expiryHandler =
  (expireMemberships: ExpireMemberships, log: Log) =>
  (_event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const deadline = deadlineOf(context);
    return withRequestContext(deadline, async () => {
      const startedAt = performance.now();
      const report = await expireMemberships({ deadline: new Date(deadline) });
      log({
        level: report.failures.length > 0 ? 'error' : report.isComplete ? 'info' : 'warn',
        message: logMessages.expiry,
        ...reportFields(report),
        milliseconds: Math.round(performance.now() - startedAt),
        // Fields only: as metrics they would cost more than the units.
        ReadUnits: consumedUnits().read,
        WriteUnits: consumedUnits().write,
      });
      if (report.unread > 0) throw new Error(`${report.unread} parts of the overdue memberships could not be read.`);
    });
  };

const reportFields = ({ failures, oldestOverdueSeconds, ...report }: ExpiryReport) => ({
  ...report,
  ...(failures.length > 0 && { failures: failures.map(failureFields) }),
  ...metricFields(expiryOperation, {
    ExpiredMemberships: report.expired,
    FailedExpiries: report.failed,
    OverdueSeconds: oldestOverdueSeconds,
  }),
});

const failureFields = ({ membership, cause }: ExpiryFailure) => ({
  ...(membership !== undefined &&
    'imageId' in membership && { image: membership.imageId, member: membership.memberId }),
  cause: String(cause),
});
