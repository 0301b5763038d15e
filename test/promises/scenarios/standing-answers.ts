import assert from 'node:assert/strict';
import { admin, memberOf, type ImageApi } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt, plantItems } from '../world.ts';
import { assertUnchanged, future, membershipKeyOf, offerKeyOf, type Scenario } from './scenario.ts';

/** Offers of an image to beta with and without an end. Their writes set different attributes. */
const offers = [
  ['an offer', (api: ImageApi, id: string) => api.offer(id, 'beta')],
  ['an offer until a time', (api: ImageApi, id: string) => api.offerUntil(id, 'beta', future)],
] as const;

/** Scenarios of standing answers, and of offers that they decide on. */
export const standingAnswerScenarios: readonly Scenario[] = [
  {
    name: 'a standing answer decides on every later offer of its owner and on no earlier one',
    run: async (_world, api) => {
      const earlier = await api.share({ beta: 'pending' });
      const [first, second, third] = [await api.create(), await api.create(), await api.create()];
      const ofAnother = await api.create({}, memberOf('omega'));

      assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);
      assert.equal(assertAnswered(await api.offer(first, 'beta'), 200).body.status, 'accepted');
      assert.equal(assertAnswered(await api.offer(ofAnother, 'beta', memberOf('omega')), 200).body.status, 'pending');
      assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'rejected'), 200);
      assert.equal(assertAnswered(await api.offer(second, 'beta'), 200).body.status, 'rejected');
      assertAnswered(await api.removeStandingAnswer('beta', 'alpha'), 204);
      assert.equal(assertAnswered(await api.offer(third, 'beta'), 200).body.status, 'pending');

      assert.deepEqual(await api.members(earlier), { beta: 'pending' });
      assert.deepEqual(await api.list(memberOf('beta')), [first]);
      assert.deepEqual(await api.list(memberOf('beta'), '?member_status=rejected'), [second]);
    },
  },
  {
    name: "a standing answer to the owner decides on an admin's offer of the owner's image too",
    run: async (_world, api) => {
      const id = await api.create();
      assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);
      assertAnswered(await api.setStandingAnswer('beta', 'root', 'rejected'), 200);

      assert.equal(assertAnswered(await api.offer(id, 'beta', admin), 200).body.status, 'accepted');
    },
  },
  {
    name: 'a member can change the status that its standing answer has set',
    run: async (_world, api) => {
      const id = await api.create();
      assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'rejected'), 200);
      assertAnswered(await api.offer(id, 'beta'), 200);

      assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);

      assert.deepEqual(await api.list(memberOf('beta')), [id]);
    },
  },
  {
    name: 'an offer in flight when the owner changes is decided by the standing answer to the new owner',
    run: async (world, api) => {
      const id = await api.create({}, 'root:admin');
      assertAnswered(await api.setStandingAnswer('beta', 'root', 'accepted'), 200);
      assertAnswered(await api.setStandingAnswer('beta', 'omega', 'rejected'), 200);
      const offer = await world.hold(isWrite, () => api.offer(id, 'beta', admin));
      assertAnswered(await api.patch(id, { owner: 'omega' }, admin), 200);

      assert.equal(assertAnswered(await offer.release(), 200).body.status, 'rejected');
    },
  },
  ...offers.flatMap(([what, offerToBeta]): Scenario[] => [
    {
      name: `${what} in flight when the standing answer changes has the new status`,
      run: async (world, api) => {
        const id = await api.create();
        assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);
        const offer = await world.hold(isWrite, () => offerToBeta(api, id));
        assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'rejected'), 200);

        assert.equal(assertAnswered(await offer.release(), 200).body.status, 'rejected');
        assert.deepEqual(await api.members(id), { beta: 'rejected' });
      },
    },
    {
      name: `${what} in flight when the standing answer is removed is pending`,
      run: async (world, api) => {
        const id = await api.create();
        assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);
        const offer = await world.hold(isWrite, () => offerToBeta(api, id));
        assertAnswered(await api.removeStandingAnswer('beta', 'alpha'), 204);

        assert.equal(assertAnswered(await offer.release(), 200).body.status, 'pending');
        assert.deepEqual(await api.members(id), { beta: 'pending' });
      },
    },
    {
      name: `${what} with a standing answer whose write loses its response is applied once`,
      run: async (world, api) => {
        const id = await api.create();
        assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);
        world.loseNextResponse(isWrite);

        assertAnswered(await offerToBeta(api, id), 200);
        assert.deepEqual(await api.members(id), { beta: 'accepted' });
      },
    },
    ...(['', ' with a standing answer'] as const).flatMap((standing): Scenario[] => {
      const prepare = async (api: ImageApi): Promise<void> => {
        if (standing !== '') assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);
      };
      return [
        {
          name: `${what}${standing} to a project that has become a member meanwhile is not partly written`,
          contradictory: true,
          run: async (world, api) => {
            const id = await api.share({ gamma: 'accepted' });
            await prepare(api);
            const membership = await itemAt(world.table, membershipKeyOf(id, 'gamma'));
            const offer = await world.hold(isWrite, () => offerToBeta(api, id));
            await plantItems(world.table, [{ ...membership, ...membershipKeyOf(id, 'beta'), member_id: 'beta' }]);

            await assertUnchanged(world, async () => assertAnswered(await offer.release(), 409));
          },
        },
        {
          name: `${what}${standing} whose offer item already exists is not partly written`,
          contradictory: true,
          run: async (world, api) => {
            const id = await api.create();
            await prepare(api);
            await plantItems(world.table, [
              { ...offerKeyOf(id, 'beta'), format: 1, membership_id: 'planted', created_at: '' },
            ]);

            await assertUnchanged(world, async () => assertAnswered(await offerToBeta(api, id), 503));
          },
        },
      ];
    }),
  ]),
  {
    name: 'two standing answers set at the same time are both kept, the first ones and later ones',
    run: async (world, api) => {
      const first = await world.hold(isWrite, () => api.setStandingAnswer('beta', 'alpha', 'accepted'));
      assertAnswered(await api.setStandingAnswer('beta', 'gamma', 'rejected'), 200);
      assertAnswered(await first.release(), 200);
      assert.deepEqual(await api.standingAnswers('beta'), { alpha: 'accepted', gamma: 'rejected' });

      const later = await world.hold(isWrite, () => api.setStandingAnswer('beta', 'delta', 'accepted'));
      assertAnswered(await api.removeStandingAnswer('beta', 'alpha'), 204);
      assertAnswered(await later.release(), 200);
      assert.deepEqual(await api.standingAnswers('beta'), { delta: 'accepted', gamma: 'rejected' });

      const removal = await world.hold(isWrite, () => api.removeStandingAnswer('beta', 'gamma'));
      assertAnswered(await api.setStandingAnswer('beta', 'omega', 'accepted'), 200);
      assertAnswered(await removal.release(), 204);
      assert.deepEqual(await api.standingAnswers('beta'), { delta: 'accepted', omega: 'accepted' });
    },
  },
  {
    name: 'a standing answer whose write loses its response is set once, and the same one again writes nothing',
    run: async (world, api) => {
      world.loseNextResponse(isWrite);
      const { body } = assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);

      await assertUnchanged(world, async () => {
        assert.deepEqual(assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200).body, body);
        assertAnswered(await api.removeStandingAnswer('beta', 'gamma'), 404);
      });
    },
  },
  {
    name: 'standing answers are those of one project, which needs the role member to change them',
    run: async (world, api) => {
      assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'accepted'), 200);

      await assertUnchanged(world, async () => {
        assertAnswered(await api.setStandingAnswer('beta', 'alpha', 'rejected', 'beta:reader'), 403);
        assertAnswered(await api.removeStandingAnswer('beta', 'alpha', 'beta:reader'), 403);
        assertAnswered(await api.removeStandingAnswer('beta', 'alpha', memberOf('alpha')), 404);
        assertAnswered(await api.removeStandingAnswer('beta', 'alpha', admin), 404);
      });
      assert.deepEqual(await api.standingAnswers('alpha'), {});
    },
  },
];
