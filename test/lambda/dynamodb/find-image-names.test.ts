import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ProjectId } from '../../../lambda/domain/ids.ts';
import { findImageNames } from '../../../lambda/dynamodb/find-image-names.ts';
import { imageKey, membershipKey } from '../../../lambda/dynamodb/keys.ts';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { itemAt, plantAttributes, startWorld, type World } from '../../promises/world.ts';
import { seedImage } from '../../support/seed.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld(-1);
});
afterAll(() => world.close());

test('a membership that ends before any call of the read gets no name', async () => {
  const names: (readonly [number, unknown])[] = [];
  for (let call = 1; call <= 3; call += 1) {
    const memberId = 'beta' as ProjectId;
    const { id: imageId } = await seedImage(world.table, {
      owner: 'alpha',
      members: [{ project: memberId, status: 'pending' }],
    });
    const membershipId = String((await itemAt(world.table, membershipKey(memberId, imageId)))?.['membership_id']);
    let calls = 0;
    world.proxy.intercept(async () => {
      calls += 1;
      if (calls !== call) return undefined;
      await plantAttributes(world.table, membershipKey(memberId, imageId), { status: undefined });
      await plantAttributes(world.table, imageKey(imageId), { record: JSON.stringify({ name: 'secret' }) });
      return undefined;
    });

    const found = await findImageNames(connectTable(world.table.tableName), () => new Date(), [
      { imageId, memberId, membershipId },
    ]);

    world.proxy.intercept(undefined);
    names.push([call, found.get(membershipId)]);
  }
  // There is no third call: the name was read while the project was a member.
  expect(names).toEqual([
    [1, undefined],
    [2, undefined],
    [3, null],
  ]);
});
