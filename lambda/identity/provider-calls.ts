import { currentDeadline } from '../runtime/request-context.ts';
import type { Clock } from '../domain/clock.ts';
import { identityUnavailable } from '../domain/errors.ts';
import type { JsonResponse, JsonRequest, SendJson } from './json-client.ts';

/** Seconds after a failed call during which the provider counts as down, and after which clients should retry. */
export const identityRetrySeconds = 5;
/** Maximum number of parallel calls to a provider that responds. */
const maxParallelCalls = 10;
/** Part of a request's time that no call may use, so that the response is sent before the deadline. */
const responseMilliseconds = 500;
/** Time limit of calls outside a request. */
const defaultMilliseconds = 20_000;

const remainingMilliseconds = (): number =>
  (currentDeadline() ?? Date.now() + defaultMilliseconds) - Date.now() - responseMilliseconds;

/**
 * Limits the calls to one resource of an identity provider, so that they do not overload a slow or failing provider.
 * The first call runs alone and other calls wait for its outcome. After a failure no call is made for 5 s; after a
 * success up to ten calls run in parallel.
 */
export class ProviderCalls {
  readonly #timeoutMilliseconds: number;
  readonly #clock: Clock;
  #limit = 1;
  #running = 0;
  #ended = Promise.withResolvers<undefined>();
  #failure: unknown;
  #downUntil = 0;

  constructor(timeoutSeconds: number, clock: Clock) {
    this.#timeoutMilliseconds = timeoutSeconds * 1000;
    this.#clock = clock;
  }

  /**
   * Runs a call as soon as the limit allows.
   *
   * @param call - throws if the provider is down. Its signal aborts after the timeout, or before the request's deadline
   * @throws SharingError `identity-unavailable` if the call fails, if a call failed within the last 5 s, or if the
   *   request's deadline leaves no time
   */
  async run<Result>(call: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const timeout = await this.#begin();
    const signal = AbortSignal.timeout(timeout);
    try {
      const result = await Promise.race([call(signal), aborted(signal)]);
      this.#limit = maxParallelCalls;
      this.#downUntil = 0;
      return result;
    } catch (error) {
      // A call that ended because of the request's deadline says nothing about the provider.
      if (!signal.aborted || timeout === this.#timeoutMilliseconds) this.#recordFailure(error);
      throw identityUnavailable(error);
    } finally {
      this.#running -= 1;
      this.#ended.resolve(undefined);
      this.#ended = Promise.withResolvers();
    }
  }

  /** Waits until the limit allows a call. Returns the timeout of the call in milliseconds. */
  async #begin(): Promise<number> {
    for (;;) {
      if (this.#clock().getTime() < this.#downUntil) throw identityUnavailable(this.#failure);
      const remaining = remainingMilliseconds();
      if (remaining <= 0) throw identityUnavailable(new Error('No time remains for the identity provider.'));
      if (this.#running < this.#limit) {
        this.#running += 1;
        return Math.min(this.#timeoutMilliseconds, remaining);
      }
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([this.#ended.promise, new Promise((resolve) => (timer = setTimeout(resolve, remaining)))]);
      clearTimeout(timer);
    }
  }

  #recordFailure(failure: unknown): void {
    this.#failure = failure;
    this.#downUntil = this.#clock().getTime() + identityRetrySeconds * 1000;
    this.#limit = 1;
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });

/** Returns a function whose concurrent callers share one run of the operation. */
export function shared<Result>(operation: () => Promise<Result>): () => Promise<Result> {
  let pending: Promise<Result> | undefined;
  return () =>
    (pending ??= operation().finally(() => {
      pending = undefined;
    }));
}

/**
 * Sends a request, and again if it fails before the signal aborts: the provider may have closed a kept connection.
 *
 * @throws Error if there is no response, or if the second response is a 5xx
 */
export async function sendWithRetry(send: SendJson, request: JsonRequest, signal: AbortSignal): Promise<JsonResponse> {
  const first = await send(request, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    return undefined;
  });
  const response = first !== undefined && first.status < 500 ? first : await send(request, signal);
  if (response.status >= 500) throw new Error(`${new URL(request.url).origin} responded ${response.status}.`);
  return response;
}
