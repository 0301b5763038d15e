import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter } from '../runtime/backoff.ts';
import { currentDeadline } from '../runtime/deadline.ts';
import { databaseUnavailable, outcomeUnknown, tryAgainLater } from '../domain/errors.ts';

/** Time and chance, so that a test can hold both. */
export interface ContentionClock {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

const initialWaitMilliseconds = 10;
const maxWaitMilliseconds = 1000;
/** How long a call outside any request may go on trying. */
const defaultDeadlineMilliseconds = 5000;

// Responses of DynamoDB that say that nothing was applied because of other requests ("Error handling with DynamoDB",
// "Transaction conflict handling"). The SDK repeats some of these by itself but not the conflicts, so its own repetition
// is switched off and this is the only one.
const contentionErrors = new Set([
  'TransactionConflictException',
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'LimitExceededException',
]);
const contentionReasons = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);
/** The system calls that precede the first byte of a request. */
const callsBeforeSending = new Set(['connect', 'getaddrinfo']);
/** The SDK's own timeout of a connection, which has neither a code nor a name of its own. */
const connectionTimeout = 'did not establish a connection';

interface ServiceError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly syscall?: string;
  /** One error for each address that was tried. */
  readonly errors?: readonly ServiceError[];
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly CancellationReasons?: readonly { readonly Code?: string | undefined }[];
}

/** Returns whether an action of a canceled transaction met another request, rather than a failed condition. */
export const isContentionReason = (code: string | undefined): boolean => contentionReasons.has(code ?? '');

/**
 * A failure that is no response to the request itself: the database refused it because of other requests, it was never
 * sent, or there is no telling whether it was applied.
 */
export type TemporaryFailure = 'contention' | 'not-sent' | 'unconfirmed';

/** Classifies an error of a database call; `undefined` if repeating the call cannot help. In doubt, it is unconfirmed. */
export function temporaryFailureOf(error: unknown): TemporaryFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, code, $fault, $metadata, CancellationReasons: reasons } = error as ServiceError;
  const status = $metadata?.httpStatusCode;
  if (contentionErrors.has(name)) return 'contention';
  if (name === 'TransactionCanceledException') {
    const codes = reasons?.map(({ Code: reason }) => reason ?? '') ?? [];
    // A condition that failed beside a conflict is final: repeating cannot change it.
    if (codes.includes('ConditionalCheckFailed')) return undefined;
    return codes.some(isContentionReason) ? 'contention' : undefined;
  }
  if (isBeforeSending(error)) return 'not-sent';
  // The transaction with the same token, which is this one.
  if (name === 'TransactionInProgressException') return 'unconfirmed';
  if ($fault === 'client' && status !== undefined && status >= 400) return undefined;
  return status !== undefined || code !== undefined || name === 'TimeoutError' ? 'unconfirmed' : undefined;
}

function isBeforeSending({ syscall, message, errors }: ServiceError): boolean {
  if (errors !== undefined && errors.length > 0) return errors.every(isBeforeSending);
  return callsBeforeSending.has(syscall ?? '') || message.includes(connectionTimeout);
}

/**
 * The effect of sending a call twice: none for a `read`, none beyond the first for an `idempotent-write`, a second one
 * for a `write`.
 */
export type Repetition = 'read' | 'idempotent-write' | 'write';

/**
 * Repeats a database call after a temporary failure, with full jitter (from 10 ms, at most 1 s), until the deadline of
 * the current request would be passed. A `write` is not repeated after an unconfirmed attempt.
 *
 * @throws SharingError `outcome-unknown` if an attempt to write is unconfirmed and no later one succeeds;
 *   otherwise, at the deadline, `try-again-later` after contention and `database-unavailable` after any other failure
 * @throws any error that is not temporary immediately
 */
export async function retryOnContention<Result>(
  repetition: Repetition,
  call: () => Promise<Result>,
  clock: ContentionClock = { now: Date.now, random: Math.random, sleep },
): Promise<Result> {
  const deadline = currentDeadline() ?? clock.now() + defaultDeadlineMilliseconds;
  let mayBeApplied = false;
  for (let ceiling = initialWaitMilliseconds; ; ceiling = Math.min(ceiling * 2, maxWaitMilliseconds)) {
    try {
      return await call();
    } catch (error) {
      const failure = temporaryFailureOf(error);
      mayBeApplied ||= failure === 'unconfirmed' && repetition !== 'read';
      // After an unconfirmed attempt even a failed condition says nothing: that attempt may be what made it fail.
      if (mayBeApplied && (failure === undefined || repetition === 'write')) throw outcomeUnknown(error);
      if (failure === undefined) throw error;
      const wait = fullJitter(ceiling, clock.random);
      if (clock.now() + wait >= deadline) {
        if (mayBeApplied) throw outcomeUnknown(error);
        throw failure === 'contention' ? tryAgainLater(error) : databaseUnavailable(error);
      }
      await clock.sleep(wait);
    }
  }
}
