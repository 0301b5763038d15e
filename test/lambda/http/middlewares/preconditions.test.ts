import { describe, expect, test } from '@jest/globals';
import { anOperation } from '../../../support/an-operation.ts';

const image = '/v2/images/71c675ab-d94f-49cd-a114-e12490b328d9';
const send = (precondition: 'image' | 'none', method: string, headers: Readonly<Record<string, string>>) =>
  anOperation({ precondition }, method, image, { headers });

/** Characters that a tag can have: all except spaces, quotation marks and control characters. */
const oddTag = `"!#$%&'()*+,-./:;<=>?@[\\]^\`{|}~\u00e4"`;

describe.each(['PATCH', 'DELETE'])('%s', (method) => {
  test.each(['"a"', '""', ' "a"\t', oddTag])('receives the tag of If-Match: %s', async (value) => {
    const { request, status } = await send('image', method, { 'if-match': value });

    expect(status).toBe(204);
    expect(request).toMatchObject({ ifMatch: value.trim(), ifNoneMatch: undefined });
  });

  test('receives no tag without If-Match', async () => {
    const { request } = await send('image', method, {});

    expect(request).toMatchObject({ ifMatch: undefined, ifNoneMatch: undefined });
  });

  test.each(['', ' ', '*', 'a', '"', '"a', 'a"', '"a"b', '"a" "b"', '"a","b"', '"a",', 'W/"a"', '"a b"', '"a\u0000"'])(
    'refuses this If-Match: %j',
    async (value) => {
      const { request, status, body } = await send('image', method, { 'if-match': value });

      expect([status, body.error, request]).toEqual([400, 'invalid-request', undefined]);
      expect(body.message).toBe(
        '"If-Match" must be exactly one strong entity tag in quotation marks: the "ETag" of an earlier response.',
      );
    },
  );

  test('refuses If-None-Match', async () => {
    const { request, status, body } = await send('image', method, { 'if-none-match': '"a"' });

    expect([status, body.error, request]).toEqual([400, 'invalid-request', undefined]);
    expect(body.message).toBe('This operation does not support the header "If-None-Match"; leave it out.');
  });

  test.each(['If-Match', 'If-None-Match'])('refuses %s without support for preconditions', async (name) => {
    const { request, status, body } = await send('none', method, { [name.toLowerCase()]: '"a"' });

    expect([status, body.error, request]).toEqual([400, 'invalid-request', undefined]);
    expect(body.message).toBe(`This operation does not support the header "${name}"; leave it out.`);
  });
});

describe('GET', () => {
  test.each<[string, unknown]>([
    ['*', '*'],
    [' * ', '*'],
    ['"a"', ['"a"']],
    ['W/"a"', ['"a"']],
    ['"a", W/"b" ,\t"c,d"', ['"a"', '"b"', '"c,d"']],
    [',"a",, ,"b",', ['"a"', '"b"']],
    [oddTag, [oddTag]],
  ])('receives the tags of If-None-Match: %j', async (value, ifNoneMatch) => {
    const { request, status } = await send('image', 'GET', { 'if-none-match': value });

    expect(status).toBe(204);
    expect(request).toMatchObject({ ifMatch: undefined, ifNoneMatch });
  });

  test.each(['', ' ', ',', 'a', '"', '"a', 'a"', '"a" "b"', '"a"b', 'w/"a"', 'W/a', '*, "a"', '"a", *', '"a b"'])(
    'refuses this If-None-Match: %j',
    async (value) => {
      const { request, status, body } = await send('image', 'GET', { 'if-none-match': value });

      expect([status, body.error, request]).toEqual([400, 'invalid-request', undefined]);
      expect(body.message).toBe(
        '"If-None-Match" must be "*" or a list of entity tags in quotation marks, separated by commas.',
      );
    },
  );

  test('ignores If-Match, which has no effect on a read', async () => {
    const { request, status } = await send('image', 'GET', { 'if-match': '*' });

    expect([status, request?.ifMatch]).toEqual([204, undefined]);
  });

  test('ignores If-None-Match without support for preconditions', async () => {
    const { request, status } = await send('none', 'GET', { 'if-none-match': 'malformed' });

    expect([status, request?.ifNoneMatch]).toEqual([204, undefined]);
  });
});

test('a token is verified before the preconditions', async () => {
  const { status } = await anOperation({ precondition: 'image' }, 'PATCH', image, {
    as: 'nobody',
    headers: { 'x-auth-token': 'invalid', 'if-match': '*' },
  });

  expect(status).toBe(401);
});
