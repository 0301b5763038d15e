import { expect, test } from '@jest/globals';
import { anOperation } from '../../../support/an-operation.ts';

const image = '71c675ab-d94f-49cd-a114-e12490b328d9';

test('a request is one line with exactly these fields and no content of the request', async () => {
  const { log } = await anOperation({ body: 'json' }, 'POST', `/v2/images/${image}/members?secret=query`, {
    as: 'secret-free:member',
    headers: { authorization: 'Basic secret', cookie: 'secret', 'x-openstack-request-id': 'mine' },
    body: { member: 'secret' },
  });

  expect(log).toEqual([
    {
      level: 'info',
      message: 'request',
      operation: 'it',
      image,
      project: 'secret-free',
      status: 204,
      fault: undefined,
      requestId: 'req-mine',
      milliseconds: expect.any(Number),
    },
  ]);
  expect(JSON.stringify(log)).not.toMatch(/dev:|secret(?!-free)/);
});

test('a request without a valid token is a line without a project, and without the token', async () => {
  const { log } = await anOperation({}, 'GET', '/v2/images', { headers: { 'x-auth-token': 'secret' } });

  expect(log).toEqual([
    {
      level: 'info',
      message: 'request',
      operation: 'it',
      image: undefined,
      project: undefined,
      status: 401,
      fault: 'not-authenticated',
      requestId: expect.stringMatching(/^req-[0-9a-f-]{36}$/),
      milliseconds: expect.any(Number),
    },
  ]);
});

test('a path that names no possible image is not repeated', async () => {
  const { log } = await anOperation({}, 'GET', '/v2/images/secret');

  expect(log).toEqual([expect.objectContaining({ image: undefined })]);
});
