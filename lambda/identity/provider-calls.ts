import { currentDeadline } from '../runtime/deadline.ts';
import type { Clock } from '../domain/clock.ts';
import { identityUnavailable } from '../domain/errors.ts';
import type { JsonResponse, JsonRequest, SendJson } from './json-client.ts';

/** Time for which a failed call is remembered: until then the provider counts as down. */
const failureMilliseconds = 5000;
/** Maximum number of calls at a time to a provider that responds. */
const maxParallelCalls = 10;
/** Part of a request's time that no call may use, so that the response is sent before the deadline. */
const responseMilliseconds = 500;
/** Time for calls outside a request. */
const defaultMilliseconds = 20_000;

const millisecondsLeft = (): number =>
  (currentDeadline() ?? Date.now() + defaultMilliseconds) - Date.now() - responseMilliseconds;

/**
 * The calls to one resource of an identity provider, limited so that a provider that is slow or down is not flooded: one
 * call goes first, the others wait for its outcome; after a failure none is made for 5 s; after a success up to ten run in
 * parallel.
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
   * Makes a call when its turn has come.
   *
   * @param call - throws if the provider is down. It is given up, and its signal aborted, after the timeout or in time for the
   *   request's deadline
   * @throws SharingError `identity-unavailable` if the call fails, has failed within the last 5 s, or cannot be made before the
   *   request's deadline
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
      // A call that the request's deadline cut short says nothing about the provider.
      if (!signal.aborted || timeout === this.#timeoutMilliseconds) this.#remember(error);
      throw identityUnavailable(error);
    } finally {
      this.#running -= 1;
      this.#ended.resolve(undefined);
      this.#ended = Promise.withResolvers();
    }
  }

  /** Waits for a turn. @returns the time that the call has, in milliseconds */
  async #begin(): Promise<number> {
    for (;;) {
      if (this.#clock().getTime() < this.#downUntil) throw identityUnavailable(this.#failure);
      const left = millisecondsLeft();
      if (left <= 0) throw identityUnavailable(new Error('The request has no time left for the identity provider.'));
      if (this.#running < this.#limit) {
        this.#running += 1;
        return Math.min(this.#timeoutMilliseconds, left);
      }
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([this.#ended.promise, new Promise((resolve) => (timer = setTimeout(resolve, left)))]);
      clearTimeout(timer);
    }
  }

  #remember(failure: unknown): void {
    this.#failure = failure;
    this.#downUntil = this.#clock().getTime() + failureMilliseconds;
    this.#limit = 1;
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });

/** Lets concurrent callers share one run of an operation. */
export function shared<Result>(operation: () => Promise<Result>): () => Promise<Result> {
  let pending: Promise<Result> | undefined;
  return () =>
    (pending ??= operation().finally(() => {
      pending = undefined;
    }));
}

/**
 * Sends a request, and once more if that fails before the signal's time is over: a kept connection may have been closed.
 *
 * @throws Error if there is no response, or only a 5xx
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
