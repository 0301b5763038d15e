import assert from 'node:assert/strict';
import { visibilities } from '../../../lambda/domain/image.ts';
import { seedImage, type SeededMember } from '../../support/seed.ts';
import { admin, memberOf, owner, stranger } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt, plantAttributes } from '../world.ts';
import { imageRecordKey, assertUnchanged, becomingPrivate, type Scenario } from './scenario.ts';

/** Changes of the replicated attributes: of each alone, in every direction, and of all together. */
const replicatedChanges = visibilities.flatMap((from) => {
  const as = { from, fromHidden: false, to: from, hidden: false, newOwner: 'alpha' };
  return [
    ...visibilities.filter((to) => to !== from).map((to) => ({ ...as, to })),
    { ...as, hidden: true },
    { ...as, fromHidden: true },
    { ...as, newOwner: 'omega' },
    { ...as, to: from === 'shared' ? ('public' as const) : ('shared' as const), hidden: true, newOwner: 'omega' },
  ];
});

/** Returns a scenario that changes the replicated attributes of an image with these members and reads every list. */
const replicationScenario = (what: string, members: readonly SeededMember[]): Scenario => ({
  name: `a change of the owner, visibility and os_hidden of an image ${what} updates every list`,
  run: async ({ table }, api) => {
    for (const { from, fromHidden, to, hidden, newOwner } of replicatedChanges) {
      const { id } = await seedImage(table, { owner: 'alpha', visibility: from, hidden: fromHidden, members });
      const change = { visibility: to, os_hidden: hidden, owner: newOwner };

      const { body } = assertAnswered(await api.patch(id, change, admin), 200);

      const listed = async (as: string, more = '') => (await api.list(as, `?os_hidden=${hidden}${more}`)).includes(id);
      const isPublic = to === 'public';
      const isOffered = to === 'shared' && members.length > 0;
      const lists = {
        owner: await listed(memberOf(newOwner)),
        ownerBefore: await listed(owner),
        stranger: await listed(stranger),
        strangerOfCommunity: await listed(stranger, '&visibility=community'),
        accepted: await listed(memberOf('beta')),
        pending: await listed(memberOf('gamma'), '&member_status=pending'),
        rejected: await listed(memberOf('delta'), '&member_status=rejected'),
        rejectedByDefault: await listed(memberOf('delta')),
      };
      assert.deepEqual({ ...body, ...change }, body);
      assert.deepEqual(
        lists,
        {
          owner: true,
          ownerBefore: newOwner === 'alpha' || isPublic,
          stranger: isPublic,
          strangerOfCommunity: to === 'community',
          accepted: isOffered || isPublic,
          pending: isOffered || isPublic,
          rejected: isOffered || isPublic,
          rejectedByDefault: isPublic,
        },
        `${from} to ${JSON.stringify(change)}`,
      );
    }
  },
});

/** Changes of an image that are held while another request changes it. Each has a condition of its own. */
export const changesInFlight = [
  ['a change of a name', {}, { name: 'changed' }],
  ['a change of a name, with members,', { beta: 'accepted' }, { name: 'changed' }],
  ['hiding', {}, { os_hidden: true }],
  ['hiding, with members,', { beta: 'accepted' }, { os_hidden: true }],
] as const;

/** Scenarios of changes of an image. */
export const updateScenarios: readonly Scenario[] = [
  ...changesInFlight.flatMap(([what, members, change]): Scenario[] => [
    {
      name: `${what} in flight keeps the changes of another request`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        assertAnswered(await api.patch(id, { colour: 'green' }), 200);

        assertAnswered(await held.release(), 200);
        const { body } = await api.show(id);
        assert.deepEqual({ ...body, ...change, colour: 'green' }, body);
      },
    },
    {
      name: `${what} in flight is applied after a pending change that was recorded meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        await plantAttributes(world.table, imageRecordKey(id), { pending_change: becomingPrivate });

        assertAnswered(await held.release(), 200);
        const { body } = await api.show(id);
        assert.deepEqual({ ...body, ...change, visibility: 'private' }, body);
      },
    },
    {
      name: `${what} in flight includes a member that was added meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        assertAnswered(await api.offer(id, 'gamma'), 200);
        assertAnswered(await api.answer(id, 'gamma', 'accepted'), 200);

        assertAnswered(await held.release(), 200);
        const shown = 'os_hidden' in change ? [] : [id];
        assert.deepEqual(await api.list(memberOf('gamma')), shown);
      },
    },
    {
      name: `${what} in flight when the owner changes is refused`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

        await assertUnchanged(world, async () => assertAnswered(await held.release(), 404));
      },
    },
  ]),
  ...changesInFlight.map(([what, members, change]): Scenario => ({
    name: `${what} whose write loses its response is applied once`,
    run: async (world, api) => {
      const id = await api.share(members);
      const versionOf = async () => Number((await itemAt(world.table, imageRecordKey(id)))?.['version']);
      const before = await versionOf();
      world.loseNextResponse(isWrite);

      assertAnswered(await api.patch(id, change), 200);
      // Recording and completing a pending change are two changes of the record.
      const steps = 'beta' in members && 'os_hidden' in change ? 2 : 1;
      assert.equal(await versionOf(), before + steps);
    },
  })),
  replicationScenario('without members', []),
  replicationScenario('with members', [
    { project: 'beta', status: 'accepted' },
    { project: 'gamma', status: 'pending' },
    { project: 'delta', status: 'rejected' },
  ]),
];
