import { afterAll, beforeAll, test } from '@jest/globals';
import { type CommandWorld, openCommandWorld } from './command-world.ts';
import { storm } from './command-storm.ts';

let world: CommandWorld;

beforeAll(async () => {
  world = await openCommandWorld();
});

afterAll(() => world.close());

test('a thousand commands, of which some are poison and some come twice, on an engine that throttles', async () => {
  await storm(world, 1000);
}, 600_000);
