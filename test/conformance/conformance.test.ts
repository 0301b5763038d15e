import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalServer } from '../support/local-server.ts';
import { startLocalServer } from '../support/local-server.ts';
import type { Case } from './player.ts';
import { caseTitle, playCase } from './player.ts';
import { casesThatNeedImageData, playedCases, suite } from './recorded-cases.ts';

const needsImageData = (recorded: Case): boolean =>
  recorded.group === 'image-data' ||
  recorded.steps.some(
    (step) =>
      'request' in step &&
      ((step.request.method === 'PUT' && step.request.path.endsWith('/file')) ||
        (step.request.method === 'POST' && step.request.path.includes('/actions/'))),
  );

/** Number of parallel cases, so that pauses of a case do not delay the others. */
const parallelCases = 8;

// BASE_URL selects a running server. Without it, the test starts a local server with data of its own.
describe('the recorded sequences', () => {
  const results = new Map<string, string[]>();
  let server: LocalServer | undefined;

  beforeAll(async () => {
    const base = process.env['BASE_URL'] ?? (server = await startLocalServer()).base;
    const waiting = playedCases.values();
    const playWaiting = async () => {
      for (const recorded of waiting) results.set(caseTitle(recorded), await playCase(recorded, suite.callers, base));
    };
    await Promise.all(Array.from({ length: parallelCases }, playWaiting));
  }, 300_000);

  afterAll(() => server?.stop(), 20_000);

  test('only the cases that require image data are excluded', () => {
    expect(suite.cases.filter(needsImageData).map(caseTitle)).toEqual(casesThatNeedImageData);
  });

  test('every case has a title of its own', () => {
    expect(new Set(suite.cases.map(caseTitle)).size).toBe(suite.cases.length);
  });

  for (const recorded of playedCases) {
    test(caseTitle(recorded), () => {
      expect(results.get(caseTitle(recorded))).toEqual([]);
    });
  }
});
