import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestTable, type TestTable } from '../support/engine.ts';
import { startService, type Service } from '../support/service.ts';

// What a fuzzer does not come upon by chance: the names that JavaScript's own objects answer to.

let table: TestTable;
let service: Service;
beforeAll(async () => {
  table = await createTestTable();
  service = await startService(table.endpoint, table.tableName);
});
afterAll(() => table.drop());

const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
const inherited = Object.getOwnPropertyNames(Object.prototype).filter((name) => name !== '__proto__');

describe.each([...inherited, 'prototype', 'toJSON', 'then', 'length'])('a custom property named %s', (name) => {
  const as = `owner-of-${name}:member`;

  test('is kept and shown', async () => {
    const created = await service.request('POST', '/v2/images', { as, body: `{"${name}": "kept"}` });

    const shown = await service.request('GET', `/v2/images/${created.body?.id}`, { as });

    expect([created.status, shown.status]).toEqual([201, 200]);
    expect(Object.entries(shown.body)[0]).toEqual([name, 'kept']);
  });

  test('is one to filter by', async () => {
    const { body } = await service.request('POST', '/v2/images', { as, body: {} });
    await service.request('PATCH', `/v2/images/${body.id}`, {
      as,
      headers,
      body: [{ op: 'add', path: `/${name}`, value: 'wanted' }],
    });

    const found = await service.request('GET', `/v2/images?${name}=wanted`, { as });
    const others = await service.request('GET', `/v2/images?${name}=unwanted`, { as });

    expect([found.status, others.status]).toEqual([200, 200]);
    expect(found.body.images.map(({ id }: { id: string }) => id)).toEqual([body.id]);
    expect(others.body.images).toEqual([]);
  });

  test.each(['replace', 'remove'])('that an image has not is not there to %s', async (op) => {
    const { body } = await service.request('POST', '/v2/images', { as, body: {} });

    const answer = await service.request('PATCH', `/v2/images/${body.id}`, {
      as,
      headers,
      body: [{ op, path: `/${name}`, ...(op === 'replace' && { value: 'new' }) }],
    });

    expect([answer.status, answer.body.error]).toEqual([409, 'property-not-found']);
  });
});

describe('a custom property named __proto__', () => {
  const as = 'proto:member';

  test('is refused in an image and in a change of one', async () => {
    const { body } = await service.request('POST', '/v2/images', { as, body: {} });

    const created = await service.request('POST', '/v2/images', { as, body: '{"__proto__": "a"}' });
    const changed = await service.request('PATCH', `/v2/images/${body.id}`, {
      as,
      headers,
      body: '[{"op": "add", "path": "/__proto__", "value": "a"}]',
    });

    expect([created.status, created.body.error]).toEqual([400, 'invalid-request']);
    expect([changed.status, changed.body.error]).toEqual([400, 'invalid-request']);
  });

  test('is one that no image has', async () => {
    const answer = await service.request('GET', '/v2/images?__proto__=a', { as });

    expect([answer.status, answer.body.images]).toEqual([200, []]);
  });
});
