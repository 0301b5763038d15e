import assert from 'node:assert/strict';
import { admin, memberOf, owner, stranger } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt, plantAttributes, plantDeletion, plantItems } from '../world.ts';
import {
  assertUnchanged,
  imageRecordKey,
  membershipKeyOf,
  offerKeyOf,
  ownerAndAdmin,
  sequenceOf,
  type Scenario,
} from './scenario.ts';

/** Scenarios of withdrawals: DELETE of a member. */
export const withdrawalScenarios: readonly Scenario[] = [
  ...ownerAndAdmin.flatMap(([who, caller]): Scenario[] => [
    {
      name: `after a withdrawal by ${who} no response shows the membership`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });

        assertAnswered(await api.withdraw(id, 'beta', caller), 204);
        await assertUnchanged(world, async () => {
          assertAnswered(await api.withdraw(id, 'beta', caller), 404);
          assertAnswered(await api.answer(id, 'beta', 'accepted'), 404);
          assertAnswered(await api.answer(id, 'beta', 'accepted', admin), 404);
        });
        assert.deepEqual(await api.members(id), { gamma: 'pending' });
        assertAnswered(await api.show(id, memberOf('beta')), 404);
        assertAnswered(await api.showMember(id, 'beta'), 404);
        assert.deepEqual(await api.list(memberOf('beta'), '?member_status=all'), []);
      },
    },
    {
      name: `a withdrawal by ${who} in flight during another withdrawal is applied once`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        const withdrawal = await world.hold(isWrite, () => api.withdraw(id, 'beta', caller));
        assertAnswered(await api.withdraw(id, 'beta'), 204);

        await assertUnchanged(world, async () => assertAnswered(await withdrawal.release(), 404));
      },
    },
    {
      name: `a withdrawal by ${who} whose write loses its response is applied once`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        world.loseNextResponse(isWrite);

        assertAnswered(await api.withdraw(id, 'beta', caller), 204);
        assert.deepEqual(await api.members(id), { gamma: 'pending' });
      },
    },
    {
      name: `a withdrawal by ${who} is refused if the image is not shared`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const withdrawal = await world.hold(isWrite, () => api.withdraw(id, 'beta', caller));
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

        await assertUnchanged(world, async () => {
          assertAnswered(await withdrawal.release(), 403);
          assertAnswered(await api.withdraw(id, 'beta', caller), 403);
        });
      },
    },
    {
      name: `a withdrawal by ${who} of a membership without an offer is not partly written`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        await plantDeletion(world.table, offerKeyOf(id, 'beta'));

        await assertUnchanged(world, async () => assertAnswered(await api.withdraw(id, 'beta', caller), 503));
      },
    },
    {
      name: `a withdrawal by ${who} of an offer without a membership is not partly written`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        await plantAttributes(world.table, membershipKeyOf(id, 'beta'), { status: undefined });

        await assertUnchanged(world, async () => assertAnswered(await api.withdraw(id, 'beta', caller), 404));
      },
    },
  ]),
  {
    name: 'only the owner and an admin can withdraw, not the member itself',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });

      await assertUnchanged(world, async () => {
        assertAnswered(await api.withdraw(id, 'beta', 'alpha:reader'), 403);
        assertAnswered(await api.withdraw(id, 'beta', memberOf('beta')), 403);
        assertAnswered(await api.withdraw(id, 'beta', memberOf('gamma')), 404);
        assertAnswered(await api.withdraw(id, 'beta', stranger), 404);
      });
    },
  },
  {
    name: 'a withdrawal in flight when the owner changes is refused',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const withdrawal = await world.hold(isWrite, () => api.withdraw(id, 'beta'));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      await assertUnchanged(world, async () => assertAnswered(await withdrawal.release(), 404));
    },
  },
];

/** Scenarios of members that leave: DELETE of a membership. */
export const leavingScenarios: readonly Scenario[] = [
  {
    name: 'after a member has left no response shows its membership, and it leaves once',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });

      assertAnswered(await api.leave(id, 'beta'), 204);
      await assertUnchanged(world, async () => {
        assertAnswered(await api.leave(id, 'beta'), 404);
        assertAnswered(await api.answer(id, 'beta', 'accepted'), 404);
        assertAnswered(await api.answer(id, 'beta', 'accepted', admin), 404);
        assertAnswered(await api.withdraw(id, 'beta'), 404);
      });
      assert.deepEqual(await api.members(id), { gamma: 'pending' });
      assertAnswered(await api.show(id, memberOf('beta')), 404);
      assertAnswered(await api.showMember(id, 'beta'), 404);
      assert.deepEqual(await api.list(memberOf('beta'), '?member_status=all'), []);
    },
  },
  {
    name: 'only a member with the role member leaves, and an admin leaves for no other project',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });

      await assertUnchanged(world, async () => {
        assertAnswered(await api.leave(id, 'beta', 'beta:reader'), 403);
        assertAnswered(await api.leave(id, 'beta', 'beta:guest'), 404);
        assertAnswered(await api.leave(id, 'beta', owner), 404);
        assertAnswered(await api.leave(id, 'beta', admin), 404);
        assertAnswered(await api.leave(id, 'beta', stranger), 404);
      });
    },
  },
  ...(['private', 'community'] as const).map((visibility): Scenario => ({
    name: `a member leaves an image that is now ${visibility}, for good`,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      assertAnswered(await api.patch(id, { visibility }), 200);

      assertAnswered(await api.leave(id, 'beta'), 204);
      await assertUnchanged(world, async () => assertAnswered(await api.leave(id, 'beta'), 404));
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      assert.deepEqual(await api.members(id), { gamma: 'pending' });
    },
  })),
  {
    name: 'an answer in flight does not restore the membership of a project that has left',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const answer = await world.hold(isWrite, () => api.answer(id, 'beta', 'accepted'));
      assertAnswered(await api.leave(id, 'beta'), 204);

      await assertUnchanged(world, async () => assertAnswered(await answer.release(), 404));
    },
  },
  {
    name: 'a leaving in flight during a withdrawal is applied once',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      const leaving = await world.hold(isWrite, () => api.leave(id, 'beta'));
      assertAnswered(await api.withdraw(id, 'beta'), 204);

      await assertUnchanged(world, async () => assertAnswered(await leaving.release(), 404));
    },
  },
  {
    name: 'a leaving whose write loses its response is applied once',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      const before = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      world.loseNextResponse(isWrite);

      assertAnswered(await api.leave(id, 'beta'), 204);
      assert.deepEqual(await api.members(id), { gamma: 'pending' });
      assert.equal(sequenceOf(await itemAt(world.table, membershipKeyOf(id, 'beta'))), sequenceOf(before) + 1);
    },
  },
  {
    name: 'a leaving in flight when the image is deleted is not applied',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(isWrite, () => api.leave(id, 'beta'));
      assertAnswered(await api.remove(id), 204);

      await assertUnchanged(world, async () => assertAnswered(await leaving.release(), 404));
    },
  },
  {
    name: 'a leaving of a membership without an offer is not partly written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      await plantDeletion(world.table, offerKeyOf(id, 'beta'));

      await assertUnchanged(world, async () => assertAnswered(await api.leave(id, 'beta'), 503));
    },
  },
  {
    name: 'a leaving of an offer without a membership is not partly written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      await plantAttributes(world.table, membershipKeyOf(id, 'beta'), { status: undefined });

      await assertUnchanged(world, async () => assertAnswered(await api.leave(id, 'beta'), 404));
    },
  },
  {
    name: 'a leaving does not change the tombstone of an image whose items remain',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const tombstone = { format: 1, id, version: 2, deleted_at: '2026-01-01T00:00:00Z' };
      await plantItems(world.table, [{ ...imageRecordKey(id), ...tombstone }]);

      await assertUnchanged(world, async () => assertAnswered(await api.leave(id, 'beta'), 404));
    },
  },
];
