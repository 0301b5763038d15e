import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestTable, type TestTable } from './engine.ts';
import { seedImage } from './seed.ts';
import { startService, type Service } from './service.ts';
import { storedItems, type StoredItem } from './stored-items.ts';

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
});
afterAll(() => table.drop());

/** An item without what is different each time: ids of memberships, requests and writes, times, and where a sequence began. */
const withoutIdentity = ({ write_id: _, ...item }: StoredItem): string =>
  JSON.stringify(item, (key, value: unknown) =>
    key === 'sequence' ? Number(value) % 1000 : ['membership_id', 'request_id'].includes(key) ? '' : value,
  ).replaceAll(/\d{4}-\d\d-\d\dT[\d:]{8}Z/g, 'TIME');

test('what is seeded is what the service writes', async () => {
  const created = await service.request('POST', '/v2/images', { as: 'seeder:member', body: { visibility: 'shared' } });
  const path = `/v2/images/${created.body.id}/members`;
  await service.request('POST', path, { as: 'seeder:member', body: { member: 'one' } });
  await service.request('POST', path, { as: 'seeder:member', body: { member: 'two' } });
  await service.request('PUT', `${path}/two`, { as: 'two:member', body: { status: 'accepted' } });

  const image = await seedImage(table, {
    owner: 'seeder',
    members: [
      { project: 'one', status: 'pending' },
      { project: 'two', status: 'accepted' },
    ],
  });

  const items = await storedItems(table);
  const alike = (id: string) =>
    items
      .filter((item) => JSON.stringify(item).includes(id))
      .map((item) => JSON.parse(withoutIdentity(item).replaceAll(id, 'ID')) as unknown);
  expect(alike(image.id)).toHaveLength(6);
  expect(alike(image.id)).toEqual(alike(created.body.id as string));
});
