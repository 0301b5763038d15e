import { expect, test } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { imageNotFound, invalidRequest, tryAgainLater } from '../../../../lambda/domain/errors.ts';
import type { HandleRequest } from '../../../../lambda/http/operation.ts';
import { apiDocument } from '../../../../lambda/http/api-document.ts';
import {
  created,
  redirect,
  multipleChoices,
  noContent,
  ok,
  okEmpty,
  okText,
  type ApiResponse,
} from '../../../../lambda/http/api-response.ts';
import { discoveryHandler } from '../../../../lambda/http/discovery-handler.ts';
import { createDevVerifier } from '../../../../lambda/identity/dev.ts';
import { aTelemetry } from '../../../support/a-telemetry.ts';
import { httpEvent } from '../../../support/service.ts';
import { anOperation } from '../../../support/an-operation.ts';
import { faultHeaders, responseHeaders } from '../response-headers.ts';

const { vary: ofToken, ...everywhere } = responseHeaders;
const ofFault = faultHeaders.vary;

test.each<[number, ApiResponse]>([
  [200, ok({})],
  [200, okText('"OK"')],
  [200, okEmpty()],
  [201, created({}, 'https://api.test/v2/images/x')],
  [204, noContent()],
  [300, multipleChoices({})],
  [302, redirect('https://api.test/v2/')],
])('a %i has the headers of every response, and varies by the token', async (status, response) => {
  const outcome = await anOperation({ operation: () => Promise.resolve(response) }, 'GET', '/v2/images');

  expect(outcome.status).toBe(status);
  expect(outcome.headers).toEqual({ ...response.headers, ...everywhere, vary: ofToken });
});

const throwing =
  (error: unknown): HandleRequest =>
  () => {
    throw error;
  };

test.each<[number, Parameters<typeof anOperation>[0], object]>([
  [400, { operation: throwing(invalidRequest('Wrong.')) }, {}],
  [400, { body: 'json' }, { body: '{' }],
  [400, {}, { headers: { 'x-openstack-request-id': 'a b' } }],
  [401, {}, { headers: { 'x-auth-token': 'nonsense' } }],
  [404, { operation: throwing(imageNotFound('x')) }, {}],
  [404, { operation: throwing(imageNotFound('x')) }, { headers: { 'user-agent': 'curl' } }],
  [500, { operation: throwing(new Error('unforeseen')) }, {}],
  [503, { operation: throwing(tryAgainLater()) }, {}],
])('a fault %i has them too, and varies by the client as well', async (status, operation, options) => {
  const outcome = await anOperation(operation, 'GET', '/v2/images', options);

  expect(outcome.status).toBe(status);
  expect(outcome.headers).toMatchObject({ ...everywhere, vary: ofFault });
});

const discovery = discoveryHandler(apiDocument(), { identity: createDevVerifier(), telemetry: aTelemetry() });

test.each([
  ['GET', '/', 300, 'Origin'],
  ['GET', '/nope', 300, 'Origin'],
  ['GET', '/versions', 200, 'Origin'],
  ['GET', '/healthcheck', 200, 'Origin'],
  ['GET', '/openapi.json', 200, 'Origin'],
  ['OPTIONS', '/v2/images', 200, 'Origin'],
  ['GET', '/v2/schemas/image', 401, ofFault],
  ['GET', '/v2', 401, ofFault],
])('%s %s, a %i, varies by %s', async (method, path, status, vary) => {
  const { statusCode, headers } = await discovery(httpEvent(method, path, {}), {} as Context);

  expect(statusCode).toBe(status);
  expect(headers).toMatchObject({ ...everywhere, vary });
});

test('a fault of an operation without a token does not vary by a token', async () => {
  const outcome = await discovery(
    httpEvent('GET', '/versions', { headers: { 'x-openstack-request-id': 'a b' } }),
    {} as Context,
  );

  expect(outcome.statusCode).toBe(400);
  expect(outcome.headers).toMatchObject({ ...everywhere, vary: 'User-Agent, Origin' });
});
