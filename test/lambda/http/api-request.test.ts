import { expect, test } from '@jest/globals';
import { apiRequest, objectBody } from '../../../lambda/http/api-request.ts';
import { httpEvent } from '../../support/service.ts';

const forged = {
  host: 'evil.example',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'http',
  forwarded: 'host=evil.example;proto=http',
};

test.each([
  ['images.example', '$default', undefined, 'https://images.example', '/v2/images'],
  ['images.example', 'prod', undefined, 'https://images.example/prod', '/v2/images'],
  ['images.example', 'v2', undefined, 'https://images.example/v2', '/images'],
  ['127.0.0.1:9292', '$default', undefined, 'http://127.0.0.1:9292', '/v2/images'],
  ['localhost:9292', '$default', undefined, 'http://localhost:9292', '/v2/images'],
  ['[::1]:9292', '$default', undefined, 'http://[::1]:9292', '/v2/images'],
  ['localhost.example', '$default', undefined, 'https://localhost.example', '/v2/images'],
  ['abc.execute-api.example', '$default', 'https://images.example/image', 'https://images.example/image', '/v2/images'],
  ['abc.execute-api.example', 'prod', 'https://images.example', 'https://images.example', '/v2/images'],
])(
  'at %s, stage %s, with the public URL %s the base is %s and the path %s, regardless of client headers',
  (domainName, stage, publicUrl, baseUrl, pathname) => {
    const event = httpEvent('GET', '/v2/images', { headers: forged });
    const rawPath = stage === 'prod' ? '/prod/v2/images' : event.rawPath;
    const requestContext = { ...event.requestContext, stage, domainName };

    const request = apiRequest({ ...event, rawPath, requestContext }, publicUrl);

    expect(request).toMatchObject({ baseUrl, pathname });
  },
);

test('a request has the path of the event and its decoded query', () => {
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
    caller: { projectId: '', userId: '', role: undefined, via: 'http', requestId: '' },
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
