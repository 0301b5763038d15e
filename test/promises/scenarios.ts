import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ImageId, ProjectId } from '../../lambda/domain/ids.ts';
import { visibilities, type Visibility } from '../../lambda/domain/image.ts';
import { imageKey, membershipKey, offerKey, type ItemKey } from '../../lambda/dynamodb/keys.ts';
import { seedImage, type SeededMember } from '../support/seed.ts';
import type { Answer } from '../support/service.ts';
import { storedItems, type StoredItem } from '../support/stored-items.ts';
import { admin, imageApi, memberOf, owner, stranger, type ImageApi } from './image-api.ts';
import { brokenInvariants } from './invariants.ts';
import {
  assertAnswered,
  aTransactionOn,
  aWrite,
  itemAt,
  plantAbsence,
  plantAttributes,
  plantItems,
  type World,
} from './world.ts';

/** A promise on one small course of events: it throws where the promise is broken. */
export interface Scenario {
  readonly name: string;
  readonly run: (world: World, api: ImageApi) => Promise<void>;
  /** It plants items that contradict each other and says itself what has to become of them. */
  readonly contradictory?: true;
}

/** The quota that the scenarios are written for: the most members of an image. */
export const scenarioQuota = 3;

/**
 * Runs a scenario on an empty table and looks at all that it left there.
 *
 * @throws Error where the scenario's promise is broken, or what is stored contradicts itself
 */
export async function runScenario(world: World, { run, contradictory }: Scenario): Promise<void> {
  await world.reset();
  await run(world, imageApi(world));
  if (contradictory === true) return;
  assert.deepEqual(brokenInvariants(await storedItems(world.table), { quota: scenarioQuota }), []);
}

const record = (id: string): ItemKey => imageKey(id as ImageId);
const offerOf = (id: string, project: string): ItemKey => offerKey(id as ImageId, project as ProjectId);
const sequenceOf = (item: StoredItem | undefined): number => Number(item?.['sequence']);
const membershipOf = (id: string, project: string): ItemKey => membershipKey(project as ProjectId, id as ImageId);

/** The calls that requests are held at, besides their first write. */
const overMembers = aTransactionOn('SHARED#');
const overOffers = aTransactionOn('MEMBER#');
const lastStep: typeof overMembers = (call) =>
  aTransactionOn('IMAGE')(call) && JSON.stringify(call.request).includes('REMOVE #pending_change');
const lastStepOfDelete: typeof overMembers = (call) =>
  aTransactionOn('OWNED#')(call) && JSON.stringify(call.request).includes('deleted_at');

/** Fails if a request, or whatever else is done, leaves another table than it found. */
async function assertNothingChanges({ table }: World, act: () => Promise<unknown>): Promise<void> {
  const before = await storedItems(table);
  await act();
  assert.deepEqual(await storedItems(table), before);
}

/** The mark of a change of facts that was begun by somebody else, as it is stored. */
const aPendingChange = (facts: { readonly visibility: Visibility; readonly os_hidden: boolean }) => ({
  kind: 'facts',
  actor: { project: 'root', user: 'user-of-root', via: 'http' },
  owner: 'alpha',
  ...facts,
});
const becomingPrivate = aPendingChange({ visibility: 'private', os_hidden: false });

const asMemberAndAdmin = [
  ['the member', memberOf('beta')],
  ['an admin', admin],
] as const;
const asOwnerAndAdmin = [
  ['the owner', owner],
  ['an admin', admin],
] as const;

/** What everybody may see of an answered offer, at once. */
const answers: readonly Scenario[] = [
  {
    name: 'every list of the member is right as soon as it has answered',
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
    name: 'nobody but the member, with role member, and an admin answers',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending', gamma: 'accepted' });

      await assertNothingChanges(world, async () => {
        assertAnswered(await api.answer(id, 'beta', 'accepted', owner), 403);
        assertAnswered(await api.answer(id, 'beta', 'accepted', 'alpha:reader'), 403);
        assertAnswered(await api.answer(id, 'beta', 'accepted', 'beta:reader'), 403);
        assertAnswered(await api.answer(id, 'beta', 'accepted', memberOf('gamma')), 404);
        assertAnswered(await api.answer(id, 'beta', 'accepted', stranger), 404);
      });
    },
  },
  {
    name: 'whoever was never offered an image cannot accept it',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });

      await assertNothingChanges(world, async () => {
        assertAnswered(await api.answer(id, 'sigma', 'accepted'), 404);
        assertAnswered(await api.answer(id, 'sigma', 'accepted', admin), 404);
        assertAnswered(await api.answer(randomUUID(), 'sigma', 'accepted'), 404);
        assertAnswered(await api.answer(randomUUID(), 'sigma', 'accepted', admin), 404);
      });
    },
  },
  ...asMemberAndAdmin.flatMap(([who, caller]): Scenario[] => [
    {
      name: `an answer of ${who} in flight does not bring back a membership that was withdrawn`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answer = await world.hold(aWrite, () => api.answer(id, 'beta', 'accepted', caller));
        assertAnswered(await api.withdraw(id, 'beta'), 204);

        await assertNothingChanges(world, async () => {
          assertAnswered(await answer.letGo(), 404);
          assertAnswered(await api.answer(id, 'beta', 'rejected', caller), 404);
        });
        assert.deepEqual(await api.members(id), {});
      },
    },
    {
      name: `an answer of ${who} whose response was lost is not repeated on a membership that was withdrawn`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answered = await world.holdAfterLostResponse(() => api.answer(id, 'beta', 'accepted', caller));
        assert.deepEqual(await api.members(id), { beta: 'accepted' });
        assertAnswered(await api.withdraw(id, 'beta'), 204);

        await assertNothingChanges(world, async () => assertAnswered(await answered.letGo(), 200));
      },
    },
    {
      name: `an answer of ${who} in flight when the image is deleted comes to nothing`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answer = await world.hold(aWrite, () => api.answer(id, 'beta', 'accepted', caller));
        assertAnswered(await api.remove(id), 204);

        await assertNothingChanges(world, async () => assertAnswered(await answer.letGo(), 404));
      },
    },
    {
      name: `an answer of ${who} in flight when the image ceases to be shared is refused`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const answer = await world.hold(aWrite, () => api.answer(id, 'beta', 'accepted', caller));
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

        await assertNothingChanges(world, async () => {
          assertAnswered(await answer.letGo(), caller === admin ? 403 : 404);
        });
        assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
        assert.deepEqual(await api.members(id), { beta: 'pending' });
      },
    },
    {
      name: `the same answer of ${who} again writes nothing`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });

        await assertNothingChanges(world, async () => {
          const { body } = assertAnswered(await api.answer(id, 'beta', 'accepted', caller), 200);
          assert.equal(body.status, 'accepted');
        });
      },
    },
    {
      name: `the same answer of ${who} again is refused where the image is not shared`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

        await assertNothingChanges(world, async () => {
          assertAnswered(await api.answer(id, 'beta', 'accepted', caller), caller === admin ? 403 : 404);
        });
      },
    },
    {
      name: `an answer of ${who} whose own answer is lost on the way is written once`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'pending' });
        const before = await itemAt(world.table, membershipOf(id, 'beta'));
        world.loseNextAnswer(aWrite);

        assertAnswered(await api.answer(id, 'beta', 'accepted', caller), 200);

        const after = await itemAt(world.table, membershipOf(id, 'beta'));
        assert.equal(sequenceOf(after), sequenceOf(before) + 1);
      },
    },
  ]),
  {
    name: "the owner's project as a member of its own image does not answer, an admin does it",
    run: async (world, api) => {
      const id = await api.share({ alpha: 'pending' });

      await assertNothingChanges(world, async () => {
        assertAnswered(await api.answer(id, 'alpha', 'accepted'), 403);
        assertAnswered(await api.answer(id, 'alpha', 'pending'), 403); // unchanged, and refused all the same
      });
      assertAnswered(await api.answer(id, 'alpha', 'accepted', admin), 200);
      assert.deepEqual(await api.members(id), { alpha: 'accepted' });
    },
  },
  {
    name: 'an answer in flight when its member becomes the owner is refused',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const answer = await world.hold(aWrite, () => api.answer(id, 'beta', 'accepted'));
      assertAnswered(await api.patch(id, { owner: 'beta' }, admin), 200);

      assertAnswered(await answer.letGo(), 403);
      assert.deepEqual(await api.members(id, memberOf('beta')), { beta: 'pending' });
    },
  },
  {
    name: 'of two answers at once the later stands, and both are counted',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const before = await itemAt(world.table, membershipOf(id, 'beta'));
      const accepted = await world.hold(aWrite, () => api.answer(id, 'beta', 'accepted'));
      assertAnswered(await api.answer(id, 'beta', 'rejected'), 200);
      assertAnswered(await accepted.letGo(), 200);

      const after = await itemAt(world.table, membershipOf(id, 'beta'));
      assert.deepEqual(await api.members(id), { beta: 'accepted' });
      assert.equal(sequenceOf(after), sequenceOf(before) + 2);
    },
  },
];

const offers: readonly Scenario[] = [
  {
    name: 'an offer is among the members at once, pending, and nobody else may make it',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });

      await assertNothingChanges(world, async () => {
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
    name: 'an offer in flight does not make a second membership or undo an answer',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(aWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.offer(id, 'beta'), 200);
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);

      await assertNothingChanges(world, async () => assertAnswered(await offer.letGo(), 409));
    },
  },
  {
    name: 'an offer whose own answer is lost on the way is made once',
    run: async (world, api) => {
      const id = await api.create();
      world.loseNextAnswer(aWrite);

      assertAnswered(await api.offer(id, 'beta'), 200);
      assert.deepEqual(await api.members(id), { beta: 'pending' });
    },
  },
  {
    name: 'an offer after a withdrawal is a new membership whose sequence goes on',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const before = await itemAt(world.table, membershipOf(id, 'beta'));
      assertAnswered(await api.withdraw(id, 'beta'), 204);
      assertAnswered(await api.offer(id, 'beta'), 200);

      const after = await itemAt(world.table, membershipOf(id, 'beta'));
      assert.equal(after?.['status'], 'pending');
      assert.equal(sequenceOf(after), sequenceOf(before) + 2);
      assert.notEqual(after['membership_id'], before?.['membership_id']);
      assert.deepEqual(await api.list(memberOf('beta')), []);
    },
  },
  {
    name: 'an offer beside which there is an offer already leaves nothing half-written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.create();
      await plantItems(world.table, [{ ...offerOf(id, 'beta'), format: 1, membership_id: 'planted', created_at: '' }]);

      await assertNothingChanges(world, async () => assertAnswered(await api.offer(id, 'beta'), 503));
    },
  },
  {
    name: 'an offer to whom a membership has come about meanwhile leaves nothing half-written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ gamma: 'accepted' });
      const membership = await itemAt(world.table, membershipOf(id, 'gamma'));
      const offer = await world.hold(aWrite, () => api.offer(id, 'beta'));
      await plantItems(world.table, [{ ...membership, ...membershipOf(id, 'beta'), member_id: 'beta' }]);

      await assertNothingChanges(world, async () => assertAnswered(await offer.letGo(), 409));
    },
  },
  {
    name: 'the quota is reached and never passed, by whomever',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending', gamma: 'rejected' });
      const held = await world.hold(aWrite, () => api.offer(id, 'delta'));
      const heldToo = await world.hold(aWrite, () => api.offer(id, 'zeta', admin));
      assertAnswered(await api.offer(id, 'epsilon'), 200);

      assertAnswered(await held.letGo(), 413);
      assertAnswered(await heldToo.letGo(), 413);
      assertAnswered(await api.offer(id, 'delta', admin), 413);
      assertAnswered(await api.offer(id, 'beta'), 409);
      assert.deepEqual(await api.members(id), { beta: 'pending', gamma: 'rejected', epsilon: 'pending' });
      assertAnswered(await api.withdraw(id, 'beta'), 204);
      assertAnswered(await api.offer(id, 'delta'), 200);
    },
  },
  {
    name: 'an offer in flight when the image changes hands is refused',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(aWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      await assertNothingChanges(world, async () => assertAnswered(await offer.letGo(), 404));
    },
  },
  {
    name: "an admin's offer in flight when the image changes hands is made in the new owner's name",
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(aWrite, () => api.offer(id, 'omega', admin));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      assertAnswered(await offer.letGo(), 200);
      assertAnswered(await api.answer(id, 'omega', 'accepted'), 403);
    },
  },
  {
    name: 'an offer in flight when the image is hidden is hidden',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(aWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.patch(id, { os_hidden: true }), 200);

      assertAnswered(await offer.letGo(), 200);
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);
      assert.deepEqual(await api.list(memberOf('beta')), []);
      assert.deepEqual(await api.list(memberOf('beta'), '?os_hidden=true'), [id]);
    },
  },
  {
    name: 'an offer in flight when the image ceases to be shared is refused',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(aWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

      await assertNothingChanges(world, async () => assertAnswered(await offer.letGo(), 403));
    },
  },
  {
    name: 'an offer in flight while the image is about to cease to be shared is refused',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const offer = await world.hold(aWrite, () => api.offer(id, 'gamma'));
      const change = await world.hold(lastStep, () => api.patch(id, { visibility: 'private' }));

      assertAnswered(await offer.letGo(), 403);
      assertAnswered(await change.letGo(), 200);
      assertAnswered(await api.answer(id, 'gamma', 'accepted'), 404);
      assert.equal(await itemAt(world.table, membershipOf(id, 'gamma')), undefined);
    },
  },
  {
    name: 'an offer in flight when the image is deleted comes to nothing',
    run: async (world, api) => {
      const id = await api.create();
      const offer = await world.hold(aWrite, () => api.offer(id, 'beta'));
      assertAnswered(await api.remove(id), 204);

      await assertNothingChanges(world, async () => assertAnswered(await offer.letGo(), 404));
    },
  },
];

const withdrawals: readonly Scenario[] = [
  ...asOwnerAndAdmin.flatMap(([who, caller]): Scenario[] => [
    {
      name: `after a withdrawal by ${who} nobody finds the membership`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });

        assertAnswered(await api.withdraw(id, 'beta', caller), 204);
        await assertNothingChanges(world, async () => {
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
      name: `a withdrawal by ${who} in flight when another is made counts once`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        const withdrawal = await world.hold(aWrite, () => api.withdraw(id, 'beta', caller));
        assertAnswered(await api.withdraw(id, 'beta'), 204);

        await assertNothingChanges(world, async () => assertAnswered(await withdrawal.letGo(), 404));
      },
    },
    {
      name: `a withdrawal by ${who} whose own answer is lost on the way counts once`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        world.loseNextAnswer(aWrite);

        assertAnswered(await api.withdraw(id, 'beta', caller), 204);
        assert.deepEqual(await api.members(id), { gamma: 'pending' });
      },
    },
    {
      name: `a withdrawal by ${who} is refused where the image is not shared`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const withdrawal = await world.hold(aWrite, () => api.withdraw(id, 'beta', caller));
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

        await assertNothingChanges(world, async () => {
          assertAnswered(await withdrawal.letGo(), 403);
          assertAnswered(await api.withdraw(id, 'beta', caller), 403);
        });
      },
    },
    {
      name: `a withdrawal by ${who} of a membership without an offer leaves nothing half-written`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        await plantAbsence(world.table, offerOf(id, 'beta'));

        await assertNothingChanges(world, async () => assertAnswered(await api.withdraw(id, 'beta', caller), 503));
      },
    },
    {
      name: `a withdrawal by ${who} of an offer without a membership leaves nothing half-written`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted', gamma: 'pending' });
        await plantAttributes(world.table, membershipOf(id, 'beta'), { status: undefined });

        await assertNothingChanges(world, async () => assertAnswered(await api.withdraw(id, 'beta', caller), 404));
      },
    },
  ]),
  {
    name: "nobody takes back what is not theirs, not even one's own membership",
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending' });

      await assertNothingChanges(world, async () => {
        assertAnswered(await api.withdraw(id, 'beta', 'alpha:reader'), 403);
        assertAnswered(await api.withdraw(id, 'beta', memberOf('beta')), 403);
        assertAnswered(await api.withdraw(id, 'beta', memberOf('gamma')), 404);
        assertAnswered(await api.withdraw(id, 'beta', stranger), 404);
      });
    },
  },
  {
    name: 'a withdrawal in flight when the image changes hands is refused',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const withdrawal = await world.hold(aWrite, () => api.withdraw(id, 'beta'));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      await assertNothingChanges(world, async () => assertAnswered(await withdrawal.letGo(), 404));
    },
  },
];

const creations: readonly Scenario[] = [
  {
    name: "an image's id is given once, and not again after its deletion",
    run: async (world, api) => {
      const id = randomUUID();
      const second = await world.hold(aWrite, () =>
        world.request('POST', '/v2/images', { as: memberOf('beta'), body: { id, visibility: 'community' } }),
      );
      await api.create({ id, name: 'first' });
      assertAnswered(await api.offer(id, 'gamma'), 200);

      await assertNothingChanges(world, async () => assertAnswered(await second.letGo(), 409));
      assertAnswered(await api.remove(id), 204);
      await assertNothingChanges(world, async () => {
        assertAnswered(await world.request('POST', '/v2/images', { as: owner, body: { id } }), 409);
      });
    },
  },
  {
    name: 'a new image is listed at once for whomever it is for',
    run: async (_world, api) => {
      const ids = Object.fromEntries(
        await Promise.all(
          visibilities.map(async (visibility) => [visibility, await api.create({ visibility, owner: 'alpha' }, admin)]),
        ),
      ) as Record<Visibility, string>;

      assert.deepEqual(new Set(await api.list(owner)), new Set(Object.values(ids)));
      assert.deepEqual(await api.list(stranger), [ids.public]);
      assert.deepEqual(await api.list(stranger, '?visibility=community'), [ids.community]);
      assert.deepEqual(await api.list(stranger, '?visibility=private'), []);
    },
  },
];

/** Changes of an image's facts: of each alone, in every direction, and of all of them at once. */
const factChanges = visibilities.flatMap((from) => {
  const as = { from, fromHidden: false, to: from, hidden: false, newOwner: 'alpha' };
  return [
    ...visibilities.filter((to) => to !== from).map((to) => ({ ...as, to })),
    { ...as, hidden: true },
    { ...as, fromHidden: true },
    { ...as, newOwner: 'omega' },
    { ...as, to: from === 'shared' ? ('public' as const) : ('shared' as const), hidden: true, newOwner: 'omega' },
  ];
});

/** A change of an image's facts, and who sees the image after it: with members, each as it has answered. */
const factsScenario = (what: string, members: readonly SeededMember[]): Scenario => ({
  name: `a change of owner, visibility and hiding of an image ${what} reaches every list`,
  run: async ({ table }, api) => {
    for (const { from, fromHidden, to, hidden, newOwner } of factChanges) {
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

/** The changes of an image that meet another one in flight, each of which has a condition of its own. */
const changesInFlight = [
  ['a change of a name', {}, { name: 'changed' }],
  ['a change of a name, with members,', { beta: 'accepted' }, { name: 'changed' }],
  ['hiding', {}, { os_hidden: true }],
  ['hiding, with members,', { beta: 'accepted' }, { os_hidden: true }],
] as const;

const updates: readonly Scenario[] = [
  ...changesInFlight.flatMap(([what, members, change]): Scenario[] => [
    {
      name: `${what} in flight keeps what another request has written`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(aWrite, () => api.patch(id, change));
        assertAnswered(await api.patch(id, { colour: 'green' }), 200);

        assertAnswered(await held.letGo(), 200);
        const { body } = await api.show(id);
        assert.deepEqual({ ...body, ...change, colour: 'green' }, body);
      },
    },
    {
      name: `${what} in flight comes after a change that has begun meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(aWrite, () => api.patch(id, change));
        await plantAttributes(world.table, record(id), { pending_change: becomingPrivate });

        assertAnswered(await held.letGo(), 200);
        const { body } = await api.show(id);
        assert.deepEqual({ ...body, ...change, visibility: 'private' }, body);
      },
    },
    {
      name: `${what} in flight reaches a member that was offered the image meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(aWrite, () => api.patch(id, change));
        assertAnswered(await api.offer(id, 'gamma'), 200);
        assertAnswered(await api.answer(id, 'gamma', 'accepted'), 200);

        assertAnswered(await held.letGo(), 200);
        const shown = 'os_hidden' in change ? [] : [id];
        assert.deepEqual(await api.list(memberOf('gamma')), shown);
      },
    },
    {
      name: `${what} in flight when the image changes hands is refused`,
      run: async (world, api) => {
        const id = await api.share(members);
        const held = await world.hold(aWrite, () => api.patch(id, change));
        assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

        await assertNothingChanges(world, async () => assertAnswered(await held.letGo(), 404));
      },
    },
  ]),
  ...changesInFlight.map(([what, members, change]): Scenario => ({
    name: `${what} whose own answer is lost on the way is made once`,
    run: async (world, api) => {
      const id = await api.share(members);
      const versionOf = async () => Number((await itemAt(world.table, record(id)))?.['version']);
      const before = await versionOf();
      world.loseNextAnswer(aWrite);

      assertAnswered(await api.patch(id, change), 200);
      // With the mark of a change that reaches over members, and without it again.
      const steps = 'beta' in members && 'os_hidden' in change ? 2 : 1;
      assert.equal(await versionOf(), before + steps);
    },
  })),
  factsScenario('without members', []),
  factsScenario('with members', [
    { project: 'beta', status: 'accepted' },
    { project: 'gamma', status: 'pending' },
    { project: 'delta', status: 'rejected' },
  ]),
];

const deletions: readonly Scenario[] = [
  ...(
    [
      ['an image without members', {}],
      ['an image with members', { beta: 'accepted', gamma: 'pending' }],
    ] as const
  ).flatMap(([what, members]): Scenario[] => [
    {
      name: `of ${what} nothing is seen after its deletion`,
      run: async (world, api) => {
        const id = await api.share(members);
        assertAnswered(await api.remove(id, memberOf('beta')), 'beta' in members ? 403 : 404);
        assertAnswered(await api.remove(id, 'alpha:reader'), 403);

        assertAnswered(await api.remove(id), 204);
        await assertNothingChanges(world, async () => {
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
        const deletion = await world.hold(aWrite, () => api.remove(id));
        assertAnswered(await api.patch(id, { protected: true }), 200);

        await assertNothingChanges(world, async () => assertAnswered(await deletion.letGo(), 403));
      },
    },
    {
      name: `the deletion of ${what} in flight comes after a change that has begun meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const deletion = await world.hold(aWrite, () => api.remove(id));
        // The change protects the image as well, so that a deletion that does not see it shows.
        const { record: unprotected } = (await itemAt(world.table, record(id)))!;
        await plantAttributes(world.table, record(id), {
          pending_change: becomingPrivate,
          record: JSON.stringify({ ...(JSON.parse(unprotected) as object), protected: true }),
        });

        assertAnswered(await deletion.letGo(), 403);
        assertAnswered(await api.patch(id, { name: 'changed' }), 200);
        assert.equal((await api.show(id)).body.visibility, 'private');
      },
    },
    {
      name: `the deletion of ${what} in flight ends a membership that has begun meanwhile`,
      run: async (world, api) => {
        const id = await api.share(members);
        const deletion = await world.hold(aWrite, () => api.remove(id));
        assertAnswered(await api.offer(id, 'delta'), 200);

        assertAnswered(await deletion.letGo(), 204);
        assertAnswered(await api.answer(id, 'delta', 'accepted'), 404);
        assertAnswered(await api.answer(id, 'delta', 'accepted', admin), 404);
      },
    },
  ]),
];

/** What comes between the steps of a change that reaches over the members. */
const factsUnderWay: readonly Scenario[] = [
  {
    name: 'an answer between reading and hiding a membership stands, in the one list where it belongs',
    run: async (world, api) => {
      const id = await api.share({ beta: 'pending' });
      const hiding = await world.hold(overMembers, () => api.patch(id, { os_hidden: true }));
      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);

      assertAnswered(await hiding.letGo(), 200);
      assert.deepEqual(await api.members(id), { beta: 'accepted' });
      assert.deepEqual(await api.list(memberOf('beta'), '?os_hidden=true&member_status=all'), [id]);
      assert.deepEqual(await api.list(memberOf('beta'), '?os_hidden=true&member_status=pending'), []);
    },
  },
  {
    name: 'a withdrawal between reading and changing a membership stands',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'accepted' });
      const change = await world.hold(overMembers, () => api.patch(id, { visibility: 'private' }));
      assertAnswered(await api.withdraw(id, 'beta'), 204);

      assertAnswered(await change.letGo(), 200);
      assertAnswered(await api.patch(id, { visibility: 'shared' }), 200);
      assert.deepEqual(await api.members(id), { gamma: 'accepted' });
    },
  },
  ...(
    [
      ['a member', 'beta', overMembers],
      ['the old owner', 'alpha', lastStep],
    ] as const
  ).map(([who, project, step]): Scenario => ({
    name: `a membership of ${who} that is withdrawn between reading and transferring it is not written, not even once it has expired`,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'accepted', alpha: 'pending' });
      const transfer = await world.hold(step, () => api.patch(id, { owner: 'omega' }, admin));
      assertAnswered(await api.withdraw(id, project, admin), 204);
      await plantAbsence(world.table, membershipOf(id, project));

      assertAnswered(await transfer.letGo(), 200);
      assert.equal(await itemAt(world.table, membershipOf(id, project)), undefined);
    },
  })),
  ...(['accepted', 'pending'] as const).map((status): Scenario => ({
    name: `${status}: from the moment the image ceases to be shared for a member it cannot answer`,
    run: async (world, api) => {
      const id = await api.share({ beta: status });
      const change = await world.hold(lastStep, () => api.patch(id, { visibility: 'community' }));

      assertAnswered(await api.answer(id, 'beta', 'rejected'), 403);
      assertAnswered(await api.answer(id, 'beta', status), 403);
      assertAnswered(await change.letGo(), 200);
      assert.equal((await itemAt(world.table, membershipOf(id, 'beta')))?.['status'], status);
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
    name: `${what} finishes the change that it finds, and whoever began it has nothing left to do`,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const change = await world.hold(lastStep, () => api.patch(id, { visibility: 'private' }));

      assertAnswered(await request(api, id), status);
      await assertNothingChanges(world, async () => assertAnswered(await change.letGo(), 200));
    },
  })),
  {
    name: 'a step over the members that comes too late for its change is not taken in the next one',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(overMembers, () => api.patch(id, { visibility: 'private' }));
      assertAnswered(await api.offer(id, 'gamma'), 403); // finishes it
      const returning = await world.hold(lastStep, () => api.patch(id, { visibility: 'shared' }));

      assertAnswered(await leaving.letGo(), 200);
      assertAnswered(await returning.letGo(), 200);
      assertAnswered(await api.answer(id, 'beta', 'rejected'), 200);
    },
  },
  {
    name: 'a last step that comes too late for its change does not end the next one',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(lastStep, () => api.patch(id, { visibility: 'private' }));
      assertAnswered(await api.offer(id, 'gamma'), 403); // finishes it
      const returning = await world.hold(overMembers, () => api.patch(id, { visibility: 'shared' }));

      assertAnswered(await leaving.letGo(), 200);
      assertAnswered(await returning.letGo(), 200);
      assert.equal((await api.show(id)).body.visibility, 'shared');
      assertAnswered(await api.answer(id, 'beta', 'rejected'), 200);
    },
  },
  {
    name: 'a step over the members without a change under way is not taken',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(overMembers, () => api.patch(id, { visibility: 'private' }));
      await plantAttributes(world.table, record(id), { pending_change: undefined });

      await assertNothingChanges(world, () => leaving.letGo());
    },
  },
  {
    name: 'a last step without a change under way is not taken',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const leaving = await world.hold(lastStep, () => api.patch(id, { visibility: 'private' }));
      await plantAttributes(world.table, record(id), { pending_change: undefined });

      await assertNothingChanges(world, () => leaving.letGo());
    },
  },
];

const deletionsUnderWay: readonly Scenario[] = [
  {
    name: 'a withdrawal and an answer while the image is being deleted leave nothing behind',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending', delta: 'pending' });
      const deletion = await world.hold(overOffers, () => api.remove(id));
      assertAnswered(await api.answer(id, 'gamma', 'accepted'), 200);
      assertAnswered(await api.withdraw(id, 'beta'), 204);

      assertAnswered(await deletion.letGo(), 204);
      assertAnswered(await api.answer(id, 'gamma', 'rejected'), 404);
    },
  },
  ...(
    [
      ['an offer', (api: ImageApi, id: string) => api.offer(id, 'gamma'), 404],
      ['a change', (api: ImageApi, id: string) => api.patch(id, { name: 'changed' }), 404],
      ['the repeated deletion', (api: ImageApi, id: string) => api.remove(id), 204],
    ] as const
  ).flatMap(([what, request, status]) =>
    (
      [
        ['over the members', overOffers],
        ['that is its last', lastStepOfDelete],
      ] as const
    ).map(([where, step]): Scenario => ({
      name: `${what} finishes the deletion that it finds before the step ${where}`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const deletion = await world.hold(step, () => api.remove(id));

        assertAnswered(await request(api, id), status);
        await assertNothingChanges(world, async () => assertAnswered(await deletion.letGo(), 204));
      },
    })),
  ),
  ...(
    [
      ['over the members', overOffers],
      ['that is its last', lastStepOfDelete],
    ] as const
  ).flatMap(([where, step]): Scenario[] => [
    {
      name: `the step of a deletion ${where} is not taken while another change is under way`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const deletion = await world.hold(step, () => api.remove(id));
        const { version } = (await itemAt(world.table, record(id))) as { version: number };
        await plantAttributes(world.table, record(id), { version: version + 2, pending_change: becomingPrivate });

        await assertNothingChanges(world, () => deletion.letGo());
      },
    },
    {
      name: `the step of a deletion ${where} is not taken when no change is under way`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const deletion = await world.hold(step, () => api.remove(id));
        await plantAttributes(world.table, record(id), { pending_change: undefined });

        await assertNothingChanges(world, () => deletion.letGo());
      },
    },
  ]),
  {
    name: 'a deletion that finds an offer gone without its membership leaves nothing half-written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const deletion = await world.hold(overOffers, () => api.remove(id));
      await plantAbsence(world.table, offerOf(id, 'beta'));

      await assertNothingChanges(world, async () => assertAnswered(await deletion.letGo(), 503));
    },
  },
  {
    name: 'a deletion that finds a membership gone without its offer leaves nothing half-written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const deletion = await world.hold(overOffers, () => api.remove(id));
      await plantAttributes(world.table, membershipOf(id, 'beta'), { status: undefined });

      await assertNothingChanges(world, async () => assertAnswered(await deletion.letGo(), 503));
    },
  },
  {
    name: 'an image whose count says that it has members still is not deleted',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const deletion = await world.hold(lastStepOfDelete, () => api.remove(id));
      await plantAttributes(world.table, record(id), { member_count: 1 });

      await assertNothingChanges(world, async () => assertAnswered(await deletion.letGo(), 503));
    },
  },
];

/** An answer without what differs from request to request: which id was asked for, and the request's own. */
function anonymous({ status, headers, body }: Answer, id: string): unknown {
  const { request_id: _requestId, ...told } = (body ?? {}) as Record<string, unknown>;
  return { status, headers: Object.keys(headers), told: JSON.stringify(told).replaceAll(id, '<image>') };
}

const requestsOfAnyone = (id: string, as: string, api: ImageApi): readonly [string, () => Promise<Answer>][] => [
  ['show', () => api.show(id, as)],
  ['change', () => api.patch(id, { name: 'mine' }, as)],
  ['delete', () => api.remove(id, as)],
  ['list its members', () => api.request('GET', `/v2/images/${id}/members`, { as })],
  ['show a member', () => api.showMember(id, 'beta', as)],
  ['show oneself', () => api.showMember(id, 'sigma', as)],
  ['offer', () => api.offer(id, 'sigma', as)],
  ['offer again', () => api.offer(id, 'beta', as)],
  ['answer for oneself', () => api.answer(id, 'sigma', 'accepted', as)],
  ['answer for a member', () => api.answer(id, 'beta', 'accepted', as)],
  ['answer nonsense', () => api.answer(id, 'beta', 'nonsense' as 'accepted', as)],
  ['withdraw', () => api.withdraw(id, 'beta', as)],
  ['tag', () => api.request('PUT', `/v2/images/${id}/tags/mine`, { as })],
  ['go on after it', () => api.request('GET', `/v2/images?marker=${id}`, { as })],
];

/** Whoever may not see an image cannot tell it from one that never was: not by the answer, not by what it takes. */
const secrets: readonly Scenario[] = (
  [
    ['a shared image', stranger, (api: ImageApi) => api.share({ beta: 'pending' })],
    ['a hidden image', stranger, (api: ImageApi) => api.share({ beta: 'pending' }, { os_hidden: true })],
    ['a protected image', stranger, (api: ImageApi) => api.share({ beta: 'pending' }, { protected: true })],
    ['a shared image without members', stranger, (api: ImageApi) => api.share({})],
    ['a private image', stranger, (api: ImageApi) => api.share({}, { visibility: 'private' })],
    [
      'an image at its quota',
      stranger,
      (api: ImageApi) => api.share({ beta: 'pending', gamma: 'pending', delta: 'pending' }),
    ],
    [
      'an image that is shared no more',
      memberOf('beta'),
      async (api: ImageApi) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.patch(id, { visibility: 'private' }), 200);
        return id;
      },
    ],
    [
      'an image after a withdrawal',
      memberOf('beta'),
      async (api: ImageApi) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.withdraw(id, 'beta'), 204);
        return id;
      },
    ],
    [
      'a deleted image',
      memberOf('beta'),
      async (api: ImageApi) => {
        const id = await api.share({ beta: 'accepted' });
        assertAnswered(await api.remove(id), 204);
        return id;
      },
    ],
    ['any image, without a role,', 'beta:guest', (api: ImageApi) => api.share({ beta: 'accepted' })],
    ['its own image, without a role,', 'alpha:guest', (api: ImageApi) => api.share({ beta: 'accepted' })],
  ] as const
).map(([what, as, prepare]): Scenario => ({
  name: `${what} is for ${as} as if it had never been`,
  run: async (world, api) => {
    const hidden = await prepare(api);
    const missing = randomUUID();

    await assertNothingChanges(world, async () => {
      const ofHidden = requestsOfAnyone(hidden, as, api);
      const ofMissing = requestsOfAnyone(missing, as, api);
      for (const [n, [request, start]] of ofHidden.entries()) {
        const about = await world.proxy.record(start);
        const without = await world.proxy.record(ofMissing[n]![1]);
        const actions = ({ calls }: typeof about) => calls.map(({ action }) => action);
        assert.deepEqual(anonymous(about.result, hidden), anonymous(without.result, missing), request);
        assert.deepEqual(actions(about), actions(without), request);
      }
    });
  },
}));

/** The promises P1 to P5 on every write, each in small: what is promised whatever comes between. */
export const scenarios: readonly Scenario[] = [
  ...answers,
  ...offers,
  ...withdrawals,
  ...creations,
  ...deletions,
  ...factsUnderWay,
  ...deletionsUnderWay,
  ...secrets,
  ...updates,
];
