import { tryAgainLater } from '../domain/errors.ts';

const maxAttempts = 8;

/**
 * Retries a read and its dependent write after a conflicting change.
 *
 * @param attempt - resolves to `undefined` if the write's condition failed and a later read shows no reason
 * @throws SharingError `try-again-later` after 8 attempts
 */
export async function retryOnConflict<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (let attemptCount = 0; attemptCount < maxAttempts; attemptCount += 1) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw tryAgainLater();
}
