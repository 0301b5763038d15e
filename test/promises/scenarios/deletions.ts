import assert from 'node:assert/strict';
import { admin, memberOf, owner } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt, plantAttributes } from '../world.ts';
import { imageRecordKey, assertUnchanged, becomingPrivate, type Scenario } from './scenario.ts';

/** Scenarios of deletions of an image. */
export const deletionScenarios: readonly Scenario[] = [
  ...(
    [
      ['an image without members', {}],
      ['an image with members', { beta: 'accepted', gamma: 'pending' }],
    ] as const
  ).flatMap(([what, members]): Scenario[] => [
    {
      name: `after its deletion no response shows ${what}`,
      run: async (world, api) => {
        const id = await api.share(members);
        assertAnswered(await api.remove(id, memberOf('beta')), 'beta' in members ? 403 : 404);
        assertAnswered(await api.remove(id, 'alpha:reader'), 403);

        assertAnswered(await api.remove(id), 204);
        await assertUnchanged(world, async () => {
          assertAnswered(await api.remove(id), 404);
          assertAnswered(await api.offer(id, 'delta', admin), 404);
          assertAnswered(await api.answer(id, 'beta', 'rejected'), 404);
          assertAnswered(await api.withdraw(id, 'beta', admin), 404);
          assertAnswered(await api.patch(id, { name: 'again' }, admin), 404);
        });
        assert.deepEqual(await api.list(memberOf('beta'), '?member_status=all'), []);
        assert.deepEqual(await api.list(owner), []);
      },
    },
    {
      name: `the deletion of ${what} in flight when it is protected is refused`,
      run: async (world, api) => {
        const id = await api.share(members);
        const deletion = await world.hold(isWrite, () => api.remove(id));
        assertAnswered(await api.patch(id, { protected: true }), 200);

        await assertUnchanged(world, async () => assertAnswered(await deletion.release(), 403));
      },
    },
    {
      name: `the deletion of ${what} in flight is applied after a pending change that was recorded meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const deletion = await world.hold(isWrite, () => api.remove(id));
        // The pending change also protects the image, so that a deletion that ignores it is detected.
        const { record: unprotected } = (await itemAt(world.table, imageRecordKey(id)))!;
        await plantAttributes(world.table, imageRecordKey(id), {
          pending_change: becomingPrivate,
          record: JSON.stringify({ ...(JSON.parse(unprotected) as object), protected: true }),
        });

        assertAnswered(await deletion.release(), 403);
        assertAnswered(await api.patch(id, { name: 'changed' }), 200);
        assert.equal((await api.show(id)).body.visibility, 'private');
      },
    },
    {
      name: `the deletion of ${what} in flight ends a membership that was created meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const deletion = await world.hold(isWrite, () => api.remove(id));
        assertAnswered(await api.offer(id, 'delta'), 200);

        assertAnswered(await deletion.release(), 204);
        assertAnswered(await api.answer(id, 'delta', 'accepted'), 404);
        assertAnswered(await api.answer(id, 'delta', 'accepted', admin), 404);
      },
    },
  ]),
];
