import assert from 'node:assert/strict';
import { connectTable } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../../../lambda/dynamodb/dynamodb-image-repository.ts';
import type { ImageId } from '../../../lambda/domain/ids.ts';
import { createRunImport } from '../../../lambda/use-cases/images/run-import.ts';
import type { TestResponse } from '../../support/service.ts';
import { someData } from '../../lambda/domain/an-image.ts';
import type { ImageApi } from '../image-api.ts';
import { assertAnswered, isWrite, itemAt, plantAttributes, type World } from '../world.ts';
import { assertUnchanged, becomingPrivate, imageRecordKey, type Scenario } from './scenario.ts';
import { changesInFlight } from './updates.ts';

const formats = { disk_format: 'raw', container_format: 'bare' };
const data = someData();

/** The repository of the worker. It uses the same proxy as the service. */
const imagesOf = ({ table }: World) => new DynamoDbImageRepository(connectTable(table.tableName), () => new Date());

/** Runs the current import of an image as the worker does. The body of the response is the outcome or the error. */
async function runImport(world: World, id: string): Promise<TestResponse> {
  const run = createRunImport({
    images: imagesOf(world),
    store: { copy: () => Promise.resolve(data), delete: () => Promise.resolve() },
    clock: () => new Date(),
    onGivenUp: () => undefined,
  });
  const jobId = String((await itemAt(world.table, imageRecordKey(id)))?.['import_job']);
  const outcome = run({ imageId: id as ImageId, jobId, isLastAttempt: false });
  return {
    headers: {},
    ...(await outcome.then(
      (body) => ({ status: 200, body }),
      (error: unknown) => ({ status: 500, body: String(error) }),
    )),
  };
}

const startImport = async (api: ImageApi, members: Parameters<ImageApi['share']>[0] = {}): Promise<string> => {
  const id = await api.share(members, formats);
  assertAnswered(await api.import(id), 202);
  return id;
};
const importData = async (world: World, api: ImageApi): Promise<string> => {
  const id = await startImport(api);
  assert.equal((await runImport(world, id)).body, 'active');
  return id;
};

/** Writes of the status that are held while another request changes the image. */
const statusChanges = [
  {
    what: 'an import',
    arrange: (_world: World, api: ImageApi) => api.create(formats),
    act: (_world: World, api: ImageApi, id: string) => api.import(id),
    success: 202,
    status: 'importing',
    planted: 'active',
    refusal: 409,
  },
  {
    what: 'the end of an import',
    arrange: (_world: World, api: ImageApi) => startImport(api),
    act: (world: World, _api: ImageApi, id: string) => runImport(world, id),
    success: 200,
    status: 'active',
    planted: 'queued',
    refusal: 200,
  },
  {
    what: 'a deactivation',
    arrange: importData,
    act: (_world: World, api: ImageApi, id: string) => api.act(id, 'deactivate'),
    success: 204,
    status: 'deactivated',
    planted: 'deactivated',
    refusal: 204,
  },
] as const;

/** Scenarios of imports and of changes of an image while its data is imported. */
export const importScenarios: readonly Scenario[] = [
  ...statusChanges.flatMap(({ what, arrange, act, success, status, planted, refusal }): Scenario[] => [
    {
      name: `${what} in flight keeps the changes of another request`,
      run: async (world, api) => {
        const id = await arrange(world, api);
        const held = await world.hold(isWrite, () => act(world, api, id));
        assertAnswered(await api.patch(id, { colour: 'green' }), 200);

        assertAnswered(await held.release(), success);
        const { body } = await api.show(id);
        assert.deepEqual([body.status, body.colour], [status, 'green']);
      },
    },
    {
      name: `${what} in flight is applied after a pending change that was recorded meanwhile`,
      run: async (world, api) => {
        const id = await arrange(world, api);
        const held = await world.hold(isWrite, () => act(world, api, id));
        await plantAttributes(world.table, imageRecordKey(id), { pending_change: becomingPrivate });

        assertAnswered(await held.release(), success);
        const { body } = await api.show(id);
        assert.deepEqual([body.status, body.visibility], [status, 'private']);
      },
    },
    {
      name: `${what} in flight writes nothing if the status has changed meanwhile`,
      contradictory: true,
      run: async (world, api) => {
        const id = await arrange(world, api);
        const held = await world.hold(isWrite, () => act(world, api, id));
        await plantAttributes(world.table, imageRecordKey(id), { status: planted });

        await assertUnchanged(world, async () => assertAnswered(await held.release(), refusal));
      },
    },
    {
      name: `${what} whose write loses its response is applied once`,
      run: async (world, api) => {
        const id = await arrange(world, api);
        const versionOf = async () => Number((await itemAt(world.table, imageRecordKey(id)))?.['version']);
        const before = await versionOf();
        world.loseNextResponse(isWrite);

        assertAnswered(await act(world, api, id), success);
        assert.equal(await versionOf(), before + 1);
      },
    },
  ]),
  {
    name: 'the end of an import in flight writes nothing if the image has another import',
    contradictory: true,
    run: async (world, api) => {
      const id = await startImport(api);
      const held = await world.hold(isWrite, () => runImport(world, id));
      await plantAttributes(world.table, imageRecordKey(id), { import_job: 'another' });

      await assertUnchanged(world, () => held.release());
    },
  },
  ...changesInFlight.flatMap(([what, members, change]): Scenario[] => [
    {
      name: `${what} in flight while the data is imported keeps the end of the import`,
      run: async (world, api) => {
        const id = await startImport(api, members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        assert.equal((await runImport(world, id)).body, 'active');

        assertAnswered(await held.release(), 200);
        const { body } = await api.show(id);
        assert.deepEqual({ ...body, ...change, status: 'active', checksum: data.checksum }, body);
      },
    },
    {
      name: `${what} in flight while the data is imported keeps the changes of another request`,
      run: async (world, api) => {
        const id = await startImport(api, members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        assertAnswered(await api.patch(id, { colour: 'green' }), 200);

        assertAnswered(await held.release(), 200);
        const { body } = await api.show(id);
        assert.deepEqual({ ...body, ...change, status: 'importing', colour: 'green' }, body);
      },
    },
    {
      name: `${what} in flight while the data is imported is applied after a pending change of another request`,
      run: async (world, api) => {
        const id = await startImport(api, members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        await plantAttributes(world.table, imageRecordKey(id), { pending_change: becomingPrivate });

        assertAnswered(await held.release(), 200);
        const { body } = await api.show(id);
        assert.deepEqual({ ...body, ...change, visibility: 'private', status: 'importing' }, body);
      },
    },
    {
      name: `${what} in flight while the data is imported includes a member that was added meanwhile`,
      run: async (world, api) => {
        const id = await startImport(api, members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        assertAnswered(await api.offer(id, 'gamma'), 200);
        assertAnswered(await api.answer(id, 'gamma', 'accepted'), 200);

        assertAnswered(await held.release(), 200);
        assert.deepEqual(await api.list('gamma:member'), 'os_hidden' in change ? [] : [id]);
      },
    },
    {
      name: `${what} in flight writes nothing if the image has another import`,
      contradictory: true,
      run: async (world, api) => {
        const id = await startImport(api, members);
        const held = await world.hold(isWrite, () => api.patch(id, change));
        await plantAttributes(world.table, imageRecordKey(id), { import_job: 'another' });

        await assertUnchanged(world, () => held.release());
      },
    },
  ]),
  {
    name: 'the progress of an import is recorded for its image, of another import it is not',
    run: async (world, api) => {
      const id = await startImport(api);
      const images = imagesOf(world);
      const jobId = String((await itemAt(world.table, imageRecordKey(id)))?.['import_job']);

      assert.equal(await images.recordProgress(id as ImageId, jobId, 7), true);
      await assertUnchanged(world, async () =>
        assert.equal(await images.recordProgress(id as ImageId, 'another', 9), false),
      );
      assert.equal((await api.show(id)).body.os_glance_imported_bytes, '7');
    },
  },
  {
    name: 'an import records no progress and does not end after the deletion of its image',
    run: async (world, api) => {
      const id = await startImport(api);
      const jobId = String((await itemAt(world.table, imageRecordKey(id)))?.['import_job']);
      const held = await world.hold(isWrite, () => runImport(world, id));
      assertAnswered(await api.remove(id), 204);

      await assertUnchanged(world, async () => {
        assert.equal((await held.release()).body, 'obsolete');
        assert.equal(await imagesOf(world).recordProgress(id as ImageId, jobId, 9), false);
      });
    },
  },
];
