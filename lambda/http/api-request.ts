import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { callerWithoutProject, type Caller } from '../domain/caller.ts';
import { invalidRequest } from '../domain/errors.ts';
import { isHttpsOrLoopback } from '../identity/settings.ts';
import type { ApiResponse } from './api-response.ts';

/** What API Gateway hands over (payload format 2.0), its body replaced by what it says once that has been parsed, and the caller added once known. */
export type ApiEvent = Omit<APIGatewayProxyEventV2, 'body'> & { body?: unknown; caller?: Omit<Caller, 'via'> };

/** What the middlewares of one request tell each other. */
interface RequestInternal extends Record<string, unknown> {
  requestId: string;
  startedAt: number;
  /** The code of the fault that is the response. */
  fault: string | undefined;
}

/** One concern around every operation. */
export type ApiMiddleware = MiddlewareObj<ApiEvent, ApiResponse, Error, Context, RequestInternal>;

/** The caller of what needs no token. */
const anonymousCaller = callerWithoutProject('');

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

/** @param publicUrl - the API's own URL as configured */
export const apiRequest = (event: ApiEvent, publicUrl?: string): ApiRequest => ({
  caller: { ...(event.caller ?? anonymousCaller), via: 'http' },
  method: event.requestContext.http.method,
  pathname: pathnameOf(event),
  path: Object.fromEntries(Object.entries(event.pathParameters ?? {}).map(([name, value]) => [name, value ?? ''])),
  query: new URLSearchParams(event.rawQueryString),
  body: event.body,
  mediaType: mediaType(event),
  baseUrl: publicUrl ?? baseUrl(event),
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

/**
 * The URL that the API was called under, with the stage if it has a name, without a slash at the end. It is made of what the
 * gateway itself says: headers are the client's.
 */
function baseUrl({ requestContext: { domainName, stage } }: ApiEvent): string {
  // Only the local server is called by a loopback name, and it has no TLS.
  const scheme = isHttpsOrLoopback(`http://${domainName}`) ? 'http' : 'https';
  return `${scheme}://${domainName}${stage === '$default' ? '' : `/${stage}`}`;
}

/** The properties of a JSON object; anything else is refused. */
export function objectBody({ body }: Pick<ApiRequest, 'body'>): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body has to be a JSON object.');
  }
  return body as Record<string, unknown>;
}
