import assert from 'node:assert/strict';
import { admin, memberOf, type ImageApi } from '../image-api.ts';
import { assertAnswered, itemAt, plantDeletion, plantAttributes } from '../world.ts';
import {
  imageRecordKey,
  membershipKeyOf,
  isMemberStep,
  isLastStep,
  assertUnchanged,
  type Scenario,
} from './scenario.ts';

/** Scenarios of requests between the steps of a pending change of the replicated attributes. */
export const pendingChangeScenarios: readonly Scenario[] = [
  {
    name: 'an answer between reading and hiding a membership is kept, in the one list of its status',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const hiding = await world.hold(isMemberStep, () => api.patch(id, { os_hidden: true }));
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);

      assertAnswered(await hiding.release(), 200);
      assert.deepEqual(await api.members(id), { beta: 'accepted' });
      assert.deepEqual(await api.list(memberOf('beta'), '?os_hidden=true&member_status=all'), [id]);
      assert.deepEqual(await api.list(memberOf('beta'), '?os_hidden=true&member_status=pending'), []);
    },
  },
  {
    name: 'a withdrawal between reading and changing a membership is kept',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'accepted' });
      const change = await world.hold(isMemberStep, () => api.patch(id, { visibility: 'private' }));
      assertAnswered(await api.withdraw(id, 'beta'), 204);

      assertAnswered(await change.release(), 200);
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      assert.deepEqual(await api.members(id), { gamma: 'accepted' });
    },
  },
  ...(
    [
      ['a member', 'beta', isMemberStep],
      ['the old owner', 'alpha', isLastStep],
    ] as const
  ).map(([who, project, step]): Scenario => ({
    name: `a membership of ${who} that is withdrawn and expires between its read and the transfer is not written`,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'accepted', alpha: 'pending' });
      const transfer = await world.hold(step, () => api.patch(id, { owner: 'omega' }, admin));
      assertAnswered(await api.withdraw(id, project, admin), 204);
      await plantDeletion(world.table, membershipKeyOf(id, project));

      assertAnswered(await transfer.release(), 200);
      assert.equal(await itemAt(world.table, membershipKeyOf(id, project)), undefined);
    },
  })),
  ...(['accepted', 'pending'] as const).map((status): Scenario => ({
    name: `${status}: a member cannot answer once the pending change has ended the sharing for it`,
    run: async (world, api) => {
      const id = await api.share({ beta: status });
      const change = await world.hold(isLastStep, () => api.patch(id, { visibility: 'community' }));

      assertAnswered(await api.answer(id, 'beta', 'rejected'), 403);
      assertAnswered(await api.answer(id, 'beta', status), 403);
      assertAnswered(await change.release(), 200);
      assert.equal((await itemAt(world.table, membershipKeyOf(id, 'beta')))?.['status'], status);
    },
  })),
  ...(
    [
      ['an offer', (api: ImageApi, id: string) => api.offer(id, 'gamma'), 403],
      ['an answer', (api: ImageApi, id: string) => api.answer(id, 'beta', 'rejected'), 404],
      ['a change', (api: ImageApi, id: string) => api.patch(id, { name: 'changed' }), 200],
      ['the same change', (api: ImageApi, id: string) => api.patch(id, { visibility: 'private' }), 200],
      ['a deletion', (api: ImageApi, id: string) => api.remove(id), 204],
    ] as const
  ).map(([what, request, status]): Scenario => ({
    name: `${what} completes a pending change that it finds, and the original request writes nothing more`,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const change = await world.hold(isLastStep, () => api.patch(id, { visibility: 'private' }));

      assertAnswered(await request(api, id), status);
      await assertUnchanged(world, async () => assertAnswered(await change.release(), 200));
    },
  })),
  {
    name: 'a late step over the members is not applied to the next pending change',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(isMemberStep, () => api.patch(id, { visibility: 'private' }));
      assertAnswered(await api.offer(id, 'gamma'), 403); // completes it
      const returning = await world.hold(isLastStep, () => api.patch(id, { visibility: 'shared' }));

      assertAnswered(await leaving.release(), 200);
      assertAnswered(await returning.release(), 200);
      assertAnswered(await api.answer(id, 'beta', 'rejected'), 200);
    },
  },
  {
    name: 'a late last step does not complete the next pending change',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(isLastStep, () => api.patch(id, { visibility: 'private' }));
      assertAnswered(await api.offer(id, 'gamma'), 403); // completes it
      const returning = await world.hold(isMemberStep, () => api.patch(id, { visibility: 'shared' }));

      assertAnswered(await leaving.release(), 200);
      assertAnswered(await returning.release(), 200);
      assert.equal((await api.show(id)).body.visibility, 'shared');
      assertAnswered(await api.answer(id, 'beta', 'rejected'), 200);
    },
  },
  {
    name: 'a step over the members is not applied without a pending change',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(isMemberStep, () => api.patch(id, { visibility: 'private' }));
      await plantAttributes(world.table, imageRecordKey(id), { pending_change: undefined });

      await assertUnchanged(world, () => leaving.release());
    },
  },
  {
    name: 'a last step is not applied without a pending change',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(isLastStep, () => api.patch(id, { visibility: 'private' }));
      await plantAttributes(world.table, imageRecordKey(id), { pending_change: undefined });

      await assertUnchanged(world, () => leaving.release());
    },
  },
];
