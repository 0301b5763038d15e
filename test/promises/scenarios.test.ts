import { afterAll, beforeAll, test } from '@jest/globals';
import { allScenarios } from './scenarios/all-scenarios.ts';
import { runScenario, scenarioQuota } from './scenarios/scenario.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld(scenarioQuota);
});
afterAll(() => world.close());

test.each(allScenarios)('$name', (scenario) => runScenario(world, scenario));
