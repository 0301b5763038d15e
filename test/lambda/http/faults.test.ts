import { expect, test } from '@jest/globals';
import {
  identityUnavailable,
  SharingError,
  tryAgainLater,
  type SharingErrorCode,
} from '../../../lambda/domain/errors.ts';
import { faultOf, faultResponse, RequestFault } from '../../../lambda/http/faults.ts';

const statuses: Readonly<Record<SharingErrorCode | RequestFault['code'], string>> = {
  'invalid-request': '400 Bad Request',
  'invalid-member-status': '400 Bad Request',
  'not-authenticated': '401 Unauthorized',
  'not-permitted': '403 Forbidden',
  'image-not-shared': '403 Forbidden',
  'image-protected': '403 Forbidden',
  'attribute-read-only': '403 Forbidden',
  'image-has-no-data': '403 Forbidden',
  'image-not-found': '404 Not Found',
  'member-not-found': '404 Not Found',
  'tag-not-found': '404 Not Found',
  'standing-answer-not-found': '404 Not Found',
  'standing-answer-limit-exceeded': '413 Payload Too Large',
  'not-started': '503 Service Unavailable',
  'route-not-found': '404 Not Found',
  'not-supported': '404 Not Found',
  'method-not-allowed': '405 Method Not Allowed',
  'image-not-queued': '409 Conflict',
  'image-formats-missing': '409 Conflict',
  'image-exists': '409 Conflict',
  'member-exists': '409 Conflict',
  'property-not-found': '409 Conflict',
  'precondition-failed': '412 Precondition Failed',
  'member-quota-exceeded': '413 Payload Too Large',
  'image-too-large': '413 Payload Too Large',
  'project-full': '413 Payload Too Large',
  'unsupported-media-type': '415 Unsupported Media Type',
  'identity-unavailable': '503 Service Unavailable',
  'try-again-later': '503 Service Unavailable',
  'database-unavailable': '503 Service Unavailable',
  'outcome-unknown': '503 Service Unavailable',
};
const requestFaults = ['route-not-found', 'not-supported', 'method-not-allowed', 'unsupported-media-type'];

test.each(Object.entries(statuses))('the status of %s is %s', (code, status) => {
  const error = requestFaults.includes(code)
    ? new RequestFault(code as RequestFault['code'], 'A sentence.')
    : new SharingError(code as SharingErrorCode, 'A sentence.');

  const { statusCode, body } = faultResponse(faultOf(error), 'req-1');

  const title = status.slice(4);
  expect(statusCode).toBe(Number(status.slice(0, 3)));
  expect(body).toBe(JSON.stringify({ message: 'A sentence.', code: status, title, error: code, request_id: 'req-1' }));
});

test.each([
  new TypeError('Cannot read properties of undefined'),
  Object.assign(new Error('secret'), { statusCode: 418 }),
  'thrown text',
  undefined,
])('any other error is a 500 that does not reveal it: %s', (error) => {
  const response = faultResponse(faultOf(error), 'req-1');

  expect(response).toEqual({
    statusCode: 500,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      message: 'The service failed; its log has the details under this request id.',
      code: '500 Internal Server Error',
      title: 'Internal Server Error',
      error: 'internal-error',
      request_id: 'req-1',
    }),
  });
});

test('a client that cannot parse the body gets status and message as text', () => {
  const error = new SharingError('image-not-found', 'A sentence.');

  const response = faultResponse(faultOf(error), 'req-1', 'python-glanceclient/4.9');

  expect(response).toEqual({
    statusCode: 404,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: '404 Not Found: A sentence.',
  });
});

test.each([
  [tryAgainLater(), '1'],
  [identityUnavailable(), '5'],
])('a 503 says when to retry: %s', (error, seconds) => {
  const { headers } = faultResponse(faultOf(error), 'req-1');

  expect(headers).toEqual({ 'content-type': 'application/json', 'retry-after': seconds });
});

test('a fault of a request names valid alternatives in a header', () => {
  const fault = new RequestFault('method-not-allowed', 'No.', { allow: 'GET' });

  expect(faultResponse(faultOf(fault), 'req-1').headers).toEqual({ 'content-type': 'application/json', allow: 'GET' });
});
