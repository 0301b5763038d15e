import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from '@jest/globals';
import { withRequestContext } from '../../../lambda/runtime/request-context.ts';
import { SharingError } from '../../../lambda/domain/errors.ts';
import {
  retryOnContention,
  temporaryFailureOf,
  type Repetition,
} from '../../../lambda/dynamodb/retry-on-contention.ts';

/** A clock that only waits advance, with constant random numbers. */
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
const status = (httpStatusCode: number) => ({ $metadata: { httpStatusCode } });

/** Returns a call that fails a number of times before it succeeds. */
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

    const made = await retryOnContention('write', failing(3), clock);

    expect(made).toBe(4);
    expect(waits).toEqual([5, 10, 20]);
  });

  test('after waits with full jitter, at most 10 ms at first, doubling up to a second', async () => {
    const { clock, waits } = heldClock(1);

    await withRequestContext(1_000_000, () => retryOnContention('write', failing(10), clock));

    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
  });

  test('without a wait if the random number is 0, and still not forever', async () => {
    const { clock, waits } = heldClock(0);

    const made = await retryOnContention('write', failing(5), clock);

    expect(made).toBe(6);
    expect(waits).toEqual([0, 0, 0, 0, 0]);
  });

  test('never past the deadline of its request', async () => {
    const { clock, waits } = heldClock(1, 50_000);

    const given = withRequestContext(53_000, () => retryOnContention('write', failing(Infinity), clock));

    await expect(given).rejects.toMatchObject({
      code: 'try-again-later',
      cause: { name: 'TransactionConflictException' },
    });
    expect(clock.time).toBeLessThan(53_000);
    expect(clock.time).toBeGreaterThan(52_000);
    expect(waits.length).toBe(8);
  });

  test('for five seconds outside a request', async () => {
    const { clock } = heldClock(1, 7000);

    const given = retryOnContention('write', failing(Infinity), clock);

    await expect(given).rejects.toBeInstanceOf(SharingError);
    expect(clock.time).toBeLessThan(12_000);
    expect(clock.time).toBeGreaterThan(11_000 - 1000);
  });

  test('not at all once the deadline has passed', async () => {
    const { clock, waits } = heldClock(0.5, 1000);

    const given = withRequestContext(1000, () => retryOnContention('write', failing(1), clock));

    await expect(given).rejects.toMatchObject({ code: 'try-again-later' });
    expect(waits).toEqual([]);
  });

  test('not after a final error, which is thrown unchanged', async () => {
    const { clock, waits } = heldClock(0.5);
    const refused = failedCondition();

    const given = retryOnContention(
      'write',
      failing(1, () => refused),
      clock,
    );

    await expect(given).rejects.toBe(refused);
    expect(waits).toEqual([]);
  });
});

const lost = (): Error => named('Error', { code: 'ECONNRESET' });
const refusedConnection = (): Error => named('Error', { code: 'ECONNREFUSED', syscall: 'connect' });
const failedCondition = (): Error => named('ConditionalCheckFailedException', { $fault: 'client', ...status(400) });

/** Returns a call that throws these errors one after another, and then succeeds. */
function failingWith(...errors: readonly (() => Error)[]) {
  let made = 0;
  return () => {
    const error = errors[made];
    made += 1;
    return error === undefined ? Promise.resolve(made) : Promise.reject(error());
  };
}

describe('after a failure', () => {
  test.each<[string, Repetition, readonly (() => Error)[], number | string]>([
    ['a read is repeated, whatever was lost', 'read', [lost, refusedConnection, conflict], 4],
    [
      'a read passes on its refusal, whatever was lost',
      'read',
      [lost, failedCondition],
      'ConditionalCheckFailedException',
    ],
    ['an idempotent write is repeated, whatever was lost', 'idempotent-write', [lost, lost, conflict], 4],
    [
      'an idempotent write that is refused may have been applied before',
      'idempotent-write',
      [lost, failedCondition],
      'outcome-unknown',
    ],
    [
      'an idempotent write passes on its refusal where nothing was lost',
      'idempotent-write',
      [conflict, failedCondition],
      'ConditionalCheckFailedException',
    ],
    ['a write is repeated after what cannot have been applied', 'write', [conflict, refusedConnection, conflict], 4],
    ['a write is not repeated after what may have been applied', 'write', [conflict, lost], 'outcome-unknown'],
  ])('%s', async (_title, repetition, errors, expected) => {
    const { clock } = heldClock(0.5);

    const outcome = await retryOnContention(repetition, failingWith(...errors), clock).catch(
      (error: unknown) => (error as { code?: string }).code ?? (error as Error).name,
    );

    expect(outcome).toBe(expected);
  });

  test.each<[Repetition, () => Error, string]>([
    ['read', conflict, 'try-again-later'],
    ['read', lost, 'database-unavailable'],
    ['read', refusedConnection, 'database-unavailable'],
    ['idempotent-write', conflict, 'try-again-later'],
    ['idempotent-write', lost, 'outcome-unknown'],
    ['idempotent-write', refusedConnection, 'database-unavailable'],
    ['write', conflict, 'try-again-later'],
    ['write', refusedConnection, 'database-unavailable'],
  ])('that does not end, a %s says so at its deadline', async (repetition, error, code) => {
    const { clock } = heldClock(1);

    const given = retryOnContention(repetition, failing(Infinity, error), clock);

    await expect(given).rejects.toMatchObject({ code });
  });

  test('an idempotent write that was lost once is unknown at the deadline, whatever came after', async () => {
    const { clock } = heldClock(1);
    const errors = [lost, ...Array.from({ length: 50 }, () => conflict)];

    const given = retryOnContention('idempotent-write', failingWith(...errors), clock);

    await expect(given).rejects.toMatchObject({
      code: 'outcome-unknown',
      cause: { name: 'TransactionConflictException' },
    });
  });
});

const cancelled = (...codes: string[]): Error =>
  named('TransactionCanceledException', {
    $fault: 'client',
    ...status(400),
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
const response = (name: string, httpStatusCode: number): Error =>
  named(name, { $fault: httpStatusCode < 500 ? 'client' : 'server', ...status(httpStatusCode) });

describe('classification of a failure', () => {
  test.each<[string, unknown, string | undefined]>([
    ['a conflict of transactions', conflict(), 'contention'],
    ['throughput exceeded', response('ProvisionedThroughputExceededException', 400), 'contention'],
    ['throttling', response('ThrottlingException', 400), 'contention'],
    ['too many requests', response('RequestLimitExceeded', 400), 'contention'],
    ['a transaction cancelled by a conflict', cancelled('None', 'TransactionConflict', 'None'), 'contention'],
    ['a transaction cancelled by throttling', cancelled('ThrottlingError', 'None'), 'contention'],
    ['a transaction cancelled by throughput', cancelled('None', 'ProvisionedThroughputExceeded'), 'contention'],
    ['a refused connection', refusedConnection(), 'not-sent'],
    ['a name that is not found', named('Error', { code: 'ENOTFOUND', syscall: 'getaddrinfo' }), 'not-sent'],
    ['an unreachable host', named('Error', { code: 'EHOSTUNREACH', syscall: 'connect' }), 'not-sent'],
    [
      'refused connections to each of several addresses',
      named('AggregateError', { code: 'ECONNREFUSED', errors: [refusedConnection(), refusedConnection()] }),
      'not-sent',
    ],
    ['a lost connection', lost(), 'unconfirmed'],
    ['a host that has become unreachable', named('Error', { code: 'EHOSTUNREACH', syscall: 'read' }), 'unconfirmed'],
    ['a closed connection', named('Error', { code: 'EPIPE', syscall: 'write' }), 'unconfirmed'],
    ['a response that took too long', named('TimeoutError', { code: 'ETIMEDOUT' }), 'unconfirmed'],
    ['the rest of a response that took too long', named('TimeoutError'), 'unconfirmed'],
    ['a response that is no HTTP', named('Error', { code: 'HPE_INVALID_CONSTANT' }), 'unconfirmed'],
    ['a response that is no JSON', named('SyntaxError', status(200)), 'unconfirmed'],
    ['a refusal that is no JSON', named('SyntaxError', status(400)), 'unconfirmed'],
    ['a redirection', response('Unknown', 302), 'unconfirmed'],
    ["the engine's own failure", response('InternalServerError', 500), 'unconfirmed'],
    ['an unknown error with status 503', response('Unknown', 503), 'unconfirmed'],
    ['a transaction with the same token under way', response('TransactionInProgressException', 400), 'unconfirmed'],
    ['a transaction cancelled by a condition', cancelled('ConditionalCheckFailed', 'None'), undefined],
    [
      'a condition that failed beside a conflict',
      cancelled('TransactionConflict', 'ConditionalCheckFailed'),
      undefined,
    ],
    ['a transaction cancelled for its form', cancelled('None', 'ValidationError'), undefined],
    ['a transaction cancelled without reasons', response('TransactionCanceledException', 400), undefined],
    ['another transaction with the same token', response('IdempotentParameterMismatchException', 400), undefined],
    ['a failed condition', failedCondition(), undefined],
    ['a malformed request', response('ValidationException', 400), undefined],
    ['a missing permission', response('AccessDeniedException', 400), undefined],
    ['a mistake of our own', new TypeError('x is not a function'), undefined],
    ['a thrown text', 'TransactionConflictException', undefined],
  ])('%s', (_title, error, failure) => {
    expect(temporaryFailureOf(error)).toBe(failure);
  });

  test("the SDK's timeout of a connection: the request was not sent", async () => {
    const hanging = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(hanging, 'listening');
    const client = new DynamoDBClient({
      endpoint: `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      maxAttempts: 1,
      requestHandler: { connectionTimeout: 100, httpAgent: { maxSockets: 1 } },
    });
    const first = client.send(new ListTablesCommand()).catch(() => undefined); // has the only connection

    const failure = await client.send(new ListTablesCommand()).catch(temporaryFailureOf);

    client.destroy();
    hanging.closeAllConnections();
    hanging.close();
    await first;
    expect(failure).toBe('not-sent');
  });
});
