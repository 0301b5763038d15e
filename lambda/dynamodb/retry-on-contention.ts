import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter } from '../runtime/backoff.ts';
import { currentDeadline } from '../runtime/request-context.ts';
import { databaseUnavailable, outcomeUnknown, tryAgainLater } from '../domain/errors.ts';

/** Time and random numbers of the retries; a test replaces them. */
export interface ContentionClock {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

const initialWaitMilliseconds = 10;
const maxWaitMilliseconds = 1000;
/** Time limit of a call outside a request. */
const defaultDeadlineMilliseconds = 5000;

// Errors of DynamoDB for a request that was not applied because of other requests ("Error handling with DynamoDB",
// "Transaction conflict handling"). The SDK would retry some of them but no conflicts, so its retries are disabled.
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
/** Part of the message of the SDK's connection timeout, which has no code and no specific name. */
const connectionTimeout = 'did not establish a connection';

interface ServiceError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly syscall?: string;
  /** One error per address of the host. */
  readonly errors?: readonly ServiceError[];
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly CancellationReasons?: readonly { readonly Code?: string | undefined }[];
}

/** Returns `true` if an action of a canceled transaction failed because of another request, not a condition. */
export const isContentionReason = (code: string | undefined): boolean => contentionReasons.has(code ?? '');

/**
 * Kinds of failures that a retry may solve: the database did not apply the request because of other requests, the
 * request was not sent, or it is unknown if the request was applied.
 */
export type TemporaryFailure = 'contention' | 'not-sent' | 'unconfirmed';

/** Classifies an error of a database call: `undefined` if a retry cannot help, `unconfirmed` in doubt. */
export function temporaryFailureOf(error: unknown): TemporaryFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, code, $fault, $metadata, CancellationReasons: reasons } = error as ServiceError;
  const status = $metadata?.httpStatusCode;
  if (contentionErrors.has(name)) return 'contention';
  if (name === 'TransactionCanceledException') {
    const codes = reasons?.map(({ Code: reason }) => reason ?? '') ?? [];
    // A failed condition is final, even if other actions had a conflict.
    if (codes.includes('ConditionalCheckFailed')) return undefined;
    return codes.some(isContentionReason) ? 'contention' : undefined;
  }
  if (isBeforeSending(error)) return 'not-sent';
  // The transaction in progress has the same token: it is this one.
  if (name === 'TransactionInProgressException') return 'unconfirmed';
  if ($fault === 'client' && status !== undefined && status >= 400) return undefined;
  return status !== undefined || code !== undefined || name === 'TimeoutError' ? 'unconfirmed' : undefined;
}

function isBeforeSending({ syscall, message, errors }: ServiceError): boolean {
  if (errors !== undefined && errors.length > 0) return errors.every(isBeforeSending);
  return callsBeforeSending.has(syscall ?? '') || message.includes(connectionTimeout);
}

/**
 * The effect of a call that is sent twice: no effect for a `read`, one effect for an `idempotent-write`, two effects
 * for a `write`.
 */
export type Repetition = 'read' | 'idempotent-write' | 'write';

/**
 * Repeats a database call after a temporary failure, with full jitter (first wait up to 10 ms, later waits up to 1 s),
 * until the deadline of the current request. A `write` is not repeated after an unconfirmed attempt.
 *
 * @throws SharingError `outcome-unknown` if an attempt to write is unconfirmed and no later one succeeds;
 *   otherwise, at the deadline, `try-again-later` after contention and `database-unavailable` after any other failure
 * @throws any error that is not temporary, immediately
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
      // After an unconfirmed attempt a failed condition proves nothing: that attempt may have caused it.
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
