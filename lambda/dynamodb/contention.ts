import { setTimeout as sleep } from 'node:timers/promises';
import { currentDeadline } from '../deadline.ts';
import { tryAgainLater } from '../domain/errors.ts';

/** Time and chance, so that a test can hold both. */
export interface ContentionClock {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

const firstWaitMilliseconds = 10;
const longestWaitMilliseconds = 1000;
/** How long a call outside any request may go on trying. */
const withoutDeadlineMilliseconds = 5000;

// What DynamoDB answers when another request was in the way, or when there are too many ("Error handling with
// DynamoDB", "Transaction conflict handling"). The SDK repeats some of these by itself but not the conflicts, so its
// own repetition is switched off and this is the only one.
const transientErrors = new Set([
  'TransactionConflictException',
  'TransactionInProgressException',
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'InternalServerError',
  'ServiceUnavailable',
]);
const transientReasons = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);
const transientFaults = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

interface ServiceFault {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly CancellationReasons?: readonly { readonly Code?: string | undefined }[];
}

/** Whether an action of a canceled transaction met another request, rather than a condition. */
export const isContentionReason = (code: string | undefined): boolean => transientReasons.has(code ?? '');

/** Whether the same request may succeed if it is sent again. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, code, $metadata, CancellationReasons: reasons } = error as ServiceFault;
  return (
    transientErrors.has(name ?? '') ||
    transientFaults.has(code ?? '') ||
    name === 'TimeoutError' ||
    ($metadata?.httpStatusCode ?? 0) >= 500 ||
    // A condition that failed beside a conflict is an answer: repeating cannot mend it.
    (name === 'TransactionCanceledException' &&
      !reasons?.some(({ Code: reason }) => reason === 'ConditionalCheckFailed') &&
      (reasons?.some(({ Code: reason }) => isContentionReason(reason)) ?? false))
  );
}

/**
 * Repeats a request while others are in its way, with full jitter (from 10 ms, never over 1 s), until the current
 * request's deadline would be passed.
 *
 * @throws SharingError `try-again-later` once there is no time left; any other error of the request at once
 */
export async function repeatWhileContended<Result>(
  request: () => Promise<Result>,
  clock: ContentionClock = { now: Date.now, random: Math.random, sleep },
): Promise<Result> {
  const deadline = currentDeadline() ?? clock.now() + withoutDeadlineMilliseconds;
  for (let ceiling = firstWaitMilliseconds; ; ceiling = Math.min(ceiling * 2, longestWaitMilliseconds)) {
    try {
      return await request();
    } catch (error) {
      if (!isTransient(error)) throw error;
      const wait = clock.random() * ceiling;
      if (clock.now() + wait >= deadline) throw tryAgainLater(error);
      await clock.sleep(wait);
    }
  }
}
