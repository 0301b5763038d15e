import { expect, test } from '@jest/globals';
import {
  addConsumedUnits,
  consumedUnits,
  currentDeadline,
  withRequestContext,
  withTimeLimit,
} from '../../../lambda/runtime/request-context.ts';

const future = Date.now() + 3_600_000;

test('a part of a request has an earlier deadline, and consumes units of the request', async () => {
  const { inside, after, units } = await withRequestContext(future, async () => {
    addConsumedUnits({ read: 1, write: 0 });
    const inside = await withTimeLimit(1000, () => {
      addConsumedUnits({ read: 0, write: 2 });
      return Promise.resolve(currentDeadline());
    });
    addConsumedUnits({ read: 1, write: 0 });
    return { inside, after: currentDeadline(), units: consumedUnits() };
  });

  expect(inside).toBeLessThan(future);
  expect([after, units]).toEqual([future, { read: 2, write: 2 }]);
});

test('a time limit beyond the deadline of the request does not change it', async () => {
  const deadline = await withRequestContext(future, () =>
    withTimeLimit(7_200_000, () => Promise.resolve(currentDeadline())),
  );

  expect(deadline).toBe(future);
});

test('outside a request a time limit is the deadline', async () => {
  const deadline = await withTimeLimit(3_600_000, () => Promise.resolve(currentDeadline()));

  expect(deadline).toBeGreaterThanOrEqual(future - 1000);
});
