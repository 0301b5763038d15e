import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { type HttpApiRoute, type RouteMatch, selectRoute } from './routes.ts';
import { localAccount } from '../template/template-values.ts';

/** What the gateway hands on: an event, and the route whose function gets it. */
export interface RoutedEvent {
  readonly route: HttpApiRoute;
  readonly event: APIGatewayProxyEventV2;
}

/**
 * A request as an HTTP API's event, payload format 2.0.
 *
 * As the service does: the path is decoded once and cut at a decoded `?`; the query string stays as it is, and decoded
 * in `queryStringParameters`, where repeated keys are joined by commas; header names are lower case, repeated headers
 * joined by commas, cookies apart; a body that is not text by its type, or not UTF-8, is base64.
 *
 * Of its own: a path whose escapes do not decode goes to `$default` as it came (what the service does is not known);
 * `domainName` is the gateway's own address with the port, or the loopback name of it in `Host`; names and ids of API and account are made up.
 *
 * @returns undefined if no route takes the request
 */
export function httpApiEvent(
  routes: readonly HttpApiRoute[],
  request: IncomingMessage,
  body: Buffer,
): RoutedEvent | undefined {
  const { method = '', url = '/', httpVersion } = request;
  const [, target = '', rawQueryString = ''] = /^(?:[a-z]+:\/\/[^/?]*)?([^?]*)\??(.*)$/is.exec(url) ?? [];
  const path = decodePath(target === '' ? '/' : target);
  const match: RouteMatch | undefined = selectRoute(routes, path === undefined ? '' : method, path ?? '');
  if (match === undefined) return undefined;

  const { cookie, ...headers } = gatewayHeaders(request, body);
  const domainName = ownName(request);
  const query = queryParameters(rawQueryString);
  const rawPath = path ?? target;
  const now = new Date();
  return {
    route: match.route,
    event: {
      version: '2.0',
      routeKey: match.route.key,
      rawPath,
      rawQueryString,
      ...(cookie !== undefined && { cookies: cookie.split(';').map((one) => one.trim()) }),
      headers,
      ...(query !== undefined && { queryStringParameters: query }),
      requestContext: {
        accountId: localAccount,
        apiId: 'local',
        domainName,
        domainPrefix: domainName.split(/[.:]/, 1)[0] ?? '',
        http: {
          method,
          path: rawPath,
          protocol: `HTTP/${httpVersion}`,
          sourceIp: request.socket.remoteAddress ?? '',
          userAgent: headers['user-agent'] ?? '',
        },
        requestId: randomBytes(11).toString('base64'),
        routeKey: match.route.key,
        stage: '$default',
        time: commonLogTime(now),
        timeEpoch: now.getTime(),
      },
      ...(match.pathParameters !== undefined && { pathParameters: { ...match.pathParameters } }),
      ...eventBody(body, headers['content-type']),
    },
  };
}

/** The name by which a client has called: any other than the gateway's own could be made up. */
function ownName({ headers: { host = '' }, socket: { localAddress, localPort } }: IncomingMessage): string {
  const names = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${localPort}`);
  return names.includes(host) ? host : `${localAddress}:${localPort}`;
}

function decodePath(target: string): string | undefined {
  try {
    return decodeURIComponent(target).split('?', 1)[0];
  } catch {
    return undefined;
  }
}

function queryParameters(rawQueryString: string): Record<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(rawQueryString)) {
    const earlier = parameters.get(key);
    parameters.set(key, earlier === undefined ? value : `${earlier},${value}`);
  }
  return parameters.size === 0 ? undefined : Object.fromEntries(parameters);
}

/** Headers that speak of the connection to the gateway, which ends there. */
const hopByHopHeaders = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function gatewayHeaders(
  request: IncomingMessage,
  body: Buffer,
): Record<string, string | undefined> & { cookie?: string } {
  const { socket } = request;
  const sent = Object.entries(request.headersDistinct)
    .filter(([name]) => !hopByHopHeaders.has(name))
    .map(([name, values = []]): [string, string] => [name, values.join(name === 'cookie' ? ';' : ',')]);
  const received = new Map(sent);
  const forwardedFor = received.get('x-forwarded-for');
  const sender = socket.remoteAddress ?? '';
  return Object.fromEntries(
    received
      .set('content-length', String(body.length))
      .set('x-amzn-trace-id', received.get('x-amzn-trace-id') ?? traceId())
      .set('x-forwarded-for', forwardedFor === undefined ? sender : `${forwardedFor}, ${sender}`)
      .set('x-forwarded-port', String(socket.localPort))
      .set('x-forwarded-proto', 'http'),
  );
}

function traceId(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${seconds}-${randomBytes(12).toString('hex')}`;
}

const textTypes = /^(text\/.*|application\/(json|javascript|xml))$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A body as it stands in an event: text only by its type and if no byte of it is lost that way. */
function eventBody(body: Buffer, contentType = ''): Pick<APIGatewayProxyEventV2, 'body' | 'isBase64Encoded'> {
  if (body.length === 0) return { isBase64Encoded: false };
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (textTypes.test(mediaType)) {
    try {
      return { body: utf8.decode(body), isBase64Encoded: false };
    } catch {
      // Not UTF-8.
    }
  }
  return { body: body.toString('base64'), isBase64Encoded: true };
}

/** Such as `23/Nov/2026:16:03:11 +0000`. */
function commonLogTime(time: Date): string {
  const [, day, month, year, clock] = / (\d\d) (\w{3}) (\d{4}) ([\d:]{8})/.exec(time.toUTCString()) ?? [];
  return `${day}/${month}/${year}:${clock} +0000`;
}
