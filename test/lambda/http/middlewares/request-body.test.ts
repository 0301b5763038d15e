import { describe, expect, test } from '@jest/globals';
import { anOperation } from '../../../support/an-operation.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const utf16 = (text: string) => new Uint8Array(Buffer.from(`\uFEFF${text}`, 'utf16le'));
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('an operation with a JSON body', () => {
  const post = (body: unknown, headers = {}) => anOperation({ body: 'json' }, 'POST', '/v2/images', { body, headers });

  test.each<[string, unknown]>([
    ['an object', { a: ['ü', 1, null] }],
    ['an array', [1]],
    ['a string', '"text"'],
    ['null', 'null'],
    ['a number with white space around', ' \n1 '],
    ['bytes', utf8('{"a":"ü"}')],
    ['a duplicate key', '{"a":1,"a":2}'],
    ['an escaped lone surrogate', '"\\ud800"'],
    ['arrays 500 deep', deep(500)],
  ])('receives %s unchanged', async (_, body) => {
    const { request, status } = await post(body);

    const text =
      typeof body === 'string'
        ? body
        : body instanceof Uint8Array
          ? Buffer.from(body).toString()
          : JSON.stringify(body);
    expect(status).toBe(204);
    expect(JSON.stringify(request!.body) === JSON.stringify(JSON.parse(text))).toBe(true);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty text', ''],
    ['no bytes', new Uint8Array()],
    ['white space', ' '],
    ['half an object', '{"a":'],
    ['two values', '{}{}'],
    ['single quotes', "{'a':1}"],
    ['a trailing comma', '[1,]'],
    ['NaN', 'NaN'],
    ['a byte order mark', utf8('\uFEFF{}')],
    ['UTF-16', utf16('{}')],
    ['invalid UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['overlong UTF-8', new Uint8Array([0x22, 0xc0, 0xaf, 0x22])],
    ['an encoded surrogate', new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['__proto__ within', '{"a":[{"__proto__":{}}]}'],
    ['a megabyte of brackets', '['.repeat(1_000_000)],
    ['arrays half a million deep', deep(500_000)],
    ['a form', 'a=1&b=2'],
  ])('refuses %s', async (_, body) => {
    const { request, status, body: fault } = await post(body);

    expect([status, fault.error]).toEqual([400, 'invalid-request']);
    expect(request).toBeUndefined();
  });

  test.each([
    {},
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/octet-stream' },
    { 'content-type': '' },
  ])('ignores the media type: %j', async (headers) => {
    expect((await post('{"a":1}', headers)).request?.body).toEqual({ a: 1 });
  });
});

describe('an operation without a body', () => {
  test.each(['GET', 'DELETE'])('refuses a %s with a body', async (method) => {
    const { status, body, request } = await anOperation({ body: 'none' }, method, '/v2/images', { body: ' ' });

    expect([status, body.message]).toEqual([400, `A ${method} request must not have a body.`]);
    expect(request).toBeUndefined();
  });

  test.each([undefined, '', new Uint8Array()])('accepts a missing or empty body: %j', async (body) => {
    const options = { body, headers: { 'content-type': 'application/octet-stream' } };

    expect((await anOperation({ body: 'none' }, 'GET', '/v2/images', options)).status).toBe(204);
  });
});

describe('an operation with media types', () => {
  const types = ['application/a', 'application/b'];
  const patch = (mediaType: string | undefined, body: unknown = '[]') =>
    anOperation({ body: types }, 'PATCH', '/v2/images', {
      body,
      headers: mediaType === undefined ? {} : { 'content-type': mediaType },
    });

  test.each(['application/a', 'application/b', 'Application/A; charset=utf-8', ' application/b ;x'])(
    'accepts %j',
    async (mediaType) => {
      expect((await patch(mediaType)).request?.body).toEqual([]);
    },
  );

  test.each([undefined, '', 'application/json', 'application/ab', 'text/plain; application/a'])(
    'refuses %j and names the accepted media types',
    async (mediaType) => {
      const { status, headers, body } = await patch(mediaType);

      expect([status, body.error]).toEqual([415, 'unsupported-media-type']);
      expect(headers['accept-patch']).toBe('application/a, application/b');
    },
  );

  test('checks the media type before the body', async () => {
    expect((await patch('application/json', '{')).status).toBe(415);
  });
});
