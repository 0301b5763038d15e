import assert from 'node:assert/strict';
import { admin, memberOf, stranger } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt, plantItems } from '../world.ts';
import { offerKeyOf, sequenceOf, membershipKeyOf, isLastStep, assertUnchanged, type Scenario } from './scenario.ts';

/** Scenarios of offers: POST of a member. */
export const offerScenarios: readonly Scenario[] = [
  {
    name: 'an offer is listed immediately as a pending member, and only the owner and an admin can make it',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });

      await assertUnchanged(world, async () => {
        assertAnswered(await api.offer(id, 'gamma', 'alpha:reader'), 403);
        assertAnswered(await api.offer(id, 'gamma', memberOf('beta')), 403);
        assertAnswered(await api.offer(id, 'gamma', stranger), 404);
        assertAnswered(await api.offer(id, 'beta'), 409);
      });
      assertAnswered(await api.offer(id, 'gamma', admin), 200);
      assert.deepEqual(await api.members(id), { beta: 'accepted', gamma: 'pending' });
      assert.deepEqual(await api.list(memberOf('gamma'), '?member_status=pending'), [id]);
    },
  },
  {
    name: 'an offer in flight does not create a second membership or undo an answer',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(isWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.offer(id, 'beta'), 200);
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);

      await assertUnchanged(world, async () => assertAnswered(await offer.release(), 409));
    },
  },
  {
    name: 'an offer whose write loses its response is applied once',
    run: async (world, api) => {
      const id = await api.create();
      world.loseNextResponse(isWrite);

      assertAnswered(await api.offer(id, 'beta'), 200);
      assert.deepEqual(await api.members(id), { beta: 'pending' });
    },
  },
  {
    name: 'an offer after a withdrawal creates a new membership that continues the sequence',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const before = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      assertAnswered(await api.withdraw(id, 'beta'), 204);
      assertAnswered(await api.offer(id, 'beta'), 200);

      const after = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      assert.equal(after?.['status'], 'pending');
      assert.equal(sequenceOf(after), sequenceOf(before) + 2);
      assert.notEqual(after['membership_id'], before?.['membership_id']);
      assert.deepEqual(await api.list(memberOf('beta')), []);
    },
  },
  {
    name: 'an offer whose offer item already exists without a membership is not partly written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.create();
      await plantItems(world.table, [
        { ...offerKeyOf(id, 'beta'), format: 1, membership_id: 'planted', created_at: '' },
      ]);

      await assertUnchanged(world, async () => assertAnswered(await api.offer(id, 'beta'), 503));
    },
  },
  {
    name: 'an offer to a project that has become a member meanwhile is not partly written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ gamma: 'accepted' });
      const membership = await itemAt(world.table, membershipKeyOf(id, 'gamma'));
      const offer = await world.hold(isWrite, () => api.offer(id, 'beta'));
      await plantItems(world.table, [{ ...membership, ...membershipKeyOf(id, 'beta'), member_id: 'beta' }]);

      await assertUnchanged(world, async () => assertAnswered(await offer.release(), 409));
    },
  },
  {
    name: 'the quota is reached and never exceeded, neither by the owner nor by an admin',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending', gamma: 'rejected' });
      const held = await world.hold(isWrite, () => api.offer(id, 'delta'));
      const heldToo = await world.hold(isWrite, () => api.offer(id, 'zeta', admin));
      assertAnswered(await api.offer(id, 'epsilon'), 200);

      assertAnswered(await held.release(), 413);
      assertAnswered(await heldToo.release(), 413);
      assertAnswered(await api.offer(id, 'delta', admin), 413);
      assertAnswered(await api.offer(id, 'beta'), 409);
      assert.deepEqual(await api.members(id), { beta: 'pending', gamma: 'rejected', epsilon: 'pending' });
      assertAnswered(await api.withdraw(id, 'beta'), 204);
      assertAnswered(await api.offer(id, 'delta'), 200);
    },
  },
  {
    name: 'an offer in flight when the owner changes is refused',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(isWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      await assertUnchanged(world, async () => assertAnswered(await offer.release(), 404));
    },
  },
  {
    name: "an admin's offer in flight when the owner changes is made for the new owner",
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(isWrite, () => api.offer(id, 'omega', admin));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      assertAnswered(await offer.release(), 200);
      assertAnswered(await api.answer(id, 'omega', 'accepted'), 403);
    },
  },
  {
    name: 'an offer in flight when the image is hidden is hidden',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(isWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.patch(id, { os_hidden: true }), 200);

      assertAnswered(await offer.release(), 200);
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);
      assert.deepEqual(await api.list(memberOf('beta')), []);
      assert.deepEqual(await api.list(memberOf('beta'), '?os_hidden=true'), [id]);
    },
  },
  {
    name: 'an offer in flight when the image stops being shared is refused',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(isWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

      await assertUnchanged(world, async () => assertAnswered(await offer.release(), 403));
    },
  },
  {
    name: 'an offer in flight while a pending change ends the sharing is refused',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const offer = await world.hold(isWrite, () => api.offer(id, 'gamma'));
      const change = await world.hold(isLastStep, () => api.patch(id, { visibility: 'private' }));

      assertAnswered(await offer.release(), 403);
      assertAnswered(await change.release(), 200);
      assertAnswered(await api.answer(id, 'gamma', 'accepted'), 404);
      assert.equal(await itemAt(world.table, membershipKeyOf(id, 'gamma')), undefined);
    },
  },
  {
    name: 'an offer in flight when the image is deleted is not applied',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(isWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.remove(id), 204);

      await assertUnchanged(world, async () => assertAnswered(await offer.release(), 404));
    },
  },
];
