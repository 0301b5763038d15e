import { expect, test } from '@jest/globals';
import { anOperation } from '../../../support/an-operation.ts';

const ask = (given?: string) =>
  anOperation({}, 'GET', '/v2/images', { headers: given === undefined ? {} : { 'x-openstack-request-id': given } });

test.each([undefined, ''])('for %j every response has another generated request id', async (given) => {
  const [one, other] = [await ask(given), await ask(given)];

  expect(one.headers['x-openstack-request-id']).toMatch(/^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(other.headers['x-openstack-request-id']).not.toBe(one.headers['x-openstack-request-id']);
});

test.each([
  ['abc', 'req-abc'],
  ['req-abc', 'req-abc'],
  ['A.b_c-9', 'req-A.b_c-9'],
  ['x'.repeat(64), `req-${'x'.repeat(64)}`],
])("the client's own %s comes back as %s", async (given, returned) => {
  const { status, headers } = await ask(given);

  expect(status).toBe(204);
  expect(headers['x-openstack-request-id']).toBe(returned);
});

test.each([' ', 'a b', 'a,b', 'x'.repeat(65), 'é', '{"a":1}', 'a\tb'])(
  'the client’s own %j is refused under another id',
  async (given) => {
    const { status, headers, body, request } = await ask(given);

    expect([status, body.error]).toEqual([400, 'invalid-request']);
    expect(headers['x-openstack-request-id']).toMatch(/^req-[0-9a-f-]{36}$/);
    expect(body.request_id).toBe(headers['x-openstack-request-id']);
    expect(request).toBeUndefined();
  },
);

test('a missing token is reported first', async () => {
  const headers = { 'x-openstack-request-id': 'a b', 'x-auth-token': 'nonsense' };

  const { status } = await anOperation({}, 'GET', '/v2/images', { headers });

  expect(status).toBe(401);
});
