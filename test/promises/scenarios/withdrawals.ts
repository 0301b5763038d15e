import assert from 'node:assert/strict';
import { admin, memberOf, stranger } from '../image-api.ts';
import { assertAnswered, isWrite, plantDeletion, plantAttributes } from '../world.ts';
import { offerKeyOf, membershipKeyOf, assertUnchanged, ownerAndAdmin, type Scenario } from './scenario.ts';

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
