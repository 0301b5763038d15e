import { expect, test } from '@jest/globals';
import { databaseUnavailable, identityUnavailable } from '../../../../lambda/domain/errors.ts';
import type { HandleRequest } from '../../../../lambda/http/operation.ts';
import { anOperation } from '../../../support/an-operation.ts';

const image = '71c675ab-d94f-49cd-a114-e12490b328d9';
const trace = '1-5759e988-bd862e3fe1be46a994272793';

const idsAndMetrics = {
  gatewayRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  lambdaRequestId: 'lambda-request',
  traceId: undefined,
  coldStart: true,
  Requests: 1,
  Duration: expect.any(Number),
  ColdStarts: 1,
  ReadUnits: 0,
  WriteUnits: 0,
  _aws: expect.anything(),
};

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
      outcome: 'success',
      fault: undefined,
      requestId: 'req-mine',
      ...idsAndMetrics,
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
      outcome: 'refused',
      fault: 'not-authenticated',
      requestId: expect.stringMatching(/^req-[0-9a-f-]{36}$/),
      ...idsAndMetrics,
    },
  ]);
});

test('a path that names no possible image is not repeated', async () => {
  const { log } = await anOperation({}, 'GET', '/v2/images/secret');

  expect(log).toEqual([expect.objectContaining({ image: undefined })]);
});

test.each<[string, HandleRequest, number, string, string]>([
  ['a failed request', () => Promise.reject(new Error('unforeseen')), 500, 'failed', 'ServerErrors'],
  ['a request without a database', () => Promise.reject(databaseUnavailable()), 503, 'unavailable', 'ServerErrors'],
  [
    'a request without an identity provider',
    () => Promise.reject(identityUnavailable()),
    503,
    'unavailable',
    'IdentityUnavailable',
  ],
])(
  '%s counts for its operation and, in a line of its own, for all',
  async (_title, operation, status, outcome, metric) => {
    const { log } = await anOperation({ operation }, 'GET', '/v2/images');

    expect(log).toEqual([
      expect.objectContaining({ message: 'server error', operation: 'all', outcome, [metric]: 1 }),
      expect.objectContaining({ message: 'request', operation: 'it', status, outcome, [metric]: 1, Requests: 1 }),
    ]);
  },
);

test.each([
  ['the root of a trace', `Self=1-x;Root=${trace};Sampled=1`, trace],
  ['any other text', 'Root=secret', undefined],
  ['a root that continues', `Root=${trace}secret`, undefined],
  ['no header', undefined, undefined],
])('of a trace header with %s the log has the root only', async (_title, header, traceId) => {
  const headers = header === undefined ? {} : { 'x-amzn-trace-id': header };

  const { log } = await anOperation({}, 'GET', '/v2/images', { headers });

  expect(log).toEqual([expect.objectContaining({ traceId })]);
});
