import { describe, expect, test } from '@jest/globals';
import { connectionProblem, problemOf, type Fault, type ProblemKind } from '../../../console/api/problem.ts';

const kindOf = (fault: Fault, isWrite: boolean): ProblemKind => problemOf(fault, isWrite).kind;

describe('the problem of an error response', () => {
  test.each<[string, Fault, ProblemKind, ProblemKind]>([
    ['a refused token', { status: 401, error: 'not-authenticated' }, 'signed-out', 'signed-out'],
    ['a refused role', { status: 403, error: 'not-permitted' }, 'not-permitted', 'not-permitted'],
    ['a private image', { status: 403, error: 'image-not-shared' }, 'refused', 'refused'],
    ['a withdrawn offer', { status: 404, error: 'image-not-found' }, 'missing', 'missing'],
    ['throttling by the gateway', { status: 429 }, 'temporary', 'temporary'],
    ['an unavailable database', { status: 503, error: 'database-unavailable' }, 'temporary', 'temporary'],
    ['an entry that was not started', { status: 503, error: 'not-started' }, 'temporary', 'temporary'],
    ['an unknown outcome', { status: 503, error: 'outcome-unknown' }, 'temporary', 'outcome-unknown'],
    ['a 503 of the gateway', { status: 503 }, 'temporary', 'outcome-unknown'],
    ['a 503 of a proxy', { status: 503, error: 'upstream reset' }, 'temporary', 'outcome-unknown'],
    ['an internal error', { status: 500, error: 'internal-error' }, 'temporary', 'outcome-unknown'],
    ['an invalid request', { status: 400, error: 'invalid-request' }, 'refused', 'refused'],
    ['a full quota', { status: 413, error: 'member-quota-exceeded' }, 'refused', 'refused'],
  ])('%s', (_title, fault, read, write) => {
    expect(kindOf(fault, false)).toBe(read);
    expect(kindOf(fault, true)).toBe(write);
  });

  test('repeats the message of the service if the service refused the request', () => {
    expect(problemOf({ status: 409, error: 'member-exists', message: 'Project beta is a member.' }, true).message).toBe(
      'Project beta is a member.',
    );
  });

  test('says that nothing was changed only if this is known', () => {
    const messageOf = (fault: Fault) => problemOf(fault, true).message;
    expect(messageOf({ status: 429 })).toContain('Nothing was changed.');
    expect(messageOf({ status: 503, error: 'try-again-later' })).toContain('Nothing was changed.');
    expect(messageOf({ status: 403, error: 'not-permitted', message: 'This requires the role member.' })).toBe(
      'This requires the role member. Nothing was changed. Sign in with a role that permits it.',
    );
    expect(messageOf({ status: 503, error: 'outcome-unknown' })).toContain('may or may not have been made');
    expect(messageOf({ status: 502 })).toContain('may or may not have been made');
    expect(problemOf({ status: 429 }, false).message).not.toContain('changed');
  });

  test('names the pause of the service and, after an internal error, the request', () => {
    const unavailable = { status: 503, error: 'identity-unavailable', retryAfter: '5', requestId: 'req-1' };
    expect(problemOf(unavailable, false).message).toBe('The service is temporarily unavailable. Try again in 5 s.');
    expect(problemOf({ status: 500, error: 'internal-error', requestId: 'req-1' }, false).message).toContain('req-1');
    expect(problemOf({ status: 500, error: 'internal-error', requestId: 'req-1' }, true).message).toContain('req-1');
  });
});

test('a write without a response has an unknown outcome, a reading can be repeated', () => {
  expect(connectionProblem(true).kind).toBe('outcome-unknown');
  expect(connectionProblem(false).kind).toBe('temporary');
});
