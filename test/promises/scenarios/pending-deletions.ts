import { type ImageApi } from '../image-api.ts';
import { assertAnswered, itemAt, plantDeletion, plantAttributes } from '../world.ts';
import {
  imageRecordKey,
  offerKeyOf,
  membershipKeyOf,
  isOfferStep,
  isLastDeletionStep,
  assertUnchanged,
  becomingPrivate,
  type Scenario,
} from './scenario.ts';

/** Scenarios of requests between the steps of a pending deletion. */
export const pendingDeletionScenarios: readonly Scenario[] = [
  {
    name: 'a withdrawal and an answer during a pending deletion leave no items',
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted', gamma: 'pending', delta: 'pending' });
      const deletion = await world.hold(isOfferStep, () => api.remove(id));
      assertAnswered(await api.answer(id, 'gamma', 'accepted'), 200);
      assertAnswered(await api.withdraw(id, 'beta'), 204);

      assertAnswered(await deletion.release(), 204);
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
        ['over the members', isOfferStep],
        ['that is its last', isLastDeletionStep],
      ] as const
    ).map(([where, step]): Scenario => ({
      name: `${what} completes a pending deletion before its step ${where}`,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const deletion = await world.hold(step, () => api.remove(id));

        assertAnswered(await request(api, id), status);
        await assertUnchanged(world, async () => assertAnswered(await deletion.release(), 204));
      },
    })),
  ),
  ...(
    [
      ['over the members', isOfferStep],
      ['that is its last', isLastDeletionStep],
    ] as const
  ).flatMap(([where, step]): Scenario[] => [
    {
      name: `the step of a deletion ${where} is not applied to another pending change`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const deletion = await world.hold(step, () => api.remove(id));
        const { version } = (await itemAt(world.table, imageRecordKey(id))) as { version: number };
        await plantAttributes(world.table, imageRecordKey(id), {
          version: version + 2,
          pending_change: becomingPrivate,
        });

        await assertUnchanged(world, () => deletion.release());
      },
    },
    {
      name: `the step of a deletion ${where} is not applied without a pending change`,
      contradictory: true,
      run: async (world, api) => {
        const id = await api.share({ beta: 'accepted' });
        const deletion = await world.hold(step, () => api.remove(id));
        await plantAttributes(world.table, imageRecordKey(id), { pending_change: undefined });

        await assertUnchanged(world, () => deletion.release());
      },
    },
  ]),
  {
    name: 'a deletion that finds a membership without its offer is not partly written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const deletion = await world.hold(isOfferStep, () => api.remove(id));
      await plantDeletion(world.table, offerKeyOf(id, 'beta'));

      await assertUnchanged(world, async () => assertAnswered(await deletion.release(), 503));
    },
  },
  {
    name: 'a deletion that finds an offer without its membership is not partly written',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const deletion = await world.hold(isOfferStep, () => api.remove(id));
      await plantAttributes(world.table, membershipKeyOf(id, 'beta'), { status: undefined });

      await assertUnchanged(world, async () => assertAnswered(await deletion.release(), 503));
    },
  },
  {
    name: 'an image with a member count above 0 is not deleted',
    contradictory: true,
    run: async (world, api) => {
      const id = await api.share({ beta: 'accepted' });
      const deletion = await world.hold(isLastDeletionStep, () => api.remove(id));
      await plantAttributes(world.table, imageRecordKey(id), { member_count: 1 });

      await assertUnchanged(world, async () => assertAnswered(await deletion.release(), 503));
    },
  },
];
