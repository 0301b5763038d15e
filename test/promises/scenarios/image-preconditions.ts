import assert from 'node:assert/strict';
import { memberOf, owner, tagOf, withIfMatch, type ImageApi } from '../image-api.ts';
import { assertAnswered, isWrite, plantAttributes, type World } from '../world.ts';
import { assertUnchanged, becomingPrivate, imageRecordKey, type Scenario } from './scenario.ts';
import { changesInFlight } from './updates.ts';

/** Deletions of an image that are held while another request changes it. Each has a condition of its own. */
const deletionsInFlight = [
  ['the deletion of an image', {}],
  ['the deletion of an image with members', { beta: 'accepted' }],
] as const;

const writes = [
  ...changesInFlight.map(([what, members, change]) => ({
    what,
    members,
    act: (api: ImageApi, id: string) => api.patch(id, change),
    success: 200,
    listed: 'os_hidden' in change ? [] : ['gamma'],
  })),
  ...deletionsInFlight.map(([what, members]) => ({
    what,
    members,
    act: (api: ImageApi, id: string) => api.remove(id),
    success: 204,
    listed: [],
  })),
];

/** Imports data into an image, whose progress changes its entity tag. */
const startImport = async (api: ImageApi, members: Parameters<ImageApi['share']>[0]): Promise<string> => {
  const id = await api.share(members, { disk_format: 'raw', container_format: 'bare' });
  assertAnswered(await api.import(id), 202);
  return id;
};

/** Scenarios of preconditions on an image while its data is imported. */
export const imagePreconditionScenarios: readonly Scenario[] = [
  ...writes.flatMap(({ what, members, act, success, listed }): Scenario[] => {
    /** Creates an image and holds the write for its current tag. */
    const holdWrite = async (world: World, api: ImageApi) => {
      const id = await startImport(api, members);
      const conditional = withIfMatch(api, tagOf(await api.show(id)));
      return { id, held: await world.hold(isWrite, () => act(conditional, id)) };
    };
    return [
      {
        name: `${what} with a precondition is applied to the expected image`,
        run: async (_world, api) => {
          const id = await startImport(api, members);

          assertAnswered(await act(withIfMatch(api, tagOf(await api.show(id))), id), success);
        },
      },
      {
        name: `${what} with a precondition in flight writes nothing after another change`,
        run: async (world, api) => {
          const { id, held } = await holdWrite(world, api);
          assertAnswered(await api.patch(id, { colour: 'green' }), 200);

          await assertUnchanged(world, async () => assertAnswered(await held.release(), 412));
        },
      },
      {
        name: `${what} with a precondition in flight writes nothing after progress of the import`,
        run: async (world, api) => {
          const { id, held } = await holdWrite(world, api);
          await plantAttributes(world.table, imageRecordKey(id), { imported_bytes: 7 });

          await assertUnchanged(world, async () => assertAnswered(await held.release(), 412));
        },
      },
      {
        name: `${what} with a precondition in flight is not applied after a pending change`,
        run: async (world, api) => {
          const { id, held } = await holdWrite(world, api);
          const before = await api.show(id);
          await plantAttributes(world.table, imageRecordKey(id), { pending_change: becomingPrivate });

          assertAnswered(await held.release(), 412);
          const { body } = await api.show(id);
          const { updated_at, ...unchanged } = before.body as Record<string, unknown>;
          assert.deepEqual({ ...unchanged, updated_at: body.updated_at, visibility: 'private' }, body);
          assert.ok(body.updated_at >= String(updated_at));
        },
      },
      {
        name: `${what} with a precondition in flight includes a member that was added meanwhile`,
        run: async (world, api) => {
          const { id, held } = await holdWrite(world, api);
          assertAnswered(await api.offer(id, 'gamma'), 200);
          assertAnswered(await api.answer(id, 'gamma', 'accepted'), 200);

          assertAnswered(await held.release(), success);
          assert.deepEqual(await api.list(memberOf('gamma')), listed.length > 0 ? [id] : []);
          assert.deepEqual(await api.list(owner), success === 200 && listed.length > 0 ? [id] : []);
        },
      },
    ];
  }),
  ...writes
    .filter(({ success }) => success === 200)
    .map(({ what, members, act }): Scenario => ({
      name: `${what} with a precondition in flight writes nothing if the image has another import`,
      contradictory: true,
      run: async (world, api) => {
        const id = await startImport(api, members);
        const conditional = withIfMatch(api, tagOf(await api.show(id)));
        const held = await world.hold(isWrite, () => act(conditional, id));
        await plantAttributes(world.table, imageRecordKey(id), { import_job: 'another' });

        await assertUnchanged(world, async () => assertAnswered(await held.release(), 503));
      },
    })),
];
