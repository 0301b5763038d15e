import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  corsConfiguration,
  preflightResponse,
  withCorsHeaders,
  type CorsConfiguration,
} from '../../../../infra/local/api-gateway/cors.ts';

const cors: CorsConfiguration = {
  AllowOrigins: ['https://console.example', 'http://127.0.0.1:3000'],
  AllowMethods: ['GET', 'PUT'],
  AllowHeaders: ['x-auth-token', 'content-type'],
  ExposeHeaders: ['location'],
  MaxAge: 3600,
};
const preflight = { 'access-control-request-method': 'PUT' };

let server: Server;
let received: (message: IncomingMessage) => void;
beforeAll(async () => {
  server = createServer((message, response) => {
    received(message);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
});

/** Sends a request. Returns the message that Node's server receives. */
async function aRequest(method: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  const arrived = new Promise<IncomingMessage>((resolve) => (received = resolve));
  request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', method, headers }).end();
  return arrived;
}

describe('a preflight', () => {
  test('of an allowed origin gets the headers of the template', async () => {
    const message = await aRequest('OPTIONS', { origin: 'http://127.0.0.1:3000', ...preflight });

    const response = preflightResponse(cors, message);

    expect(response).toEqual({
      statusCode: 204,
      headers: {
        'access-control-allow-origin': 'http://127.0.0.1:3000',
        'access-control-allow-methods': 'GET,PUT',
        'access-control-allow-headers': 'x-auth-token,content-type',
        'access-control-expose-headers': 'location',
        'access-control-max-age': '3600',
      },
      body: Buffer.alloc(0),
    });
  });

  test.each(['https://elsewhere.example', 'https://console.example.evil', 'null'])(
    'of %s gets no headers',
    async (origin) => {
      const message = await aRequest('OPTIONS', { origin, ...preflight });

      const response = preflightResponse(cors, message);

      expect(response).toEqual({ statusCode: 204, headers: {}, body: Buffer.alloc(0) });
    },
  );

  test.each([
    ['OPTIONS without a requested method', 'OPTIONS', { origin: 'https://console.example' }],
    ['OPTIONS without an origin', 'OPTIONS', preflight],
    ['another method', 'PUT', { origin: 'https://console.example', ...preflight }],
  ])('is not %s', async (_what, method, headers) => {
    const message = await aRequest(method, headers);

    const response = preflightResponse(cors, message);

    expect(response).toBeUndefined();
  });
});

describe("a function's response", () => {
  const response = {
    statusCode: 201,
    headers: { location: '/a', 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true' },
    body: Buffer.from('{}'),
  };

  test('to an allowed origin has only the headers of the configuration', async () => {
    const message = await aRequest('POST', { origin: 'https://console.example' });

    const sent = withCorsHeaders(cors, message, response);

    expect(sent).toEqual({
      ...response,
      headers: {
        location: '/a',
        'access-control-allow-origin': 'https://console.example',
        'access-control-expose-headers': 'location',
      },
    });
  });

  test.each([[{ origin: 'https://elsewhere.example' }], [{}]])('to %j has no CORS headers', async (headers) => {
    const message = await aRequest('POST', headers);

    const sent = withCorsHeaders(cors, message, response);

    expect(sent).toEqual({ ...response, headers: { location: '/a' } });
  });
});

test('an API without the configuration has none', () => {
  const api = { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'Test' } };

  expect(corsConfiguration({ name: 'Test', resources: { api }, assets: {} })).toBeUndefined();
});
