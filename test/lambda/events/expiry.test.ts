import { expect, test } from '@jest/globals';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import { expiryHandler } from '../../../lambda/events/expiry-handler.ts';
import type { ExpiryReport } from '../../../lambda/use-cases/sharing/expire-memberships.ts';

const imageId = '11111111-1111-4111-8111-111111111111' as ImageId;
const report: ExpiryReport = {
  expired: 3,
  skipped: 1,
  failed: 0,
  unread: 0,
  isComplete: true,
  oldestOverdueSeconds: 0,
  failures: [],
};

/** Runs the handler with a use case that returns this report. Returns its log lines and its error. */
async function run(changes: Partial<ExpiryReport> = {}) {
  const logged: Record<string, unknown>[] = [];
  let deadline = NaN;
  const handler = expiryHandler(
    (request) => {
      deadline = request.deadline.getTime();
      return Promise.resolve({ ...report, ...changes });
    },
    (line) => void logged.push(line),
  );
  const startedAt = Date.now();
  const error = await handler({}, { getRemainingTimeInMillis: () => 55_000 }).catch(String);
  return { logged, error, startedAt, deadline, endedAt: Date.now() };
}

test('a run is one line with its counts and metrics', async () => {
  const { logged, error } = await run();

  expect(error).toBeUndefined();
  expect(logged).toEqual([
    {
      level: 'info',
      message: 'expiry',
      expired: 3,
      skipped: 1,
      failed: 0,
      unread: 0,
      isComplete: true,
      milliseconds: expect.any(Number),
      ReadUnits: 0,
      WriteUnits: 0,
      operation: 'expire-memberships',
      ExpiredMemberships: 3,
      FailedExpiries: 0,
      OverdueSeconds: 0,
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          {
            Namespace: 'ImageSharing',
            Dimensions: [['stack', 'operation']],
            Metrics: [
              { Name: 'ExpiredMemberships', Unit: 'Count' },
              { Name: 'FailedExpiries', Unit: 'Count' },
              { Name: 'OverdueSeconds', Unit: 'Seconds' },
            ],
          },
        ],
      },
    },
  ]);
});

test('a run with failures is an error in the log, with the memberships and causes, and the function succeeds', async () => {
  const memberId = 'beta' as ProjectId;
  const { logged, error } = await run({
    failed: 2,
    oldestOverdueSeconds: 901,
    failures: [
      { membership: { imageId, memberId, endedAtSeconds: 1 }, cause: new Error('malformed') },
      { membership: { malformedKey: 'x / y', endedAtSeconds: 1 }, cause: new Error('The key x / y is malformed.') },
    ],
  });

  expect(error).toBeUndefined();
  expect(logged).toMatchObject([
    {
      level: 'error',
      FailedExpiries: 2,
      OverdueSeconds: 901,
      failures: [
        { image: imageId, member: 'beta', cause: 'Error: malformed' },
        { cause: 'Error: The key x / y is malformed.' },
      ],
    },
  ]);
});

test('a run that the deadline ends is a warning', async () => {
  expect((await run({ isComplete: false })).logged).toMatchObject([{ level: 'warn', isComplete: false }]);
});

test('the function fails if a part could not be read, after its log line', async () => {
  const { logged, error } = await run({ unread: 2, failures: [{ membership: undefined, cause: new Error('denied') }] });

  expect(error).toBe('Error: 2 parts of the overdue memberships could not be read.');
  expect(logged).toMatchObject([{ level: 'error', unread: 2, failures: [{ cause: 'Error: denied' }] }]);
});

test('a run has the time of the function minus the time for its report', async () => {
  const { startedAt, deadline, endedAt } = await run();

  expect(deadline).toBeGreaterThanOrEqual(startedAt + 50_000);
  expect(deadline).toBeLessThanOrEqual(endedAt + 50_000);
});
