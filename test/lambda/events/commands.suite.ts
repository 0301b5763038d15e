import { afterAll, beforeAll, test } from '@jest/globals';
import { type CommandWorld, openCommandWorld } from './command-world.ts';
import { storm } from './command-storm.ts';

let world: CommandWorld;

beforeAll(async () => {
  world = await openCommandWorld();
});

afterAll(() => world.close());

test('a throttled engine executes 1,000 valid, invalid and duplicate commands correctly', async () => {
  await storm(world, 1000);
}, 600_000);
