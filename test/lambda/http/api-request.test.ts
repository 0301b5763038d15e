import { expect, test } from '@jest/globals';
import { apiRequest, objectBody } from '../../../lambda/http/api-request.ts';
import { httpEvent } from '../../support/service.ts';

test.each([
  [{}, '$default', 'https://api.test', '/v2/images'],
  [{ 'x-forwarded-proto': 'http', host: '127.0.0.1:9292' }, '$default', 'http://127.0.0.1:9292', '/v2/images'],
  [{ 'x-forwarded-host': 'images.example:8443' }, '$default', 'https://images.example:8443', '/v2/images'],
  [
    { 'x-forwarded-host': 'evil/path', 'x-forwarded-proto': 'javascript' },
    '$default',
    'https://api.test',
    '/v2/images',
  ],
  [{ host: 'a@b' }, '$default', 'https://gateway.test', '/v2/images'],
  [{}, 'prod', 'https://api.test/prod', '/v2/images'],
  [{}, 'v2', 'https://api.test/v2', '/images'],
])('with %j and the stage %s the base is %s and the path %s', (headers, stage, baseUrl, pathname) => {
  const event = httpEvent('GET', '/v2/images', { headers });
  const rawPath = stage === 'prod' ? '/prod/v2/images' : event.rawPath;

  const request = apiRequest({
    ...event,
    rawPath,
    requestContext: { ...event.requestContext, stage, domainName: 'gateway.test' },
  });

  expect(request).toMatchObject({ baseUrl, pathname });
});

test('a request is read from the event, its path as it comes and its query decoded', () => {
  const event = httpEvent('PUT', '/v2/images/a/members/100%25?tag=x%20y&tag=z+w&a%3Db=%26', {
    headers: { 'content-type': 'Text/Plain; charset=x' },
  });

  const { query, ...request } = apiRequest({ ...event, body: { a: 1 } });

  expect([...query]).toEqual([
    ['tag', 'x y'],
    ['tag', 'z w'],
    ['a=b', '&'],
  ]);
  expect(request).toEqual({
    caller: { projectId: '', userId: '', role: undefined },
    method: 'PUT',
    pathname: '/v2/images/a/members/100%',
    path: { version: 'v2', image_id: 'a', member_id: '100%' },
    body: { a: 1 },
    mediaType: 'text/plain',
    baseUrl: 'https://api.test',
  });
});

test.each([[[]], [null], ['text'], [1], [true], [undefined]])('%j is no object', (body) => {
  expect(() => objectBody({ body })).toThrow(expect.objectContaining({ code: 'invalid-request' }));
});
