import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { type Gateway, startGateway } from '../../../../infra/local/api-gateway/gateway.ts';
import type { SynthesizedStack } from '../../../../infra/local/template/synthesized-stack.ts';

/** Source texts of the functions' handlers by logical id. */
const handlers = {
  Echo: 'async (event) => event',
  Members: 'async (event) => ({ members: event })',
  Environment: 'async (event, context) => ({ env: process.env, context, left: context.getRemainingTimeInMillis() })',
  // Returns the request body as its result.
  Respond: 'async (event) => JSON.parse(event.body)',
  Throw: 'async () => { throw new Error("on purpose") }',
  Leave: 'async (event) => (event.rawPath === "/leave/stay" ? { body: "stayed", statusCode: 200 } : process.exit(3))',
  Hang: 'async (event) => (event.rawPath === "/hang/not" ? { body: "responded", statusCode: 200 } : new Promise(() => {}))',
  Fill: 'async (event) => { for (const kept = []; event.rawPath !== "/fill/not"; ) kept.push(Array(1e6).fill(0.5)); return "responded"; }',
  Large: 'async () => "x".repeat(6 * 1024 * 1024)',
  Log: 'async () => { console.log("a line"); console.error("and another"); }',
  NoHandler: '1',
  // Responds when another server does.
  Wait: 'async (event) => (await fetch(event.queryStringParameters.until)).text()',
};

const routes: Readonly<Record<string, keyof typeof handlers>> = {
  'GET /images/{image_id}': 'Echo',
  'PUT /images/{image_id}': 'Echo',
  'GET /images/{image_id}/members/{member_id}': 'Members',
  'GET /environment': 'Environment',
  'POST /respond': 'Respond',
  'HEAD /head': 'Environment',
  'GET /throw': 'Throw',
  'GET /leave/{how}': 'Leave',
  'GET /hang/{how}': 'Hang',
  'GET /fill/{how}': 'Fill',
  'GET /large': 'Large',
  'GET /log': 'Log',
  'GET /wait': 'Wait',
  $default: 'Echo',
};

let folder: string;
let gateway: Gateway;

/** Log output of the gateway and its functions. */
let logged = '';
const log = new Writable({
  write: (chunk, _encoding, done) => {
    logged += String(chunk);
    log.emit('logged');
    done();
  },
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-sharing-gateway-'));
  gateway = await start(routes);
});

afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

describe('the path', () => {
  test.each([
    ['/images/a%20b', '/images/a b', 'GET /images/{image_id}', { image_id: 'a b' }],
    ['/images/%C3%A9%F0%9F%90%98', '/images/é🐘', 'GET /images/{image_id}', { image_id: 'é🐘' }],
    ['/images/a+b', '/images/a+b', 'GET /images/{image_id}', { image_id: 'a+b' }],
    ['/images/a%252Fb', '/images/a%2Fb', 'GET /images/{image_id}', { image_id: 'a%2Fb' }],
    ['/images/a%2Fb', '/images/a/b', '$default', undefined],
    ['/images/a%3Fb', '/images/a', 'GET /images/{image_id}', { image_id: 'a' }],
    ['/images/', '/images/', '$default', undefined],
    ['/images/a/', '/images/a/', '$default', undefined],
    ['/images/%ZZ', '/images/%ZZ', '$default', undefined],
    ['/images/%ED%A0%80', '/images/%ED%A0%80', '$default', undefined],
    ['/', '/', '$default', undefined],
    ['http://elsewhere/images/a', '/images/a', 'GET /images/{image_id}', { image_id: 'a' }],
  ])('of %s is %s', async (target, rawPath, routeKey, pathParameters) => {
    const event = await echo({ path: target });

    expect([event.rawPath, event.requestContext.http.path]).toEqual([rawPath, rawPath]);
    expect([event.routeKey, event.requestContext.routeKey]).toEqual([routeKey, routeKey]);
    expect(event.pathParameters).toEqual(pathParameters);
  });
});

describe('the query', () => {
  test.each([
    ['', '', undefined],
    ['?', '', undefined],
    ['?name=a&name=b%26c', 'name=a&name=b%26c', { name: 'a,b&c' }],
    ['?plus=a+b&empty', 'plus=a+b&empty', { plus: 'a b', empty: '' }],
    ['?a=b?c', 'a=b?c', { a: 'b?c' }],
    ['?a=%zz', 'a=%zz', { a: '%zz' }],
    ['?__proto__=a', '__proto__=a', JSON.parse('{"__proto__": "a"}')],
  ])('%s reaches the function as it is and decoded', async (query, rawQueryString, parameters) => {
    const event = await echo({ path: `/images/a${query}` });

    expect(event.rawQueryString).toBe(rawQueryString);
    expect(event.queryStringParameters).toEqual(parameters);
  });
});

describe('the body', () => {
  const json = 'application/json';
  test.each([
    ['JSON', json, Buffer.from('{"é": "🐘"}'), '{"é": "🐘"}', false],
    ['JSON by a type with a charset', 'Application/JSON; charset=utf-8', Buffer.from('{}'), '{}', false],
    ['text with a byte order mark', 'text/plain', Buffer.from('\uFEFFa'), '\uFEFFa', false],
    ['without a type', undefined, Buffer.from('{}'), 'e30=', true],
    ['of a patch', 'application/openstack-images-v2.1-json-patch', Buffer.from('[]'), 'W10=', true],
    ['of a form', 'application/x-www-form-urlencoded', Buffer.from('a=b'), 'YT1i', true],
    ['JSON by its type but not UTF-8', json, Buffer.from([0x22, 0xff, 0x22]), 'Iv8i', true],
  ])('%s reaches the function with no byte altered', async (_what, contentType, sent, body, isBase64Encoded) => {
    const headers = contentType === undefined ? {} : { 'content-type': contentType };

    const event = await echo({ method: 'PUT', path: '/images/a', headers }, sent);

    expect(event).toMatchObject({ body, isBase64Encoded });
    expect(event.headers['content-length']).toBe(String(sent.length));
  });

  test('that is absent is absent from the event', async () => {
    const event = await echo({ method: 'PUT', path: '/images/a', headers: { 'content-type': json } });

    expect(event).toMatchObject({ isBase64Encoded: false, headers: { 'content-length': '0' } });
    expect(event).not.toHaveProperty('body');
  });
});

test("the gateway responds to a preflight and drops a function's headers for origins", async () => {
  const served = stackOf({ 'POST /respond': 'Respond' });
  const Api = {
    Type: 'AWS::ApiGatewayV2::Api',
    Properties: { CorsConfiguration: { AllowOrigins: ['https://console.example'], AllowMethods: ['POST'] } },
  };
  const stack = { ...served, resources: { ...served.resources, Api } };
  const withCors = await startGateway({ stack, tableEndpoint: 'http://127.0.0.1:1', port: 0, log });
  const headers = { origin: 'https://console.example', 'content-type': 'application/json' };
  const preflightHeaders = { ...headers, 'access-control-request-method': 'POST' };
  const claimed = { 'Access-Control-Allow-Origin': '*', Vary: 'X-Auth-Token, Origin' };
  const claim = JSON.stringify({ statusCode: 200, headers: claimed, body: 'ok' });

  const preflight = await send({ method: 'OPTIONS', path: '/respond', headers: preflightHeaders }, undefined, withCors);
  const allowed = await send({ method: 'POST', path: '/respond', headers }, claim, withCors);
  const elsewhere = { ...headers, origin: 'https://elsewhere.example' };
  const refused = await send({ method: 'POST', path: '/respond', headers: elsewhere }, claim, withCors);

  await withCors.stop();
  expect(preflight).toMatchObject({ status: 204, headers: { 'access-control-allow-methods': 'POST' } });
  expect(allowed).toMatchObject({
    status: 200,
    headers: { 'access-control-allow-origin': 'https://console.example', vary: 'X-Auth-Token, Origin' },
    body: 'ok',
  });
  expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
});

test('a request reaches the function as an event of payload format 2.0', async () => {
  const event = await echo({
    path: '/images/a?b=c',
    headers: { 'User-Agent': 'test', 'X-Some': ['1', '2'], Cookie: 'a=b; c=d', 'X-Forwarded-For': '203.0.113.9' },
  });

  const host = gateway.url.slice('http://'.length);
  const now = event.requestContext.timeEpoch;
  expect(event).toEqual({
    version: '2.0',
    routeKey: 'GET /images/{image_id}',
    rawPath: '/images/a',
    rawQueryString: 'b=c',
    cookies: ['a=b', 'c=d'],
    headers: {
      host,
      'user-agent': 'test',
      'x-some': '1,2',
      'content-length': '0',
      'x-amzn-trace-id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
      'x-forwarded-port': host.split(':')[1],
      'x-forwarded-proto': 'http',
    },
    queryStringParameters: { b: 'c' },
    pathParameters: { image_id: 'a' },
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: host,
      domainPrefix: '127',
      http: { method: 'GET', path: '/images/a', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      requestId: expect.stringMatching(/^[\w+/]{15}=$/),
      routeKey: 'GET /images/{image_id}',
      stage: '$default',
      time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
      timeEpoch: now,
    },
    isBase64Encoded: false,
  });
  expect(Date.parse(event.requestContext.time.replace(':', ' ').replaceAll('/', ' '))).toBe(now - (now % 1000));
});

describe('the domain name', () => {
  test.each(['localhost', '127.0.0.1', '[::1]'])('is the loopback name that the client uses: %s', async (name) => {
    const host = `${name}:${new URL(gateway.url).port}`;

    const { requestContext } = await echo({ path: '/images/a', headers: { host } });

    expect(requestContext.domainName).toBe(host);
  });

  test.each(['evil.example', 'localhost', 'localhost:1', 'localhost:9@evil.example', 'localhost.evil.example', ''])(
    "is the gateway's own address if the client claims %j",
    async (claimed) => {
      const port = new URL(gateway.url).port;
      const host = claimed.replace('9@', `${port}@`);

      const event = await echo({ path: '/images/a', headers: { host, 'x-forwarded-host': 'evil.example' } });

      expect(event.requestContext.domainName).toBe(`127.0.0.1:${port}`);
    },
  );
});

test.each(['PROPFIND', 'DELETE', 'HEAD', 'OPTIONS'])(
  'a method without a route, %s, goes to $default',
  async (method) => {
    const response = await send({ method, path: '/images/a' });

    expect(response.status).toBe(200);
    expect(method === 'HEAD' || JSON.parse(response.body).routeKey).toBe(method === 'HEAD' || '$default');
  },
);

test('without a $default an unmatched request is not found', async () => {
  const other = await start({ 'GET /a': 'Echo' });

  const response = await send({ path: '/b' }, undefined, other);

  await other.stop();
  expect(response).toMatchObject({ status: 404, body: '{"message":"Not Found"}' });
});

describe('a function', () => {
  test('has the environment of the template and not that of this process', async () => {
    const { body } = await send({ path: '/environment' });

    const { env, context, left } = JSON.parse(body);
    expect(env).toMatchObject({
      TABLE_NAME: 'Test-Table',
      TABLE_ARN: 'arn:aws:dynamodb:us-east-1:000000000000:table/Test-Table',
      AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1',
      AWS_REGION: 'us-east-1',
    });
    expect(env).not.toHaveProperty('PATH');
    expect(context).toMatchObject({ functionName: 'Test-Environment', awsRequestId: expect.any(String) });
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(1000);
  });

  test('writes to the log unchanged', async () => {
    await send({ path: '/log' });

    while (!logged.includes('a line\n') || !logged.includes('and another\n')) await once(log, 'logged');
    expect(logged).toMatch(/^(a line|and another)$/m);
  });

  test.each([
    ['throws', '/throw'],
    ['ends its process', '/leave/now'],
    ['exceeds its timeout', '/hang/on'],
    ['returns more than 6 MB', '/large'],
  ])('that %s is an internal error', async (_what, path) => {
    const response = await send({ path });

    expect(response).toMatchObject({ status: 500, body: '{"message":"Internal Server Error"}' });
  });

  test.each([
    ['ended its process', '/leave/now', '/leave/stay', 'stayed'],
    ['took too long', '/hang/on', '/hang/not', 'responded'],
    ['filled its memory', '/fill/up', '/fill/not', 'responded'],
  ])('serves the next request after it %s', async (_what, path, next, body) => {
    await send({ path });

    const response = await send({ path: next });

    expect(response).toMatchObject({ status: 200, body });
  });

  test('that ends its process is logged', async () => {
    logged = '';

    await send({ path: '/leave/now' });

    expect(logged).toBe('Test-Leave: the thread has ended\n');
  });

  test('that fills the heap of its memory is an internal error, which the log explains in a sentence', async () => {
    logged = '';

    const answer = await send({ path: '/fill/up' });

    expect(answer.status).toBe(500);
    expect(logged).toBe(
      "Test-Fill: the thread has ended because its heap reached the function's 128 MB; the next invocation starts another\n",
    );
  });
});

describe('a result', () => {
  test('with a status code is that response', async () => {
    const response = await respond({
      statusCode: 201,
      headers: { Location: '/a', 'X-Number': 3, 'content-length': '1' },
      cookies: ['a=b', 'c=d'],
      body: 'né',
    });

    expect(response.status).toBe(201);
    expect(response.body).toBe('né');
    expect(response.headers).toMatchObject({
      location: '/a',
      'x-number': '3',
      'set-cookie': ['a=b', 'c=d'],
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '3',
    });
  });

  test.each([
    ['base64', { statusCode: 200, body: 'Zm9v', isBase64Encoded: true }, 200, 'foo'],
    ['a status without a body', { statusCode: 204 }, 204, ''],
    ['an object without a status', { a: 1 }, 200, '{"a":1}'],
    ['a string', 'text', 200, 'text'],
    ['null', null, 200, 'null'],
    ['an invalid status', { statusCode: 'x' }, 500, '{"message":"Internal Server Error"}'],
    ['a body that is an object', { statusCode: 200, body: {} }, 500, '{"message":"Internal Server Error"}'],
    ['an invalid header', { statusCode: 200, headers: { a: 'b\n' } }, 500, '{"message":"Internal Server Error"}'],
  ])('that is %s', async (_what, result, status, body) => {
    const response = await respond(result);

    expect(response).toMatchObject({ status, body });
  });

  test('is sent without its body to HEAD', async () => {
    const response = await send({ method: 'HEAD', path: '/head' });

    expect(response).toMatchObject({ status: 200, body: '' });
    expect(response.headers['content-type']).toBe('application/json');
  });
});

describe('the limits', () => {
  test('a body over 10 MB is too large, in one piece or in chunks', async () => {
    const body = Buffer.alloc(10 * 1024 * 1024 + 1);

    const responses = [
      await send({ method: 'PUT', path: '/images/a', headers: { 'content-length': body.length } }, body),
      await send({ method: 'PUT', path: '/images/a', headers: { 'transfer-encoding': 'chunked' } }, body),
    ];

    const tooLarge = expect.objectContaining({ status: 413, body: '{"message":"Request Entity Too Large"}' });
    expect(responses).toEqual([tooLarge, tooLarge]);
  });

  test('a body that makes an event of over 6 MB is too large', async () => {
    const response = await respond('x'.repeat(6 * 1024 * 1024));

    expect(response).toMatchObject({ status: 413, body: '{"message":"Request Entity Too Large"}' });
  });

  test('a request line with headers of 10,240 bytes passes and with one more does not', async () => {
    const line = 'GET /images/a HTTP/1.1\r\n';
    const headers = 'Host: a\r\nConnection: close\r\nX: ';
    const head = (size: number) => `${line}${headers}${'x'.repeat(size - line.length - headers.length - 4)}\r\n\r\n`;

    const responses = [await sendRaw(head(10_240)), await sendRaw(head(10_241)), await sendRaw(head(60_000))];

    expect(responses.map((response) => response.split('\r\n', 1)[0])).toEqual([
      'HTTP/1.1 200 OK',
      'HTTP/1.1 431 Request Header Fields Too Large',
      'HTTP/1.1 431 Request Header Fields Too Large',
    ]);
  });

  test('bytes that are no HTTP are a bad request', async () => {
    const response = await sendRaw('nonsense\r\n\r\n');

    expect(response).toMatch(/^HTTP\/1.1 400 Bad Request\r\n.*\r\n\r\n\{"message":"Bad Request"\}$/s);
  });
});

test('a connection is kept for the next request', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  const first = await send({ path: '/images/a', agent });
  const second = await send({ path: '/images/b', agent });

  agent.destroy();
  expect([first.isReused, second.isReused]).toEqual([false, true]);
});

test('a stopped gateway responds to its running requests', async () => {
  const stopping = await start(routes);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const until = `http://127.0.0.1:${(other.address() as { port: number }).port}`;
  const agent = new Agent({ keepAlive: true });
  const sending = send({ path: `/wait?until=${encodeURIComponent(until)}`, agent }, undefined, stopping);
  const [, response] = (await once(other, 'request')) as [IncomingMessage, ServerResponse];

  const stopped = stopping.stop();
  response.end('done');
  const received = await sending;
  await stopped;

  other.close();
  agent.destroy();
  expect(received).toMatchObject({ status: 200, body: 'done' });
  await expect(send({ path: '/images/a' }, undefined, stopping)).rejects.toThrow('ECONNREFUSED');
});

test('a gateway stops after a client has closed its connection before the response', async () => {
  const stopping = await start(routes);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const until = encodeURIComponent(`http://127.0.0.1:${(other.address() as { port: number }).port}`);
  const client = connect(Number(new URL(stopping.url).port), '127.0.0.1');
  client.write(`GET /wait?until=${until} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  const [, response] = (await once(other, 'request')) as [IncomingMessage, ServerResponse];
  client.destroy();
  await once(client, 'close');
  // The gateway handles the end of the connection before a later request.
  await send({ path: '/images/a' }, undefined, stopping);
  response.end('too late');

  await stopping.stop();

  other.close();
});

test('a port in use is an error with the port', async () => {
  const port = Number(new URL(gateway.url).port);

  const starting = start(routes, port);

  await expect(starting).rejects.toThrow(`"PORT" ${port} is in use on 127.0.0.1; set PORT to another`);
});

test('a function that does not load is an error with its name', async () => {
  const starting = start({ 'GET /a': 'NoHandler' });

  await expect(starting).rejects.toThrow('The function Test-NoHandler does not load from');
});

async function start(served: typeof routes, port = 0): Promise<Gateway> {
  return startGateway({ stack: stackOf(served), tableEndpoint: 'http://127.0.0.1:1', port, log });
}

/** Creates a stack with these routes. Writes the functions to a new folder. */
function stackOf(served: Readonly<Record<string, keyof typeof handlers>>): SynthesizedStack {
  const assets = mkdtempSync(join(folder, 'assets-'));
  const functionIds = [...new Set(Object.values(served))];
  for (const id of functionIds) {
    mkdirSync(join(assets, id));
    writeFileSync(join(assets, id, 'index.mjs'), `export const handler = ${handlers[id]};`);
  }
  const functions = functionIds.map((id) => [
    id,
    {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Code: { S3Bucket: 'assets', S3Key: `${id}.zip` },
        Handler: 'index.handler',
        Timeout: id === 'Fill' ? 25 : 1,
        Environment: { Variables: { TABLE_NAME: { Ref: 'Table' }, TABLE_ARN: { 'Fn::GetAtt': ['Table', 'Arn'] } } },
      },
    },
  ]);
  const integrations = functionIds.map((id) => [
    `${id}Integration`,
    {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: { IntegrationUri: { 'Fn::GetAtt': [id, 'Arn'] }, PayloadFormatVersion: '2.0' },
    },
  ]);
  const routeResources = Object.entries(served).map(([RouteKey, id], index) => [
    `Route${index}`,
    {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: { RouteKey, Target: { 'Fn::Join': ['', ['integrations/', { Ref: `${id}Integration` }]] } },
    },
  ]);
  return {
    name: 'Test',
    resources: Object.fromEntries([
      ['Table', { Type: 'AWS::DynamoDB::Table' }],
      ...functions,
      ...integrations,
      ...routeResources,
    ]),
    assets: Object.fromEntries(functionIds.map((id) => [`${id}.zip`, join(assets, id)])),
  };
}

interface Response {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly isReused: boolean;
}

async function send(options: RequestOptions, body?: Buffer | string, to = gateway): Promise<Response> {
  const { hostname, port } = new URL(to.url);
  const sent = request({ hostname, port, ...options }).end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return {
    status: response.statusCode,
    headers: response.headers,
    body: await text(response),
    isReused: sent.reusedSocket,
  };
}

/** Sends a request. Returns the event that the function received. */
async function echo(options: RequestOptions, body?: Buffer): Promise<APIGatewayProxyEventV2> {
  return JSON.parse((await send(options, body)).body);
}

/** Sends a request whose function returns the result. */
async function respond(result: unknown): Promise<Response> {
  return send(
    { method: 'POST', path: '/respond', headers: { 'content-type': 'application/json' } },
    JSON.stringify(result),
  );
}

async function sendRaw(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.write(bytes);
  return text(socket);
}
