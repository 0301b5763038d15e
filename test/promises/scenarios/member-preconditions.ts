import assert from 'node:assert/strict';
import type { MemberStatus } from '../../../lambda/domain/membership.ts';
import { admin, memberOf, owner, tagOf, withIfMatch, type ImageApi } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt, plantAttributes, type World } from '../world.ts';
import {
  assertUnchanged,
  memberAndAdmin,
  membershipKeyOf,
  offerKeyOf,
  ownerAndAdmin,
  sequenceOf,
  type Scenario,
} from './scenario.ts';

const expiryOf = (id: string): string => `/sharing/v1/images/${id}/members/beta/expiry`;
const end = '2099-01-01T00:00:00Z';

/** Answers, withdrawals and changes of the end. Each has a condition of its own. */
const writes = [
  ...memberAndAdmin.map(([who, caller]) => ({
    what: `an answer of ${who}`,
    caller,
    act: (api: ImageApi, id: string) => api.answer(id, 'beta', 'rejected', caller),
    success: 200,
  })),
  ...ownerAndAdmin.map(([who, caller]) => ({
    what: `a withdrawal by ${who}`,
    caller,
    act: (api: ImageApi, id: string) => api.withdraw(id, 'beta', caller),
    success: 204,
  })),
  ...ownerAndAdmin.flatMap(([who, caller]) => [
    {
      what: `an end of a membership by ${who}`,
      caller,
      act: (api: ImageApi, id: string) =>
        api.request('PUT', expiryOf(id), { as: caller, body: { expires_at: '2099-01-02T00:00:00Z' } }),
      success: 200,
    },
  ]),
  {
    what: 'leaving',
    caller: memberOf('beta'),
    act: (api: ImageApi, id: string) =>
      api.request('DELETE', `/sharing/v1/memberships/${id}`, { as: memberOf('beta') }),
    success: 204,
  },
];

/** Returns the client with the current entity tag of the member beta in each request. */
const expecting = async (api: ImageApi, id: string): Promise<ImageApi> =>
  withIfMatch(api, tagOf(await api.showMember(id, 'beta')));

const later = '2098-01-01T00:00:00Z';
const membershipOf = async ({ table }: World, id: string) => (await itemAt(table, membershipKeyOf(id, 'beta')))!;
const plantTime = async (world: World, id: string, updatedAt: unknown): Promise<void> => {
  const isAnswered = (await membershipOf(world, id))['answered_at'] !== undefined;
  await plantAttributes(world.table, membershipKeyOf(id, 'beta'), {
    updated_at: updatedAt,
    ...(isAnswered && { answered_at: updatedAt }),
  });
};
const plantOfferTime = async ({ table }: World, id: string, time: unknown) => {
  await plantAttributes(table, membershipKeyOf(id, 'beta'), { created_at: time, updated_at: time });
  await plantAttributes(table, offerKeyOf(id, 'beta'), { created_at: time });
};
const plantEnd = async ({ table }: World, id: string, time: string | undefined) => {
  const endsAt = time === undefined ? undefined : Date.parse(time) / 1000;
  const expiryShard = time === undefined ? undefined : id.slice(-1);
  await plantAttributes(table, membershipKeyOf(id, 'beta'), { ends_at: endsAt, expiry_shard: expiryShard });
  await plantAttributes(table, offerKeyOf(id, 'beta'), { ends_at: endsAt });
};

/** Returns the scenarios of preconditions on a member whose membership has this end. */
const scenariosWith = (expiresAt: string | undefined): readonly Scenario[] =>
  writes.flatMap(({ what: write, caller, act, success }): Scenario[] => {
    const what = expiresAt === undefined ? write : `${write}, of a membership with an end,`;
    /** Creates an image whose members are beta and gamma, and returns a client that expects the state of beta. */
    const arrange = async (world: World, api: ImageApi, status: MemberStatus) => {
      const id = await api.share({ beta: status, gamma: 'pending' });
      await plantEnd(world, id, expiresAt);
      return { id, conditional: await expecting(api, id) };
    };
    /** The same, with the write held. */
    const hold = async (world: World, api: ImageApi, status: MemberStatus = 'pending') => {
      const { id, conditional } = await arrange(world, api, status);
      return { id, conditional, held: await world.hold(isWrite, () => act(conditional, id)) };
    };

    return [
      {
        name: `${what} is applied to the expected membership`,
        run: async (world, api) => {
          const { id, conditional } = await arrange(world, api, 'accepted');
          const { sequence } = await membershipOf(world, id);

          assertAnswered(await act(conditional, id), success);
          assert.equal(sequenceOf(await membershipOf(world, id)), Number(sequence) + 1);
        },
      },
      {
        name: `${what} in flight is not applied to a later offer, even of the same second`,
        run: async (world, api) => {
          const { id, conditional, held } = await hold(world, api);
          const { updated_at: offeredAt } = await membershipOf(world, id);
          assertAnswered(await api.withdraw(id, 'beta'), 204);
          assertAnswered(await api.offer(id, 'beta'), 200);
          await plantOfferTime(world, id, offeredAt);
          await plantEnd(world, id, expiresAt);

          await assertUnchanged(world, async () => {
            assertAnswered(await held.release(), 412);
            assertAnswered(await act(conditional, id), 412);
          });
        },
      },
      {
        name: `${what} in flight is not applied after another answer, even of the same second`,
        run: async (world, api) => {
          const { id, held } = await hold(world, api);
          const { updated_at: offeredAt } = await membershipOf(world, id);
          assertAnswered(await api.answer(id, 'beta', 'accepted'), 200);
          await plantTime(world, id, offeredAt);

          await assertUnchanged(world, async () => assertAnswered(await held.release(), 412));
        },
      },
      {
        name: `${what} in flight is not applied after answers that restore the status later`,
        run: async (world, api) => {
          const { id, held } = await hold(world, api);
          await plantTime(world, id, later);

          await assertUnchanged(world, async () => assertAnswered(await held.release(), 412));
        },
      },
      {
        name: `${what} in flight is not applied after a change of the end, even of the same second`,
        run: async (world, api) => {
          const { id, held } = await hold(world, api);
          await plantEnd(world, id, '2099-01-03T00:00:00Z');

          await assertUnchanged(world, async () => assertAnswered(await held.release(), 412));
        },
      },
      {
        name: `${what} with a precondition, in flight during a withdrawal, is refused`,
        run: async (world, api) => {
          const { id, held } = await hold(world, api);
          assertAnswered(await api.withdraw(id, 'beta'), 204);

          await assertUnchanged(world, async () => assertAnswered(await held.release(), 404));
        },
      },
      {
        name: `${what} with a precondition, in flight when the owner changes, is refused or applied`,
        run: async (world, api) => {
          const { id, held } = await hold(world, api);
          assertAnswered(await api.patch(id, { owner: 'beta' }, admin), 200);

          const isOwnerRequired = caller === owner;
          const isAnswerOfOwner = caller === memberOf('beta') && success === 200;
          assertAnswered(await held.release(), isOwnerRequired ? 404 : isAnswerOfOwner ? 403 : success);
        },
      },
      {
        name: `${what} with a precondition whose write loses its response is applied once`,
        run: async (world, api) => {
          const { id, conditional } = await arrange(world, api, 'accepted');
          const { sequence } = await membershipOf(world, id);
          world.loseNextResponse(isWrite);

          assertAnswered(await act(conditional, id), success);
          assert.equal(sequenceOf(await membershipOf(world, id)), Number(sequence) + 1);
        },
      },
      ...(write === 'leaving'
        ? []
        : [
            {
              name: `${what} with a precondition is refused if the image is not shared`,
              run: async (world: World, api: ImageApi) => {
                const { id, held } = await hold(world, api);
                assertAnswered(await api.patch(id, { visibility: 'private' }), 200);

                await assertUnchanged(world, async () => {
                  assertAnswered(await held.release(), caller === memberOf('beta') ? 404 : 403);
                });
              },
            },
          ]),
      ...(write.startsWith('an answer')
        ? [
            {
              name: `the same answer again, as ${what} is refused in another state and otherwise writes nothing`,
              run: async (world: World, api: ImageApi) => {
                const { id, conditional } = await arrange(world, api, 'rejected');

                await assertUnchanged(world, async () => {
                  assertAnswered(await act(conditional, id), 200);
                  assertAnswered(await act(withIfMatch(api, '"other"'), id), 412);
                });
              },
            },
          ]
        : []),
    ];
  });

/** Scenarios of preconditions on a member. */
export const memberPreconditionScenarios: readonly Scenario[] = [...scenariosWith(undefined), ...scenariosWith(end)];
