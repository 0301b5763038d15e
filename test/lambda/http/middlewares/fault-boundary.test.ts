import { expect, test } from '@jest/globals';
import { invalidRequest, tryAgainLater } from '../../../../lambda/domain/errors.ts';
import type { HandleRequest } from '../../../../lambda/http/operation.ts';
import { anOperation } from '../../../support/an-operation.ts';

const throwing =
  (error: unknown): HandleRequest =>
  () => {
    throw error;
  };

test('the log has the status and the code of the fault', async () => {
  const { status, body, log } = await anOperation(
    { operation: throwing(invalidRequest('Wrong.')) },
    'GET',
    '/v2/images',
  );

  expect([status, body.error]).toEqual([400, 'invalid-request']);
  expect(log).toEqual([expect.objectContaining({ level: 'info', status: 400, fault: 'invalid-request' })]);
});

test('every error response has the format of the API and the request id', async () => {
  const options = { headers: { 'x-openstack-request-id': 'req-7' } };

  const { headers, body } = await anOperation({ operation: throwing(tryAgainLater()) }, 'GET', '/v2/images', options);

  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'retry-after': '1',
    'x-openstack-request-id': 'req-7',
  });
  expect(body).toEqual({
    message: 'Too many concurrent changes. Please try again.',
    code: '503 Service Unavailable',
    title: 'Service Unavailable',
    error: 'try-again-later',
    request_id: 'req-7',
  });
});

test('a body that is no JSON is a bad request, and is not repeated', async () => {
  const { status, body, log } = await anOperation({ body: 'json' }, 'POST', '/v2/images', { body: '{"secret": 1' });

  expect(status).toBe(400);
  expect(body).toMatchObject({
    code: '400 Bad Request',
    error: 'invalid-request',
    message: 'The body must be valid JSON.',
  });
  expect(JSON.stringify([body, log])).not.toContain('secret');
});

test('the response to an unexpected error has no cause, and the log has it', async () => {
  const cause = new Error('the cause', { cause: new Error('its own cause') });

  const { status, body, log } = await anOperation({ operation: throwing(cause) }, 'GET', '/v2/images');

  expect(status).toBe(500);
  expect(JSON.stringify(body)).not.toContain('cause');
  expect(log.filter(({ message }) => message === 'request')).toEqual([
    expect.objectContaining({
      level: 'error',
      status: 500,
      fault: 'internal-error',
      cause: expect.objectContaining({
        name: 'Error',
        message: 'the cause',
        cause: expect.objectContaining({ message: 'its own cause' }),
      }),
    }),
  ]);
});

test.each(['Bearer', 'Keystone uri="https://identity.test"'])('a 401 carries the challenge %s', async (challenge) => {
  const identity = { challenge, verify: () => Promise.resolve(undefined) };

  const { status, headers, request } = await anOperation({ identity }, 'GET', '/v2/images');

  expect(status).toBe(401);
  expect(headers['www-authenticate']).toBe(challenge);
  expect(request).toBeUndefined();
});
