import { expect, test } from '@jest/globals';
import { retryOnConflict } from '../../../lambda/use-cases/retry-on-conflict.ts';

/** Returns an attempt that succeeds after some failures, and a count of its calls. */
function succeedingAfter(failures: number) {
  const calls = { count: 0 };
  return {
    calls,
    attempt: () => {
      calls.count += 1;
      return Promise.resolve(calls.count > failures ? 'done' : undefined);
    },
  };
}

test.each([0, 1, 7])('after %i conflicts the next attempt is the last', async (failures) => {
  const { attempt, calls } = succeedingAfter(failures);

  const result = await retryOnConflict(attempt);

  expect([result, calls.count]).toEqual(['done', failures + 1]);
});

test('after eight conflicts the error is try-again-later', async () => {
  const { attempt, calls } = succeedingAfter(Number.POSITIVE_INFINITY);

  await expect(retryOnConflict(attempt)).rejects.toMatchObject({ code: 'try-again-later' });
  expect(calls.count).toBe(8);
});

test('an error ends the attempts', async () => {
  const gone = new Error('gone');

  await expect(retryOnConflict(() => Promise.reject(gone))).rejects.toBe(gone);
});
