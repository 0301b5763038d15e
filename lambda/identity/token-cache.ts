import { createHash } from 'node:crypto';

/** How many tokens are remembered, each with less than a kilobyte. */
const capacity = 1000;

/**
 * What valid tokens prove, for a while. A token itself is not kept, only its SHA-256; of more than a thousand, those that
 * were added first are forgotten first.
 */
export class TokenCache<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  /** @param now - milliseconds since the epoch */
  get(token: string, now: number): Value | undefined {
    const key = keyOf(token);
    const entry = this.#entries.get(key);
    if (entry === undefined || now < entry.until) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** @param until - milliseconds since the epoch, from which on the token is not remembered */
  set(token: string, value: Value, until: number): void {
    const key = keyOf(token);
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > capacity && oldest !== undefined) this.#entries.delete(oldest);
  }
}

const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64');
