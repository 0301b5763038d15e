import type { IncomingMessage } from 'node:http';
import { incomplete, sourceTooLarge, sourceTooSlow } from './source-error.ts';

/** Minimum speed of a source. */
export interface SpeedLimit {
  readonly minBytesPerSecond: number;
  /** Period over which the speed is measured. Only the time in which the reader waits for the source counts. */
  readonly speedWindowSeconds: number;
}

/**
 * Yields the bytes of a response.
 *
 * @param abort - aborts the request; its reason is the error of the reader
 * @throws SourceError `too-large`, `too-slow` or `incomplete` in place of the bytes after a limit
 */
export async function* readWithinLimits(
  response: IncomingMessage,
  limits: SpeedLimit & { readonly maxBytes: number },
  abort: AbortController,
): AsyncGenerator<Buffer, void, undefined> {
  const speed = new SpeedMonitor(limits, () => abort.abort(tooSlow(limits)));
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let size = 0;
  try {
    for (;;) {
      speed.startWaiting();
      const chunk = await chunks.next().catch((error: unknown) => {
        throw abort.signal.aborted ? (abort.signal.reason as Error) : incomplete(error);
      });
      if (chunk.done === true) break;
      speed.stopWaiting(chunk.value.length);
      size += chunk.value.length;
      if (size > limits.maxBytes) throw sourceTooLarge(limits.maxBytes);
      yield chunk.value;
    }
    if (!response.complete) throw incomplete();
  } finally {
    speed.end();
    response.destroy();
  }
}

const tooSlow = ({ minBytesPerSecond, speedWindowSeconds }: SpeedLimit) =>
  sourceTooSlow(
    `The source must send at least ${minBytesPerSecond} bytes per second, measured over ${speedWindowSeconds} seconds.`,
  );

/** Measures the speed of a source in windows of waiting time. */
class SpeedMonitor {
  readonly #windowMilliseconds: number;
  readonly #minWindowBytes: number;
  readonly #onTooSlow: () => void;
  #windowBytes = 0;
  #waitedMilliseconds = 0;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ minBytesPerSecond, speedWindowSeconds }: SpeedLimit, onTooSlow: () => void) {
    this.#windowMilliseconds = speedWindowSeconds * 1000;
    this.#minWindowBytes = minBytesPerSecond * speedWindowSeconds;
    this.#onTooSlow = onTooSlow;
  }

  startWaiting(): void {
    this.#startedAt = performance.now();
    const remaining = Math.max(0, this.#windowMilliseconds - this.#waitedMilliseconds);
    this.#timer = setTimeout(() => {
      this.#endWindow();
      this.startWaiting();
    }, remaining);
  }

  stopWaiting(bytes: number): void {
    this.end();
    this.#windowBytes += bytes;
    this.#waitedMilliseconds += performance.now() - this.#startedAt;
    if (this.#waitedMilliseconds >= this.#windowMilliseconds) this.#endWindow();
  }

  /** Stops the measurement. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #endWindow(): void {
    if (this.#windowBytes < this.#minWindowBytes) this.#onTooSlow();
    this.#windowBytes = 0;
    this.#waitedMilliseconds = 0;
  }
}
