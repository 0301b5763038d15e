import { tryAgainLater } from '../domain/errors.ts';

const maxAttempts = 8;

/**
 * Reads and writes again where the world changed between a read and the write that depended on it.
 *
 * @param attempt - resolves to `undefined` where the write was refused and a read since then does not say why
 * @throws SharingError `try-again-later` where that keeps happening
 */
export async function retryOnConflict<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (let attemptCount = 0; attemptCount < maxAttempts; attemptCount += 1) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw tryAgainLater();
}
