import { setTimeout as sleep } from 'node:timers/promises';

const initialWaitMilliseconds = 50;
const maxWaitMilliseconds = 2000;

/** The waits between tries of one thing: with full jitter, each of up to twice as long, while there is time. */
export class Backoff {
  readonly #deadline: number;
  #ceiling = initialWaitMilliseconds;

  /** @param deadline - milliseconds since the epoch */
  constructor(deadline: number) {
    this.#deadline = deadline;
  }

  /** Waits before the next try; false, and at once, where there would be no time left for it. */
  async wait(): Promise<boolean> {
    const wait = Math.random() * this.#ceiling;
    if (Date.now() + wait >= this.#deadline) return false;
    await sleep(wait);
    this.#ceiling = Math.min(this.#ceiling * 2, maxWaitMilliseconds);
    return true;
  }

  /** After a success the next wait is short again. */
  reset(): void {
    this.#ceiling = initialWaitMilliseconds;
  }
}
