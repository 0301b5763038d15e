import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { type HttpApiRoute, type RouteMatch, selectRoute } from './routes.ts';
import { localAccount } from '../template/template-values.ts';

/** An event and the route whose function receives it. */
export interface RoutedEvent {
  readonly route: HttpApiRoute;
  readonly event: APIGatewayProxyEventV2;
}

/**
 * Converts a request to an HTTP API's event of payload format 2.0.
 *
 * As in API Gateway: the path is decoded once and ends at a decoded `?`. The raw query string is not changed;
 * `queryStringParameters` is decoded and joins the values of a repeated key with commas. Header names are lower case,
 * repeated headers are joined with commas, cookies are separate. The body is base64 if its content type is not text or
 * it is not UTF-8.
 *
 * Specific to the local server: a path with invalid escapes goes to `$default` unchanged, because API Gateway does not
 * document this case; `domainName` is the gateway's address or the loopback name in `Host`, with the port; API and
 * account have constant ids.
 *
 * @returns undefined if no route matches the request
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
  const domainName = requestedDomainName(request);
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
      ...(cookie !== undefined && { cookies: cookie.split(';').map((pair) => pair.trim()) }),
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

/** Returns the loopback name in `Host`, or the gateway's address for any other name, which a client could forge. */
function requestedDomainName({ headers: { host = '' }, socket: { localAddress, localPort } }: IncomingMessage): string {
  const names = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${localPort}`);
  return names.includes(host) ? host : `${localAddress}:${localPort}`;
}

/** Returns the decoded path; undefined if its escapes are invalid. */
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
    const previous = parameters.get(key);
    parameters.set(key, previous === undefined ? value : `${previous},${value}`);
  }
  return parameters.size === 0 ? undefined : Object.fromEntries(parameters);
}

/** Headers that apply only to the connection between client and gateway. */
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

/** Returns the body fields of an event: text if the content type is text and the body is valid UTF-8, else base64. */
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

/** Formats a time in the common log format, such as `23/Nov/2026:16:03:11 +0000`. */
function commonLogTime(time: Date): string {
  const [, day, month, year, clock] = / (\d\d) (\w{3}) (\d{4}) ([\d:]{8})/.exec(time.toUTCString()) ?? [];
  return `${day}/${month}/${year}:${clock} +0000`;
}
