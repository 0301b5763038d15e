import { expect, test } from '@jest/globals';
import { retryOnConflict } from '../../../lambda/use-cases/retry-on-conflict.ts';

/** An attempt that succeeds at last, and how often it was made. */
function succeedingAfter(failures: number) {
  const made = { times: 0 };
  return {
    made,
    attempt: () => {
      made.times += 1;
      return Promise.resolve(made.times > failures ? 'done' : undefined);
    },
  };
}

test.each([0, 1, 7])('after %i refusals that nothing explains the next attempt is the last', async (failures) => {
  const { attempt, made } = succeedingAfter(failures);

  const result = await retryOnConflict(attempt);

  expect([result, made.times]).toEqual(['done', failures + 1]);
});

test('after eight refusals that nothing explains the caller is asked to try again later', async () => {
  const { attempt, made } = succeedingAfter(Number.POSITIVE_INFINITY);

  await expect(retryOnConflict(attempt)).rejects.toMatchObject({ code: 'try-again-later' });
  expect(made.times).toBe(8);
});

test('an error ends the attempts', async () => {
  const gone = new Error('gone');

  await expect(retryOnConflict(() => Promise.reject(gone))).rejects.toBe(gone);
});
