import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { callerWithoutProject, type Caller, type CallerIdentity } from '../domain/caller.ts';
import { invalidRequest } from '../domain/errors.ts';
import { requireImageId, type ImageId } from '../domain/ids.ts';
import { isHttpsOrLoopback } from '../identity/settings.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { ApiResponse } from './api-response.ts';
import type { EntityTag, IfNoneMatch } from './entity-tag.ts';

/**
 * Event of API Gateway (payload format 2.0). Middlewares replace the body with the parsed body and add the request id,
 * the verified caller and the preconditions, because the handler receives nothing else.
 */
export type ApiEvent = Omit<APIGatewayProxyEventV2, 'body'> & {
  body?: unknown;
  caller?: CallerIdentity;
  requestId?: string;
  ifMatch?: EntityTag;
  ifNoneMatch?: IfNoneMatch;
};

/** State that the middlewares of one request share. */
interface RequestInternal extends Record<string, unknown> {
  requestId: string;
  endRequest: ReturnType<Telemetry['startRequest']>;
  /** Fault code of the response, or `undefined` for a success. */
  fault: string | undefined;
}

/** Middleware of an operation. */
export type ApiMiddleware = MiddlewareObj<ApiEvent, ApiResponse, Error, Context, RequestInternal>;

/** Caller of an operation that requires no token. */
const anonymousCaller = callerWithoutProject('');

/** Request for one operation, from a verified caller if the operation requires a token. */
export interface ApiRequest {
  readonly caller: Caller;
  readonly method: string;
  /** Decoded path without the stage. */
  readonly pathname: string;
  /** Decoded path parameters. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed JSON body, not validated; `undefined` if the operation has no body. */
  readonly body: unknown;
  readonly mediaType: string;
  /** Entity tag that the resource must have before a write; `undefined` for a write without a precondition. */
  readonly ifMatch: EntityTag | undefined;
  /** Entity tags of the representations that the client has; `undefined` for an unconditional read. */
  readonly ifNoneMatch: IfNoneMatch | undefined;
  /** URL of the API, without a trailing slash. */
  readonly baseUrl: string;
}

/**
 * Returns the typed request of an event.
 *
 * @param publicUrl - configured URL of the API; by default the URL of the gateway
 */
export const apiRequest = (event: ApiEvent, publicUrl?: string): ApiRequest => ({
  caller: { ...(event.caller ?? anonymousCaller), via: 'http', requestId: event.requestId ?? '' },
  method: event.requestContext.http.method,
  pathname: pathnameOf(event),
  path: Object.fromEntries(Object.entries(event.pathParameters ?? {}).map(([name, value]) => [name, value ?? ''])),
  query: new URLSearchParams(event.rawQueryString),
  body: event.body,
  mediaType: mediaType(event),
  ifMatch: event.ifMatch,
  ifNoneMatch: event.ifNoneMatch,
  baseUrl: publicUrl ?? baseUrl(event),
});

/** Returns the decoded path of a request without the name of the stage. */
export function pathnameOf({
  rawPath,
  requestContext: { stage },
}: {
  readonly rawPath: string;
  readonly requestContext: Pick<ApiEvent['requestContext'], 'stage'>;
}): string {
  return stage !== '$default' && rawPath.startsWith(`/${stage}/`) ? rawPath.slice(stage.length + 1) : rawPath;
}

/** Returns the media type of the body in lower case without parameters; empty if the request has none. */
export const mediaType = (event: ApiEvent): string =>
  (event.headers['content-type'] ?? '').split(';', 1).join().trim().toLowerCase();

/** Returns the URL of the API, including the name of the stage, without a trailing slash. */
function baseUrl({ requestContext: { domainName, stage } }: ApiEvent): string {
  // Built from the gateway's fields, because clients control the headers. Only the local server has a loopback name,
  // and it has no TLS.
  const scheme = isHttpsOrLoopback(`http://${domainName}`) ? 'http' : 'https';
  return `${scheme}://${domainName}${stage === '$default' ? '' : `/${stage}`}`;
}

/** Returns the properties of a JSON object. @throws SharingError `invalid-request` for any other body */
export function objectBody({ body }: Pick<ApiRequest, 'body'>): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body must be a JSON object.');
  }
  return body as Record<string, unknown>;
}

/** Returns the image id of the path. @throws SharingError `image-not-found` if no image can have that id */
export const imageIdOf = ({ path }: Pick<ApiRequest, 'path'>): ImageId => requireImageId(path['image_id'] ?? '');
