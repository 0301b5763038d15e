import { currentDeadline, reportingReserveMilliseconds } from '../runtime/deadline.ts';

/** How the clients of queues and buses ask: an answer takes milliseconds, and one that does not come is asked for again. */
export const clientSettings = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
} as const;

/** Ends a call, with its repetitions, in time for the function to report what it has not done. */
export const abortAtDeadline = (): { readonly abortSignal?: AbortSignal } => {
  const deadline = currentDeadline();
  if (deadline === undefined) return {};
  return { abortSignal: AbortSignal.timeout(Math.max(0, deadline + reportingReserveMilliseconds / 2 - Date.now())) };
};
