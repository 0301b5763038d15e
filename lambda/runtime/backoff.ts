import { setTimeout as sleep } from 'node:timers/promises';

const initialCeilingMilliseconds = 50;
const maxCeilingMilliseconds = 2000;

/** Returns a random wait between 0 and the ceiling ("full jitter"), in the unit of the ceiling. */
export const fullJitter = (ceiling: number, random: () => number = Math.random): number => random() * ceiling;

/** Waits between retries with full jitter and a ceiling that doubles from 50 ms to 2 s, until a deadline. */
export class Backoff {
  readonly #deadline: number;
  #ceiling = initialCeilingMilliseconds;

  /** @param deadline - milliseconds since the epoch */
  constructor(deadline: number) {
    this.#deadline = deadline;
  }

  /** Waits before the next try. Returns `false` immediately if the wait would pass the deadline. */
  async wait(): Promise<boolean> {
    const wait = fullJitter(this.#ceiling);
    if (Date.now() + wait >= this.#deadline) return false;
    await sleep(wait);
    this.#ceiling = Math.min(this.#ceiling * 2, maxCeilingMilliseconds);
    return true;
  }

  /** Resets the ceiling after a success. */
  reset(): void {
    this.#ceiling = initialCeilingMilliseconds;
  }
}
