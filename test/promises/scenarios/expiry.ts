import assert from 'node:assert/strict';
import { admin, memberOf, owner, stranger } from '../image-api.ts';
import { assertAnswered, isTransactionOn, isWrite, itemAt, plantAttributes, plantDeletion } from '../world.ts';
import {
  assertUnchanged,
  farFuture,
  future,
  memberAndAdmin,
  membershipKeyOf,
  offerKeyOf,
  ownerAndAdmin,
  past,
  plantEnd,
  sequenceOf,
  type Scenario,
} from './scenario.ts';

/** Callers that can change the end of a membership, with both kinds of change. */
const changes = ownerAndAdmin.flatMap(([who, caller]) =>
  [farFuture, null].map((end) => ({
    what: `${end === null ? 'the removal' : 'a change'} of the end by ${who}`,
    caller,
    end,
  })),
);

/** Scenarios of memberships with an end. */
export const expiryScenarios: readonly Scenario[] = [
  {
    name: 'from its end on no response shows a membership',
    run: async (world, api) => {
      const id = await api.share({ gamma: 'pending' });
      assertAnswered(await api.offerUntil(id, 'beta', future), 200);
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);
      assert.deepEqual(await api.list(memberOf('beta')), [id]);
      await plantEnd(world, id, 'beta', past);

      await assertUnchanged(world, async () => {
        assert.deepEqual(await api.members(id), { gamma: 'pending' });
        assertAnswered(await api.show(id, memberOf('beta')), 404);
        assertAnswered(await api.showMember(id, 'beta'), 404);
        assertAnswered(await api.showMember(id, 'beta', memberOf('beta')), 404);
        for (const query of ['', '?visibility=shared', '?member_status=all', '?owner=alpha&member_status=all'])
          assert.deepEqual(await api.list(memberOf('beta'), query), []);
      });
    },
  },
  ...memberAndAdmin.map(([who, caller]): Scenario => ({
    name: `an answer of ${who} is refused from the end on, also if it was in flight before`,
    run: async (world, api) => {
      const id = await api.share({});
      assertAnswered(await api.offerUntil(id, 'beta', future), 200);
      const answer = await world.hold(isWrite, () => api.answer(id, 'beta', 'accepted', caller));
      await plantEnd(world, id, 'beta', past);

      await assertUnchanged(world, async () => {
        assertAnswered(await answer.release(), 404);
        assertAnswered(await api.answer(id, 'beta', 'rejected', caller), 404);
        assertAnswered(await api.answer(id, 'beta', 'pending', caller), 404); // its status, but it has none
      });
    },
  })),
  ...ownerAndAdmin.map(([who, caller]): Scenario => ({
    name: `a withdrawal by ${who} is refused from the end on`,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      await plantEnd(world, id, 'beta', past);

      await assertUnchanged(world, async () => assertAnswered(await api.withdraw(id, 'beta', caller), 404));
    },
  })),
  {
    name: 'a member does not leave from the end on',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      await plantEnd(world, id, 'beta', past);

      await assertUnchanged(world, async () => assertAnswered(await api.leave(id, 'beta'), 404));
    },
  },
  {
    name: 'an answer keeps the end of a membership',
    run: async (world, api) => {
      const id = await api.share({});
      assertAnswered(await api.offerUntil(id, 'beta', future), 200);

      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);

      const seconds = Date.parse(future) / 1000;
      assert.equal((await itemAt(world.table, membershipKeyOf(id, 'beta')))?.['ends_at'], seconds);
      assert.equal((await itemAt(world.table, offerKeyOf(id, 'beta')))?.['ends_at'], seconds);
    },
  },
  {
    name: 'only the owner and an admin change the end of a membership',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });

      await assertUnchanged(world, async () => {
        assertAnswered(await api.changeExpiry(id, 'beta', future, 'alpha:reader'), 403);
        assertAnswered(await api.changeExpiry(id, 'beta', future, memberOf('beta')), 403);
        assertAnswered(await api.changeExpiry(id, 'beta', future, memberOf('gamma')), 404);
        assertAnswered(await api.changeExpiry(id, 'beta', future, stranger), 404);
        assertAnswered(await api.changeExpiry(id, 'sigma', future), 404);
        assertAnswered(await api.changeExpiry(id, 'beta', past), 400);
      });
    },
  },
  {
    name: 'the same end again writes nothing',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      await assertUnchanged(world, async () => assertAnswered(await api.changeExpiry(id, 'beta', null), 200));
      assertAnswered(await api.changeExpiry(id, 'beta', future), 200);

      await assertUnchanged(world, async () => assertAnswered(await api.changeExpiry(id, 'beta', future), 200));
    },
  },
  ...changes.flatMap(({ what, caller, end }): Scenario[] => [
    {
      name: `${what} is applied once if its write loses its response`,
      run: async (world, api) => {
        const id = await api.share({});
        assertAnswered(await api.offerUntil(id, 'beta', future), 200);
        const before = await itemAt(world.table, membershipKeyOf(id, 'beta'));
        world.loseNextResponse(isWrite);

        const { body } = assertAnswered(await api.changeExpiry(id, 'beta', end, caller), 200);

        const after = await itemAt(world.table, membershipKeyOf(id, 'beta'));
        assert.equal(body.expires_at, end);
        assert.equal(sequenceOf(after), sequenceOf(before) + 1);
      },
    },
    {
      name: `${what} in flight at the end is refused`,
      run: async (world, api) => {
        const id = await api.share({});
        assertAnswered(await api.offerUntil(id, 'beta', future), 200);
        const change = await world.hold(isWrite, () => api.changeExpiry(id, 'beta', end, caller));
        await plantEnd(world, id, 'beta', past);

        await assertUnchanged(world, async () => {
          assertAnswered(await change.release(), 404);
          assertAnswered(await api.changeExpiry(id, 'beta', end, caller), 404);
        });
      },
    },
    {
      name: `${what} in flight during an answer shows the answer`,
      run: async (world, api) => {
        const id = await api.share({});
        assertAnswered(await api.offerUntil(id, 'beta', future), 200);
        const change = await world.hold(isWrite, () => api.changeExpiry(id, 'beta', end, caller));
        assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);

        const { body } = assertAnswered(await change.release(), 200);

        assert.deepEqual([body.status, body.expires_at], ['accepted', end]);
        assert.deepEqual(await api.members(id), { beta: 'accepted' });
      },
    },
    {
      name: `${what} in flight during a withdrawal restores nothing`,
      run: async (world, api) => {
        const id = await api.share({});
        assertAnswered(await api.offerUntil(id, 'beta', future), 200);
        const change = await world.hold(isWrite, () => api.changeExpiry(id, 'beta', end, caller));
        assertAnswered(await api.withdraw(id, 'beta'), 204);

        await assertUnchanged(world, async () => assertAnswered(await change.release(), 404));
      },
    },
    {
      name: `${what} in flight during a withdrawal and a new offer shows the new membership`,
      run: async (world, api) => {
        const id = await api.share({});
        assertAnswered(await api.offerUntil(id, 'beta', future), 200);
        await plantAttributes(world.table, membershipKeyOf(id, 'beta'), { created_at: past });
        const change = await world.hold(isWrite, () => api.changeExpiry(id, 'beta', end, caller));
        assertAnswered(await api.withdraw(id, 'beta'), 204);
        const { body: offered } = assertAnswered(await api.offerUntil(id, 'beta', future), 200);

        const { body } = assertAnswered(await change.release(), 200);

        assert.deepEqual([body.created_at, body.expires_at], [offered.created_at, end]);
      },
    },
    {
      name: `${what} in flight when the image stops being shared is refused`,
      run: async (world, api) => {
        const id = await api.share({});
        assertAnswered(await api.offerUntil(id, 'beta', future), 200);
        const change = await world.hold(isWrite, () => api.changeExpiry(id, 'beta', end, caller));
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

        await assertUnchanged(world, async () => assertAnswered(await change.release(), 403));
      },
    },
    {
      name: `${what} of a membership without an offer is not partly written`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({});
        assertAnswered(await api.offerUntil(id, 'beta', future), 200);
        await plantDeletion(world.table, offerKeyOf(id, 'beta'));

        await assertUnchanged(world, async () => assertAnswered(await api.changeExpiry(id, 'beta', end, caller), 503));
      },
    },
  ]),
  {
    name: 'a change of the end in flight when the owner changes is refused',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const change = await world.hold(isWrite, () => api.changeExpiry(id, 'beta', future));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      await assertUnchanged(world, async () => assertAnswered(await change.release(), 404));
    },
  },
  {
    name: 'an offer after the end is a new membership, and the earlier one ends first',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      const before = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      await plantEnd(world, id, 'beta', past);

      assertAnswered(await api.offer(id, 'beta'), 200);

      const after = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      assert.equal(sequenceOf(after), sequenceOf(before) + 2);
      assert.notEqual(after?.['membership_id'], before?.['membership_id']);
      assert.equal(after?.['ends_at'], undefined);
      assert.deepEqual(await api.members(id), { beta: 'pending', gamma: 'pending' });
    },
  },
  {
    name: 'an offer at the quota takes the place of a membership whose end has passed',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending', delta: 'rejected' });
      assertAnswered(await api.offer(id, 'epsilon'), 413);
      await plantEnd(world, id, 'gamma', past);

      assertAnswered(await api.offer(id, 'epsilon'), 200);
      assertAnswered(await api.offer(id, 'gamma'), 413);
      assert.deepEqual(await api.members(id), { beta: 'accepted', delta: 'rejected', epsilon: 'pending' });
    },
  },
  {
    name: 'an offer ends no membership for a caller that cannot make it',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'accepted' });
      await plantEnd(world, id, 'beta', past);

      await assertUnchanged(world, async () => {
        assertAnswered(await api.offer(id, 'beta', memberOf('gamma')), 403);
        assertAnswered(await api.offer(id, 'beta', 'alpha:reader'), 403);
        assertAnswered(await api.offer(id, 'beta', memberOf('beta')), 404);
        assertAnswered(await api.offerUntil(id, 'beta', past, owner), 400);
      });
    },
  },
  {
    name: 'an offer does not end a membership that is prolonged meanwhile',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      await plantEnd(world, id, 'beta', past);
      const offer = await world.hold(isTransactionOn('SHARED#'), () => api.offer(id, 'beta'));
      await plantEnd(world, id, 'beta', future);

      await assertUnchanged(world, async () => assertAnswered(await offer.release(), 409));
    },
  },
  {
    name: 'an offer does not end a membership without a status',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      await plantEnd(world, id, 'beta', past);
      const offer = await world.hold(isTransactionOn('SHARED#'), () => api.offer(id, 'beta'));
      await plantAttributes(world.table, membershipKeyOf(id, 'beta'), { status: undefined });

      await assertUnchanged(world, async () => assertAnswered(await offer.release(), 503));
    },
  },
  {
    name: 'an offer after the end whose first write loses its response is applied once',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      await plantEnd(world, id, 'beta', past);
      world.loseNextResponse(isWrite);

      assertAnswered(await api.offer(id, 'beta'), 200);
      assert.deepEqual(await api.members(id), { beta: 'pending', gamma: 'pending' });
    },
  },
  {
    name: 'the deletion of an image withdraws memberships whose end has passed',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      await plantEnd(world, id, 'beta', past);

      assertAnswered(await api.remove(id), 204);

      const withdrawn = await itemAt(world.table, membershipKeyOf(id, 'beta'));
      assert.deepEqual([withdrawn?.['status'], withdrawn?.['ends_at']], [undefined, undefined]);
    },
  },
  {
    name: 'a change of the visibility does not end a membership that is prolonged meanwhile',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      await plantEnd(world, id, 'beta', past);
      const change = await world.hold(isTransactionOn('MEMBER#'), () => api.patch(id, { visibility: 'private' }));
      await plantEnd(world, id, 'beta', farFuture);

      assertAnswered(await change.release(), 200);
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      assert.deepEqual(await api.members(id), { beta: 'accepted' });
    },
  },
  {
    name: 'a change of the visibility does not end a membership without a status',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      await plantEnd(world, id, 'beta', past);
      const change = await world.hold(isTransactionOn('MEMBER#'), () => api.patch(id, { visibility: 'private' }));
      await plantAttributes(world.table, membershipKeyOf(id, 'beta'), { status: undefined });
      const before = await itemAt(world.table, membershipKeyOf(id, 'beta'));

      assertAnswered(await change.release(), 200);
      assert.deepEqual(await itemAt(world.table, membershipKeyOf(id, 'beta')), before);
    },
  },
  {
    name: 'a change of the visibility and the owner keeps the ends of the members',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });
      assertAnswered(await api.changeExpiry(id, 'beta', future), 200);
      await plantEnd(world, id, 'gamma', past);

      assertAnswered(await api.patch(id, { visibility: 'private' }), 200);
      assertAnswered(await api.patch(id, { visibility: 'shared', owner: 'omega' }, admin), 200);

      assert.deepEqual(await api.members(id, memberOf('omega')), { beta: 'accepted' });
      const { body } = assertAnswered(await api.changeExpiry(id, 'beta', future, memberOf('omega')), 200);
      assert.equal(body.expires_at, future);
    },
  },
];
