import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalServer } from '../support/local-server.ts';
import { startLocalServer } from '../support/local-server.ts';
import { caseTitle, playCase } from './player.ts';
import { playedCases, suite, uploadsData } from './recorded-cases.ts';
import { serveData, type DataServer } from './serve-data.ts';

/** Number of parallel cases, so that pauses of a case do not delay the others. */
const parallelCases = 8;

// BASE_URL selects a running server. Without it, the test starts a local server with data of its own.
describe('the recorded sequences', () => {
  const results = new Map<string, string[]>();
  let server: LocalServer | undefined;
  let data: DataServer;

  beforeAll(async () => {
    const base = process.env['BASE_URL'] ?? (server = await startLocalServer()).base;
    const { urlOf: urlOfData } = (data = await serveData());
    const waiting = playedCases.values();
    const playWaiting = async () => {
      for (const recorded of waiting)
        results.set(caseTitle(recorded), await playCase(recorded, suite.callers, base, { urlOfData }));
    };
    await Promise.all(Array.from({ length: parallelCases }, playWaiting));
  }, 300_000);

  afterAll(async () => {
    data.stop();
    await server?.stop();
  }, 20_000);

  test('the cases that upload data are played with an import', () => {
    expect(playedCases.filter(uploadsData).map(caseTitle)).toEqual([
      'put-target/deactivated image',
      'create-state/active image',
      'create-state/deactivated image',
      'image-data/member downloads while accepted',
      'image-data/stranger downloads',
    ]);
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
