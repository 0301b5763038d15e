import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { visibilities, type Visibility } from '../../../lambda/domain/image.ts';
import { admin, memberOf, owner, stranger } from '../image-api.ts';
import { assertAnswered, isWrite } from '../world.ts';
import { assertUnchanged, type Scenario } from './scenario.ts';

/** Scenarios of new images. */
export const creationScenarios: readonly Scenario[] = [
  {
    name: 'an image id is used once, and not again after the deletion of its image',
    run: async (world, api) => {
      const id = randomUUID();
      const second = await world.hold(isWrite, () =>
        world.request('POST', '/v2/images', { as: memberOf('beta'), body: { id, visibility: 'community' } }),
      );
      await api.create({ id, name: 'first' });
      assertAnswered(await api.offer(id, 'gamma'), 200);

      await assertUnchanged(world, async () => assertAnswered(await second.release(), 409));
      assertAnswered(await api.remove(id), 204);
      await assertUnchanged(world, async () => {
        assertAnswered(await world.request('POST', '/v2/images', { as: owner, body: { id } }), 409);
      });
    },
  },
  {
    name: 'a new image is listed immediately for every project that can see it',
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
