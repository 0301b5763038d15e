import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalServer } from '../support/local-server.ts';
import { startLocalServer } from '../support/local-server.ts';
import type { Case, Suite } from './player.ts';
import { caseTitle, playCase } from './player.ts';

const suite = JSON.parse(readFileSync(join(import.meta.dirname, 'cases.json'), 'utf8')) as Suite;

/** Cases that are not played: the service does not store image data, so no image becomes active or deactivated. */
const casesThatNeedImageData = [
  'put-target/deactivated image',
  'create-state/active image',
  'create-state/deactivated image',
  'image-data/member downloads while accepted',
  'image-data/stranger downloads',
  'image-data/queued image has no data',
];

const needsImageData = (recorded: Case): boolean =>
  recorded.group === 'image-data' ||
  recorded.steps.some(
    (step) =>
      'request' in step &&
      ((step.request.method === 'PUT' && step.request.path.endsWith('/file')) ||
        (step.request.method === 'POST' && step.request.path.includes('/actions/'))),
  );

const played = suite.cases.filter((recorded) => !casesThatNeedImageData.includes(caseTitle(recorded)));

/** Number of parallel cases, so that pauses of a case do not delay the others. */
const parallelCases = 8;

// BASE_URL selects a running server. Without it, the test starts a local server with data of its own.
describe('the recorded sequences', () => {
  const results = new Map<string, string[]>();
  let server: LocalServer | undefined;

  beforeAll(async () => {
    const base = process.env['BASE_URL'] ?? (server = await startLocalServer()).base;
    const waiting = played.values();
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

  for (const recorded of played) {
    test(caseTitle(recorded), () => {
      expect(results.get(caseTitle(recorded))).toEqual([]);
    });
  }
});
