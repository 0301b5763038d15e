/**
 * How the clients of queues and buses ask: an answer takes milliseconds, and one that does not come is asked for once more
 * within the time that functions keep for reporting what was not done.
 */
export const clientSettings = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
} as const;
