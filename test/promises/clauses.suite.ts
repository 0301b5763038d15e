/**
 * Proves that each clause of each condition is required: without the clause at least one scenario fails. The clauses are
 * removed from the requests between the service and the engine.
 */
import { afterAll, expect, test } from '@jest/globals';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { clausesOf, withoutClause, type Clause } from './clauses.ts';
import { allScenarios } from './scenarios/all-scenarios.ts';
import { runScenario, scenarioQuota, type Scenario } from './scenarios/scenario.ts';
import { startWorld } from './world.ts';

/** A second proxy, behind the proxy of the scenarios, that removes the clauses. */
let innerProxy: EngineProxy | undefined;
const world = await startWorld(scenarioQuota, async (engine) => {
  innerProxy = await startEngineProxy(engine);
  return innerProxy.endpoint;
});
const beyond = innerProxy!;
const close = async (): Promise<void> => {
  await world.close();
  await beyond.stop();
};
afterAll(close);

/**
 * Every clause in the requests of the scenarios, with the scenarios in which its condition failed. Other scenarios cannot
 * detect that the clause is missing.
 */
const found = new Map<string, { readonly clause: Clause; readonly candidates: Set<Scenario> }>();
for (const scenario of allScenarios) {
  const { calls } = await beyond
    .record(() => runScenario(world, scenario))
    .catch(async (error: unknown) => {
      await close(); // otherwise the open servers keep the test run from ending
      throw new Error(`The scenario "${scenario.name}" fails with every clause.`, { cause: error });
    });
  for (const call of calls) {
    for (const clause of clausesOf(call)) {
      const name = JSON.stringify(clause);
      const seen = found.get(name) ?? { clause, candidates: new Set() };
      found.set(name, seen);
      if (call.status !== 200) seen.candidates.add(scenario);
    }
  }
}
progress(`${found.size} clauses in the requests of ${allScenarios.length} scenarios`);

const cases = [...found.values()].map(({ clause, candidates }) => ({
  clause,
  candidates,
  title: `${clause.clause}   of   ${shortened(clause.write)}`,
}));

test('the scenarios make writes with conditions, and every kind of write has a title of its own', () => {
  expect(cases.length).toBeGreaterThan(40);
  expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
});

test.each(cases)('a scenario fails without this clause: $title', async ({ clause, candidates, title }) => {
  const malformed: string[] = [];
  let removed = 0;
  beyond.intercept((call) => {
    const request = withoutClause(call, clause);
    removed += request === undefined ? 0 : 1;
    return request && { request };
  });

  const detectedBy = await firstToFail(candidates, () => {
    malformed.push(...beyond.calls.flatMap(({ response }) => complaints(response)));
  });
  beyond.intercept(undefined);

  progress(`${detectedBy === undefined ? 'NOT DETECTED' : `detected by "${detectedBy.name}"`}: ${title}`);
  expect(malformed).toEqual([]); // otherwise the engine refused the request
  expect({ isRemoved: removed > 0, detectedBy: detectedBy?.name }).toEqual({
    isRemoved: true,
    detectedBy: expect.any(String),
  });
});

/** Returns the first scenario that fails. */
async function firstToFail(candidates: Iterable<Scenario>, afterEach: () => void): Promise<Scenario | undefined> {
  for (const scenario of candidates) {
    const { result: failed } = await beyond.record(() =>
      runScenario(world, scenario).then(
        () => false,
        () => true,
      ),
    );
    afterEach();
    if (failed) return scenario;
  }
  return undefined;
}

/** Returns the error of the engine for a request that became invalid. */
function complaints(response: unknown): readonly string[] {
  const message = JSON.stringify(response);
  return /unused in expressions|ExpressionAttribute(Names|Values)/.test(message) ? [message] : [];
}

/** Shortens the update expression in the kind of a write. */
function shortened(write: string): string {
  return write.replaceAll(/SET (.{30})((?! REMOVE | ADD | IF ).)*/g, 'SET $1…');
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
