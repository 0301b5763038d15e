import { afterAll, beforeAll, test } from '@jest/globals';
import { runScenario, scenarioQuota, scenarios } from './scenarios.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld(scenarioQuota);
});
afterAll(() => world.close());

test.each(scenarios)('$name', (scenario) => runScenario(world, scenario));
