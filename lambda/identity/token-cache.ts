import { createHash } from 'node:crypto';

/** Maximum number of cached tokens. An entry needs less than a kilobyte. */
const maxEntries = 1000;

/**
 * Caches values of valid tokens until they expire. It stores the SHA-256 of a token, never the token, and drops the
 * oldest entry when there are more than a thousand.
 */
export class TokenCache<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly expiresAt: number }>();

  /** @param now - milliseconds since the epoch */
  get(token: string, now: number): Value | undefined {
    const key = keyOf(token);
    const entry = this.#entries.get(key);
    if (entry === undefined || now < entry.expiresAt) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** @param expiresAt - end of the entry's validity, in milliseconds since the epoch */
  set(token: string, value: Value, expiresAt: number): void {
    const key = keyOf(token);
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAt });
    const [oldestKey] = this.#entries.keys();
    if (this.#entries.size > maxEntries && oldestKey !== undefined) this.#entries.delete(oldestKey);
  }
}

const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64');
