import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { complete, completedAfter, type CutOffWorld, type FanOut, fanOuts, openCutOffWorld } from './cut-off.ts';

let world: CutOffWorld;

beforeAll(async () => {
  world = await openCutOffWorld();
});

afterAll(() => world.close());

test.each(Object.keys(fanOuts) as FanOut[])(
  'a fan-out over 128 members that is cut off at any of its calls is completed by the consumer: the image is %s',
  async (change) => {
    for (let call = 3, isCutOff = true; isCutOff; call += 1) {
      const done = await completedAfter(world, change, 128, call);

      expect(done.outcome).toEqual(complete(change, 128, done.isCutOff));
      isCutOff = done.isCutOff;
    }
  },
  600_000,
);

test.each([3, 9, 16])(
  'a deletion of an image with 1,000 members that is cut off at its call %i is completed by the consumer',
  async (call) => {
    const done = await completedAfter(world, 'deleted', 1000, call);

    expect(done.isCutOff).toBe(true);
    expect(done.outcome).toEqual(complete('deleted', 1000, true));
  },
  600_000,
);
