import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { callerWithoutProject, type Caller } from '../domain/caller.ts';
import { invalidRequest } from '../domain/errors.ts';
import type { ApiResponse } from './api-response.ts';

/** What API Gateway hands over (payload format 2.0), its body replaced by what it says once that has been parsed, and the caller added once known. */
export type ApiEvent = Omit<APIGatewayProxyEventV2, 'body'> & { body?: unknown; caller?: Caller };

/** What the middlewares of one request tell each other. */
interface RequestInternal extends Record<string, unknown> {
  requestId: string;
  startedAt: number;
  fault: string;
}

/** One concern around every operation. */
export type ApiMiddleware = MiddlewareObj<ApiEvent, ApiResponse, Error, Context, RequestInternal>;

/** The caller of what needs no token. */
const nobody = callerWithoutProject('');

/** A request for one operation, from a caller who has been identified where the operation asks for that. */
export interface ApiRequest {
  readonly caller: Caller;
  readonly method: string;
  /** The path, decoded, without the stage. */
  readonly pathname: string;
  /** The operation's path parameters, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The parsed JSON body, not yet looked at; `undefined` where the operation takes none. */
  readonly body: unknown;
  readonly mediaType: string;
  /** The API's own URL, without a slash at the end. */
  readonly baseUrl: string;
}

export const apiRequest = (event: ApiEvent): ApiRequest => ({
  caller: event.caller ?? nobody,
  method: event.requestContext.http.method,
  pathname: pathnameOf(event),
  path: Object.fromEntries(Object.entries(event.pathParameters ?? {}).map(([name, value]) => [name, value ?? ''])),
  query: new URLSearchParams(event.rawQueryString),
  body: event.body,
  mediaType: mediaType(event),
  baseUrl: baseUrl(event),
});

/** The path that was asked for, decoded, without the stage where that has a name. */
export function pathnameOf({
  rawPath,
  requestContext: { stage },
}: {
  readonly rawPath: string;
  readonly requestContext: Pick<ApiEvent['requestContext'], 'stage'>;
}): string {
  return stage !== '$default' && rawPath.startsWith(`/${stage}/`) ? rawPath.slice(stage.length + 1) : rawPath;
}

/** The media type of the body, without its parameters and in lower case; empty where none is given. */
export const mediaType = (event: ApiEvent): string =>
  (event.headers['content-type'] ?? '').split(';', 1).join().trim().toLowerCase();

const host = /^[\w.-]+(:\d+)?$/;

/**
 * The URL that the API was called under, with the stage where it has a name, without a slash at the end. A proxy in front
 * of the gateway tells its own name in `X-Forwarded-Host`.
 */
function baseUrl({ headers, requestContext: { domainName, stage } }: ApiEvent): string {
  const scheme = /^http\b/.test(headers['x-forwarded-proto'] ?? '') ? 'http' : 'https';
  const called = [headers['x-forwarded-host'], headers['host']].find((name) => name !== undefined && host.test(name));
  return `${scheme}://${called ?? domainName}${stage === '$default' ? '' : `/${stage}`}`;
}

/** The properties of a JSON object; anything else is refused. */
export function objectBody({ body }: Pick<ApiRequest, 'body'>): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body has to be a JSON object.');
  }
  return body as Record<string, unknown>;
}
