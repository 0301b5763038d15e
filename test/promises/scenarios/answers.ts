import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { admin, memberOf, owner, stranger } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt } from '../world.ts';
import { sequenceOf, membershipKeyOf, assertUnchanged, memberAndAdmin, type Scenario } from './scenario.ts';

/** Scenarios of answers: PUT of a member. */
export const answerScenarios: readonly Scenario[] = [
  {
    name: 'every list of the member is up to date as soon as its answer is acknowledged',
    run: async (_world, api) => {
      const id = await api.share({ beta: 'pending' });
      const lists = async () => ({
        byDefault: await api.list(memberOf('beta')),
        shared: await api.list(memberOf('beta'), '?visibility=shared'),
        accepted: await api.list(memberOf('beta'), '?member_status=accepted'),
        pending: await api.list(memberOf('beta'), '?member_status=pending'),
        rejected: await api.list(memberOf('beta'), '?member_status=rejected'),
        all: await api.list(memberOf('beta'), '?member_status=all'),
      });

      for (const status of ['accepted', 'rejected', 'pending', 'rejected', 'accepted', 'pending'] as const) {
        const { body } = assertAnswered(await api.answer(id, 'beta', status), 200);

        const shown = (listed: boolean) => (listed ? [id] : []);
        const accepted = shown(status === 'accepted');
        assert.equal(body.status, status);
        assert.deepEqual(await api.members(id), { beta: status });
        assert.deepEqual(await lists(), {
          byDefault: accepted,
          shared: accepted,
          accepted,
          pending: shown(status === 'pending'),
          rejected: shown(status === 'rejected'),
          all: [id],
        });
      }
    },
  },
  {
    name: 'only the member, with the role member, and an admin can answer',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending', gamma: 'accepted' });

      await assertUnchanged(world, async () => {
        assertAnswered(await api.answer(id, 'beta', 'accepted', owner), 403);
        assertAnswered(await api.answer(id, 'beta', 'accepted', 'alpha:reader'), 403);
        assertAnswered(await api.answer(id, 'beta', 'accepted', 'beta:reader'), 403);
        assertAnswered(await api.answer(id, 'beta', 'accepted', memberOf('gamma')), 404);
        assertAnswered(await api.answer(id, 'beta', 'accepted', stranger), 404);
      });
    },
  },
  {
    name: 'a project without an offer cannot accept the image',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });

      await assertUnchanged(world, async () => {
        assertAnswered(await api.answer(id, 'sigma', 'accepted'), 404);
        assertAnswered(await api.answer(id, 'sigma', 'accepted', admin), 404);
        assertAnswered(await api.answer(randomUUID(), 'sigma', 'accepted'), 404);
        assertAnswered(await api.answer(randomUUID(), 'sigma', 'accepted', admin), 404);
      });
    },
  },
  ...memberAndAdmin.flatMap(([who, caller]): Scenario[] => [
    {
      name: `an answer of ${who} in flight does not restore a withdrawn membership`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answer = await world.hold(isWrite, () => api.answer(id, 'beta', 'accepted', caller));
        assertAnswered(await api.withdraw(id, 'beta'), 204);

        await assertUnchanged(world, async () => {
          assertAnswered(await answer.release(), 404);
          assertAnswered(await api.answer(id, 'beta', 'rejected', caller), 404);
        });
        assert.deepEqual(await api.members(id), {});
      },
    },
    {
      name: `an answer of ${who} whose response was lost is not repeated on a withdrawn membership`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answered = await world.holdAfterLostResponse(() => api.answer(id, 'beta', 'accepted', caller));
        assert.deepEqual(await api.members(id), { beta: 'accepted' });
        assertAnswered(await api.withdraw(id, 'beta'), 204);

        await assertUnchanged(world, async () => assertAnswered(await answered.release(), 200));
      },
    },
    {
      name: `an answer of ${who} in flight when the image is deleted is not applied`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answer = await world.hold(isWrite, () => api.answer(id, 'beta', 'accepted', caller));
        assertAnswered(await api.remove(id), 204);

        await assertUnchanged(world, async () => assertAnswered(await answer.release(), 404));
      },
    },
    {
      name: `an answer of ${who} in flight when the image stops being shared is refused`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answer = await world.hold(isWrite, () => api.answer(id, 'beta', 'accepted', caller));
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

        await assertUnchanged(world, async () => {
          assertAnswered(await answer.release(), caller === admin ? 403 : 404);
        });
        assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
        assert.deepEqual(await api.members(id), { beta: 'pending' });
      },
    },
    {
      name: `the same answer of ${who} again writes nothing`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });

        await assertUnchanged(world, async () => {
          const { body } = assertAnswered(await api.answer(id, 'beta', 'accepted', caller), 200);
          assert.equal(body.status, 'accepted');
        });
      },
    },
    {
      name: `the same answer of ${who} again is refused if the image is not shared`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

        await assertUnchanged(world, async () => {
          assertAnswered(await api.answer(id, 'beta', 'accepted', caller), caller === admin ? 403 : 404);
        });
      },
    },
    {
      name: `an answer of ${who} whose write loses its response is applied once`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const before = await itemAt(world.table, membershipKeyOf(id, 'beta'));
        world.loseNextResponse(isWrite);

        assertAnswered(await api.answer(id, 'beta', 'accepted', caller), 200);

        const after = await itemAt(world.table, membershipKeyOf(id, 'beta'));
        assert.equal(sequenceOf(after), sequenceOf(before) + 1);
      },
    },
  ]),
  {
    name: 'the owner as a member of its own image cannot answer, an admin can',
    run: async (world, api) => {
      const id = await api.share({ alpha: 'pending' });

      await assertUnchanged(world, async () => {
        assertAnswered(await api.answer(id, 'alpha', 'accepted'), 403);
        assertAnswered(await api.answer(id, 'alpha', 'pending'), 403); // unchanged, and refused nevertheless
      });
      assertAnswered(await api.answer(id, 'alpha', 'accepted', admin), 200);
      assert.deepEqual(await api.members(id), { alpha: 'accepted' });
    },
  },
  {
    name: 'an answer in flight when its member becomes the owner is refused',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const answer = await world.hold(isWrite, () => api.answer(id, 'beta', 'accepted'));
      assertAnswered(await api.patch(id, { owner: 'beta' }, admin), 200);

      assertAnswered(await answer.release(), 403);
      assert.deepEqual(await api.members(id, memberOf('beta')), { beta: 'pending' });
    },
  },
  {
    name: 'of two answers at the same time the later one is kept, and the sequence counts both',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const before = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      const accepted = await world.hold(isWrite, () => api.answer(id, 'beta', 'accepted'));
      assertAnswered(await api.answer(id, 'beta', 'rejected'), 200);
      assertAnswered(await accepted.release(), 200);

      const after = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      assert.deepEqual(await api.members(id), { beta: 'accepted' });
      assert.equal(sequenceOf(after), sequenceOf(before) + 2);
    },
  },
];
