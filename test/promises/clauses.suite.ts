/**
 * That each clause of each condition is needed: the promises are proved again with one clause after another taken out of
 * the requests on their way to the engine, and some scenario has to notice each time.
 */
import { afterAll, expect, test } from '@jest/globals';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.ts';
import { clausesOf, withoutClause, type Clause } from './clauses.ts';
import { allScenarios } from './scenarios/all-scenarios.ts';
import { runScenario, scenarioQuota, type Scenario } from './scenarios/scenario.ts';
import { startWorld } from './world.ts';

/** A second wire, beyond the one that scenarios interfere with, on which the clauses go. */
let wire: EngineProxy | undefined;
const world = await startWorld(scenarioQuota, async (engine) => {
  wire = await startEngineProxy(engine);
  return wire.endpoint;
});
const beyond = wire!;
afterAll(async () => {
  await world.close();
  await beyond.stop();
});

/**
 * Every clause that the scenarios' requests have, with those scenarios in which a condition that it is part of failed:
 * no other can notice that it is gone.
 */
const found = new Map<string, { readonly clause: Clause; readonly candidates: Set<Scenario> }>();
for (const scenario of allScenarios) {
  const { calls } = await beyond.record(() => runScenario(world, scenario));
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

test('the scenarios make writes with conditions, and every kind of them is told from the others', () => {
  expect(cases.length).toBeGreaterThan(40);
  expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
});

test.each(cases)('it is noticed when this clause goes: $title', async ({ clause, candidates, title }) => {
  const malformed: string[] = [];
  let taken = 0;
  beyond.intercept((call) => {
    const request = withoutClause(call, clause);
    taken += request === undefined ? 0 : 1;
    return request && { request };
  });

  const noticedBy = await firstToFail(candidates, () => {
    malformed.push(...beyond.calls.flatMap(({ response }) => complaints(response)));
  });
  beyond.intercept(undefined);

  progress(`${noticedBy === undefined ? 'NOT NOTICED' : `noticed by "${noticedBy.name}"`}: ${title}`);
  expect(malformed).toEqual([]); // else the engine has noticed, and not the scenario
  expect({ isTaken: taken > 0, noticedBy: noticedBy?.name }).toEqual({ isTaken: true, noticedBy: expect.any(String) });
});

/** The first of some scenarios that fails. */
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

/** What the engine says of a request that was taken apart wrongly. */
function complaints(response: unknown): readonly string[] {
  const message = JSON.stringify(response);
  return /unused in expressions|ExpressionAttribute(Names|Values)/.test(message) ? [message] : [];
}

/** A write's name without most of what it sets. */
function shortened(write: string): string {
  return write.replaceAll(/SET (.{30})((?! REMOVE | ADD | IF ).)*/g, 'SET $1…');
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
