import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Answer, Case, Json, RequestStep, Suite } from './player.ts';
import { answerMismatches, brokenRelations, fill, mismatches, playCase, Variables } from './player.ts';

const someUuid = '0b1e2d3c-4f5a-4678-9abc-def012345678';

const variablesWith = (values: Record<string, string>): Variables => {
  const variables = new Variables();
  for (const [name, value] of Object.entries(values)) variables.set(name, value);
  return variables;
};

const anAnswer = (answer: { status?: number; headers?: Answer['headers']; body?: string }): Answer => ({
  status: answer.status ?? 200,
  headers: answer.headers ?? {},
  body: Buffer.from(answer.body ?? ''),
});

describe('placeholders', () => {
  test.each<[text: string, filled: string]>([
    ['/v2/images/{{image}}', '/v2/images/A b/c'],
    ['{{upper:word}}', 'SHARED'],
    ['{{urlq:image}}', 'A%20b%2Fc'],
    ['{{urlq:marks}}', '%21%27%28%29%2A~'],
    ['<{{rep:3:ab}}>', '<ababab>'],
    ['{{@uuid}} of {{word}}', '{{@uuid}} of shared'],
  ])('%s', (text, filled) => {
    const variables = variablesWith({ image: 'A b/c', word: 'shared', marks: "!'()*~" });

    expect(fill(text, variables)).toBe(filled);
  });

  test('are put in at every depth, keys included, and leave other values alone', () => {
    const variables = variablesWith({ who: 'beta' });

    expect(fill({ '{{who}}': ['{{who}}', 1, null, true, { a: '{{who}}' }] }, variables)).toEqual({
      beta: ['beta', 1, null, true, { a: 'beta' }],
    });
  });

  test('a made-up id is of its form and stays the same within a case', () => {
    const variables = new Variables();

    const [uuid, again, other, hex] = ['{{uuid:a}}', '{{uuid:a}}', '{{uuid:b}}', '{{hex:a}}'].map((text) =>
      fill(text, variables),
    );

    expect(uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(again).toBe(uuid);
    expect(other).not.toBe(uuid);
    expect(hex).toMatch(/^[0-9a-f]{32}$/);
  });

  test('one that was never set is an error', () => {
    expect(() => fill('{{image}}', new Variables())).toThrow('unset placeholder image');
  });
});

describe('a value that matches', () => {
  test.each<[expected: Json, actual: Json]>([
    [null, null],
    [
      { a: 1, b: [true, 'x'] },
      { b: [true, 'x'], a: 1 },
    ],
    ['{{@datetime}}', '2026-11-23T10:00:00Z'],
    ['{{@uuid}}', someUuid],
    ['{{@reqid}}', 'req-Abc-1'],
    ['{{@int}}', '42'],
    ['{{@any}}', 'two\nlines'],
    ['/v2/images/{{@uuid}}/file', `/v2/images/${someUuid}/file`],
    ['a.b {{@int}} (c)', 'a.b 7 (c)'],
    [{ $unordered: [{ id: '{{@uuid}}' }, 'a', 'a'] }, ['a', { id: someUuid }, 'a']],
    [{ $unordered: [] }, []],
  ])('%j is met by %j', (expected, actual) => {
    expect(mismatches(expected, actual)).toEqual([]);
  });
});

describe('a value that does not match is reported', () => {
  test.each<[expected: Json, actual: Json | undefined, sentence: string]>([
    ['a', 'b', '$: want "a", got "b"'],
    ['a', undefined, '$: want "a", got nothing'],
    [1, '1', '$: want 1, got "1"'],
    [0, false, '$: want 0, got false'],
    [null, '', '$: want null, got ""'],
    [{ a: 1 }, [1], '$: want an object, got [1]'],
    [{ a: 1 }, null, '$: want an object, got null'],
    [{ a: 1 }, {}, '$.a is missing'],
    [{ toString: 1 }, {}, '$.toString is missing'],
    [{}, { a: 1 }, '$.a is unexpected'],
    [{ a: [{ b: 1 }] }, { a: [{ b: 2 }] }, '$.a[0].b: want 1, got 2'],
    [[1, 2], [2, 1], '$[0]: want 1, got 2'],
    [[1], [1, 1], '$: want 1 items, got [1,1]'],
    [[], {}, '$: want 0 items, got {}'],
    ['{{@datetime}}', '2026-11-23T10:00:00.000Z', '$: "2026-11-23T10:00:00.000Z" is not of the form {{@datetime}}'],
    ['{{@datetime}}', null, '$: null is not of the form {{@datetime}}'],
    ['{{@uuid}}', someUuid.toUpperCase(), `$: "${someUuid.toUpperCase()}" is not of the form {{@uuid}}`],
    ['{{@reqid}}', someUuid, `$: "${someUuid}" is not of the form {{@reqid}}`],
    ['{{@int}}', 4, '$: 4 is not of the form {{@int}}'],
    ['a.b {{@int}}', 'axb 7', '$: "axb 7" is not of the form a.b {{@int}}'],
    ['/v2/{{@uuid}}', `/v2/${someUuid}/`, `$: "/v2/${someUuid}/" is not of the form /v2/{{@uuid}}`],
    [{ $unordered: ['a', 'b'] }, ['a'], '$: want 2 items, got ["a"]'],
    [{ $unordered: ['a', 'a'] }, ['a', 'b'], '$: no item matching "a"'],
    [{ $unordered: [] }, {}, '$: want 0 items, got {}'],
  ])('%j against %j', (expected, actual, sentence) => {
    expect(mismatches(expected, actual)).toContain(sentence);
  });

  test('an unknown wildcard is an error, not a match', () => {
    expect(() => mismatches('{{@anything}}', 'x')).toThrow('unknown wildcard @anything');
  });
});

describe('an answer', () => {
  const expectation = {
    status: 201,
    content_type: 'application/json',
    json: { id: '{{@uuid}}', name: '{{name}}' },
    key_order: ['id', 'name'],
    headers: { location: '{{base}}/v2/images/{{@uuid}}', 'x-openstack-request-id': '{{@reqid}}', allow: 'GET, PUT' },
  };
  const variables = variablesWith({ base: 'http://127.0.0.1:1/stage', name: 'n' });
  const good = {
    status: 201,
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      location: `https://elsewhere.example:8443/stage/v2/images/${someUuid}`,
      'x-openstack-request-id': 'req-1',
      allow: 'PUT,GET,HEAD',
    },
    body: `{"id": "${someUuid}", "name": "n"}`,
  };

  test('as expected has no mismatches, whatever its origin, its charset and the order of allowed methods', () => {
    expect(answerMismatches(expectation, variables, anAnswer(good))).toEqual([]);
  });

  test.each<[what: string, change: Partial<typeof good>, sentences: string[]]>([
    ['a wrong status, alone', { status: 500, body: 'oops' }, ['status: want 201, got 500, body "oops"']],
    ['a body that is not JSON', { body: '{"id":' }, ['the body is not JSON: "{\\"id\\":"']],
    ['a wrong value', { body: `{"id": "${someUuid}", "name": "m"}` }, ['$.name: want "n", got "m"']],
    ['another key order', { body: `{"name": "n", "id": "${someUuid}"}` }, ['key order: want id,name, got name,id']],
    [
      'another media type',
      { headers: { ...good.headers, 'content-type': 'text/html' } },
      ['content-type: want "application/json", got "text/html"'],
    ],
    [
      'another location',
      { headers: { ...good.headers, location: `/v2/images/${someUuid}` } },
      [`header location: "/v2/images/${someUuid}" is not of the form /stage/v2/images/{{@uuid}}`],
    ],
    [
      'a forgotten method',
      { headers: { ...good.headers, allow: 'GET' } },
      ['header allow: want "GET, PUT", got "GET"'],
    ],
    [
      'an unusable request id',
      { headers: { ...good.headers, 'x-openstack-request-id': '1' } },
      ['header x-openstack-request-id: "1" is not of the form {{@reqid}}'],
    ],
  ])('with %s is reported', (_what, change, sentences) => {
    expect(answerMismatches(expectation, variables, anAnswer({ ...good, ...change }))).toEqual(sentences);
  });

  test('without any of the expected headers is reported for each', () => {
    const { body, status } = good;

    expect(answerMismatches(expectation, variables, anAnswer({ body, status }))).toEqual([
      'content-type: want "application/json", got nothing',
      'header allow: want "GET, PUT", got nothing',
      'header location: nothing is not of the form /stage/v2/images/{{@uuid}}',
      'header x-openstack-request-id: nothing is not of the form {{@reqid}}',
    ]);
  });

  test('with a body where none is expected is reported', () => {
    expect(answerMismatches({ status: 204, empty: true }, variables, anAnswer({ status: 204, body: '{}' }))).toEqual([
      'body: want none, got "{}"',
    ]);
  });

  test('may have any of several statuses, and no other', () => {
    const either = { status: [400, 404] };

    expect(answerMismatches(either, variables, anAnswer({ status: 404 }))).toEqual([]);
    expect(answerMismatches(either, variables, anAnswer({ status: 403 }))).toEqual([
      'status: want [400,404], got 403, body ""',
    ]);
  });
});

describe('relations between saved values', () => {
  test.each<[operator: 'eq' | 'ne' | 'gt' | 'ge', left: string, right: string, holds: boolean]>([
    ['eq', 'a', 'a', true],
    ['eq', 'a', 'b', false],
    ['ne', 'a', 'b', true],
    ['ne', 'a', 'a', false],
    ['gt', 'b', 'a', true],
    ['gt', 'a', 'a', false],
    ['ge', 'a', 'a', true],
    ['ge', 'a', 'b', false],
  ])('%s of %s and %s', (operator, left, right, holds) => {
    const step: RequestStep = {
      request: { method: 'GET', path: '/' },
      expect: { status: 200 },
      relations: [[operator, '{{l}}', '{{r}}']],
    };

    expect(brokenRelations(step, variablesWith({ l: left, r: right }))).toEqual(
      holds ? [] : [`relation {{l}} ${operator} {{r}}: ${left} and ${right}`],
    );
  });
});

describe('a case played against a server', () => {
  interface Received {
    method: string | undefined;
    url: string | undefined;
    headers: IncomingMessage['headers'];
    body: string;
  }
  const received: Received[] = [];
  let server: Server | undefined;

  const serve = async (answer: (request: Received, response: ServerResponse) => void): Promise<string> => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, headers } = request;
        const whole = { method, url, headers, body: Buffer.concat(chunks).toString('hex') };
        received.push(whole);
        answer(whole, response);
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  afterEach(() => {
    server?.close();
    received.length = 0;
  });

  const callers: Suite['callers'] = {
    owner: { project: '{{owner}}', user: 'u-owner', roles: ['member', 'reader'] },
    badtoken: { token: 'not-a-valid-token' },
    anonymous: {},
  };
  const aCase = (...steps: Case['steps']): Case => ({ group: 'group', name: 'name', steps });

  test('every request is sent as it was recorded', async () => {
    const base = await serve((_request, response) => response.end());
    const anywhere = { expect: { status: 200 } };

    const errors = await playCase(
      aCase(
        { request: { caller: 'owner', method: 'POST', path: '/a?b={{owner}}', json: { é: '{{owner}}' } }, ...anywhere },
        { request: { caller: 'badtoken', method: 'PUT', path: '/%2F/../c', raw: '{' }, ...anywhere },
        { request: { method: 'DELETE', path: '/d', raw_hex: 'ff00', headers: { 'X-Roles': 'admin' } }, ...anywhere },
        { request: { method: 'PATCH', path: '/e', json: [], headers: { 'Content-Type': null } }, ...anywhere },
        { request: { method: 'POST', path: '/f' }, ...anywhere },
        { request: { method: 'GET', path: '/g' }, ...anywhere },
      ),
      callers,
      `${base}/stage/`,
    );

    expect(errors).toEqual([]);
    const owner = received[0]?.url?.replace('/stage/a?b=', '') ?? '';
    expect(owner).toMatch(/^[0-9a-f]{32}$/);
    const common = { host: base.replace('http://', ''), connection: 'close' };
    const hex = (text: string) => Buffer.from(text).toString('hex');
    expect(received).toEqual([
      {
        method: 'POST',
        url: `/stage/a?b=${owner}`,
        headers: {
          ...common,
          'x-auth-token': `dev:u-owner:${owner}:member,reader`,
          'content-type': 'application/json',
          'content-length': '41',
        },
        body: hex(`{"é":"${owner}"}`),
      },
      {
        method: 'PUT',
        url: '/stage/%2F/../c',
        headers: { ...common, 'x-auth-token': 'not-a-valid-token', 'content-length': '1' },
        body: hex('{'),
      },
      {
        method: 'DELETE',
        url: '/stage/d',
        headers: { ...common, 'x-roles': 'admin', 'content-length': '2' },
        body: 'ff00',
      },
      { method: 'PATCH', url: '/stage/e', headers: { ...common, 'content-length': '2' }, body: hex('[]') },
      { method: 'POST', url: '/stage/f', headers: { ...common, 'content-length': '0' }, body: '' },
      { method: 'GET', url: '/stage/g', headers: common, body: '' },
    ]);
  });

  test('what one answer said is used in the next request, and repetitions are counted', async () => {
    const base = await serve((_request, response) => response.end('{"images": [{"id": "one"}]}'));

    const errors = await playCase(
      aCase(
        { request: { method: 'GET', path: '/' }, save: { first: 'images.0.id' }, expect: { status: 200 } },
        { sleep: 0.001 },
        { request: { method: 'GET', path: '/{{first}}/{{n}}' }, repeat: 2, expect: { status: 200 } },
      ),
      callers,
      base,
    );

    expect(errors).toEqual([]);
    expect(received.map((request) => request.url)).toEqual(['/', '/one/0', '/one/1']);
  });

  test('it ends at the first step that goes wrong, and says which', async () => {
    const base = await serve((request, response) => {
      response.statusCode = request.url === '/gone' ? 404 : 200;
      response.end('gone');
    });
    const step = (path: string): RequestStep => ({ request: { method: 'GET', path }, expect: { status: 200 } });

    const errors = await playCase(aCase(step('/a'), step('/gone'), step('/b')), callers, base);

    expect(errors).toEqual(['step 1: GET /gone as anonymous: status: want 200, got 404, body "gone"']);
    expect(received).toHaveLength(2);
  });

  test('a broken relation fails it', async () => {
    const base = await serve((_request, response) => response.end('{"a": "1"}'));

    const errors = await playCase(
      aCase({
        request: { method: 'GET', path: '/' },
        save: { a: 'a' },
        relations: [['gt', '{{a}}', '2']],
        expect: { status: 200 },
      }),
      callers,
      base,
    );

    expect(errors).toEqual(['step 0: GET / as anonymous: relation {{a}} gt 2: 1 and 2']);
  });

  test.each<[what: string, step: RequestStep, sentence: RegExp]>([
    [
      'a value that the answer does not have',
      { request: { method: 'GET', path: '/' }, save: { id: 'images.0.id' }, expect: { status: 200 } },
      /^step 0: Error: nothing to save at images\.0\.id/,
    ],
    [
      'a placeholder that was never set',
      { request: { method: 'GET', path: '/{{image}}' }, expect: { status: 200 } },
      /^step 0: Error: unset placeholder image/,
    ],
    [
      'an unknown caller',
      { request: { caller: 'nobody', method: 'GET', path: '/' }, expect: { status: 200 } },
      /^step 0: GET \/: there is no caller nobody$/,
    ],
  ])('%s fails it', async (_what, step, sentence) => {
    const base = await serve((_request, response) => response.end('{}'));

    expect(await playCase(aCase(step), callers, base)).toEqual([expect.stringMatching(sentence)]);
  });

  test('a broken connection fails it', async () => {
    const base = await serve((_request, response) => response.destroy());

    const errors = await playCase(
      aCase({ request: { method: 'GET', path: '/' }, expect: { status: 200 } }),
      callers,
      base,
    );

    expect(errors).toEqual([expect.stringMatching(/^step 0: Error: socket hang up$/)]);
  });
});
