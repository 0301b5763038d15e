import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SQSEvent } from 'aws-lambda';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../../../lambda/dynamodb/dynamodb-image-repository.ts';
import { pendingChangeHandler } from '../../../lambda/events/pending-change-handler.ts';
import { brokenInvariants } from '../../promises/invariants.ts';
import { storedItems } from '../../support/stored-items.ts';
import { complete, completedAfter, type CutOffWorld, type FanOut, fanOuts, openCutOffWorld } from './cut-off.ts';

let world: CutOffWorld;

beforeAll(async () => {
  world = await openCutOffWorld();
});

afterAll(() => world.close());

/** Number of the first call after the start of a pending change, which is a read and a write. */
const firstAfterMark = 3;

test.each(Object.keys(fanOuts) as FanOut[])(
  'a fan-out that is cut off at any of its calls is completed by the consumer: the image is %s',
  async (change) => {
    for (let call = firstAfterMark, isCutOff = true; isCutOff; call += 1) {
      const done = await completedAfter(world, change, 60, call);

      expect(done.outcome).toEqual(complete(change, 60, done.isCutOff));
      isCutOff = done.isCutOff;
    }
    expect(brokenInvariants(await storedItems(world.table))).toEqual([]);
  },
);

test('a fan-out that its request has completed is not repeated', async () => {
  const id = await world.image(3);
  await world.request('hidden', id);
  await world.consumer.drain();
  const before = await storedItems(world.table);

  const incomplete = await world.complete();

  expect(world.consumer.scheduledCompletions).toHaveLength(1);
  expect(incomplete).toBe(0);
  expect(await storedItems(world.table)).toEqual(before);
});

test('a fan-out that its request is still completing is completed by both and published once', async () => {
  const id = await world.image(128);

  const running = world.request('deleted', id);
  while (world.consumer.scheduledCompletions.length === 0) await world.consumer.drain();
  const incomplete = await world.complete();
  const { status } = await running;
  await world.consumer.drain();

  expect([status, incomplete]).toEqual([204, 0]);
  expect(world.consumer.published).toHaveLength(129);
});

test.each([
  ['no JSON', 'hello'],
  ['of no image', '{"image_id": "x", "version": 1}'],
])('a message that is %s fails and is delivered again', async (_what, body) => {
  const images = new DynamoDbImageRepository(connectTable(world.table.tableName), () => new Date());
  const event = { Records: [{ messageId: 'one', body }] } as SQSEvent;

  const result = await pendingChangeHandler(images, () => undefined)(event, { getRemainingTimeInMillis: () => 9000 });

  expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: 'one' }] });
});
