import { reportingReserveMilliseconds } from '../runtime/deadline.ts';
import { currentDeadline } from '../runtime/request-context.ts';

/** Settings of the clients of queues and buses. A response takes milliseconds; a call without one is repeated once. */
export const clientSettings = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
} as const;

/** Returns an option that aborts a call and its retries early enough for the function to report unfinished work. */
export const abortAtDeadline = (): { readonly abortSignal?: AbortSignal } => {
  const deadline = currentDeadline();
  if (deadline === undefined) return {};
  return { abortSignal: AbortSignal.timeout(Math.max(0, deadline + reportingReserveMilliseconds / 2 - Date.now())) };
};
