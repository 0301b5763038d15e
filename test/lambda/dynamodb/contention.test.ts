import { describe, expect, test } from '@jest/globals';
import { withDeadline } from '../../../lambda/deadline.ts';
import { SharingError } from '../../../lambda/domain/errors.ts';
import { isTransient, repeatWhileContended } from '../../../lambda/dynamodb/contention.ts';

/** Time that moves only by waiting, and chance that is always the same. */
function heldClock(chance: number, startedAt = 0) {
  const waits: number[] = [];
  const clock = {
    time: startedAt,
    now: () => clock.time,
    random: () => chance,
    sleep: (milliseconds: number) => {
      waits.push(milliseconds);
      clock.time += milliseconds;
      return Promise.resolve();
    },
  };
  return { clock, waits };
}

const named = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name, ...more });
const conflict = (): Error => named('TransactionConflictException');

/** A request that fails some times before it succeeds. */
function failing(times: number, error: () => Error = conflict) {
  let made = 0;
  return () => {
    made += 1;
    return made > times ? Promise.resolve(made) : Promise.reject(error());
  };
}

describe('a request is repeated', () => {
  test('until it succeeds', async () => {
    const { clock, waits } = heldClock(0.5);

    const made = await repeatWhileContended(failing(3), clock);

    expect(made).toBe(4);
    expect(waits).toEqual([5, 10, 20]);
  });

  test('after waits with full jitter, at most 10 ms at first, doubling up to a second', async () => {
    const { clock, waits } = heldClock(1);

    await withDeadline(1_000_000, () => repeatWhileContended(failing(10), clock));

    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
  });

  test('at once where chance says so, and still not for ever', async () => {
    const { clock, waits } = heldClock(0);

    const made = await repeatWhileContended(failing(5), clock);

    expect(made).toBe(6);
    expect(waits).toEqual([0, 0, 0, 0, 0]);
  });

  test('never past the deadline of its request', async () => {
    const { clock, waits } = heldClock(1, 50_000);

    const given = withDeadline(53_000, () => repeatWhileContended(failing(Infinity), clock));

    await expect(given).rejects.toMatchObject({
      code: 'try-again-later',
      cause: { name: 'TransactionConflictException' },
    });
    expect(clock.time).toBeLessThan(53_000);
    expect(clock.time).toBeGreaterThan(52_000);
    expect(waits.length).toBe(8);
  });

  test('for five seconds where it belongs to no request', async () => {
    const { clock } = heldClock(1, 7000);

    const given = repeatWhileContended(failing(Infinity), clock);

    await expect(given).rejects.toBeInstanceOf(SharingError);
    expect(clock.time).toBeLessThan(12_000);
    expect(clock.time).toBeGreaterThan(11_000 - 1000);
  });

  test('not at all once the deadline has passed', async () => {
    const { clock, waits } = heldClock(0.5, 1000);

    const given = withDeadline(1000, () => repeatWhileContended(failing(1), clock));

    await expect(given).rejects.toMatchObject({ code: 'try-again-later' });
    expect(waits).toEqual([]);
  });

  test('not where its error is an answer, which is passed on as it is', async () => {
    const { clock, waits } = heldClock(0.5);
    const refused = named('ConditionalCheckFailedException', { $metadata: { httpStatusCode: 400 } });

    const given = repeatWhileContended(
      failing(1, () => refused),
      clock,
    );

    await expect(given).rejects.toBe(refused);
    expect(waits).toEqual([]);
  });
});

const cancelled = (...codes: string[]): Error =>
  named('TransactionCanceledException', { CancellationReasons: codes.map((Code) => ({ Code })) });

describe('what may pass by itself', () => {
  test.each<[string, unknown, boolean]>([
    ['a conflict of transactions', conflict(), true],
    ['a transaction with the same token under way', named('TransactionInProgressException'), true],
    ['throughput exceeded', named('ProvisionedThroughputExceededException'), true],
    ['throttling', named('ThrottlingException'), true],
    ['too many requests', named('RequestLimitExceeded'), true],
    ["the engine's own failure", named('InternalServerError'), true],
    ['an unknown error with status 503', named('Unknown', { $metadata: { httpStatusCode: 503 } }), true],
    ['a refused connection', named('Error', { code: 'ECONNREFUSED' }), true],
    ['a lost connection', named('Error', { code: 'ECONNRESET' }), true],
    ['an answer that took too long', named('TimeoutError'), true],
    ['a transaction cancelled by a conflict', cancelled('None', 'TransactionConflict', 'None'), true],
    ['a transaction cancelled by throttling', cancelled('ThrottlingError', 'None'), true],
    ['a transaction cancelled by throughput', cancelled('None', 'ProvisionedThroughputExceeded'), true],
    ['a transaction cancelled by a condition', cancelled('ConditionalCheckFailed', 'None'), false],
    ['a condition that failed beside a conflict', cancelled('TransactionConflict', 'ConditionalCheckFailed'), false],
    ['a transaction cancelled for its form', cancelled('None', 'ValidationError'), false],
    ['a transaction cancelled without reasons', named('TransactionCanceledException'), false],
    ['a failed condition', named('ConditionalCheckFailedException', { $metadata: { httpStatusCode: 400 } }), false],
    ['a malformed request', named('ValidationException', { $metadata: { httpStatusCode: 400 } }), false],
    ['a missing permission', named('AccessDeniedException', { $metadata: { httpStatusCode: 400 } }), false],
    ['a mistake of our own', new TypeError('x is not a function'), false],
    ['what is no error', 'TransactionConflictException', false],
  ])('%s', (_title, error, transient) => {
    expect(isTransient(error)).toBe(transient);
  });
});
