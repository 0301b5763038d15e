import middy from '@middy/core';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { withDeadline } from '../runtime/deadline.ts';
import { authenticate } from '../identity/authenticate.ts';
import type { TokenVerifier } from '../identity/token-verifier.ts';
import { apiRequest, pathnameOf, type ApiEvent, type ApiRequest } from './api-request.ts';
import { multipleChoices, type ApiResponse } from './api-response.ts';
import { faultBoundary } from './middlewares/fault-boundary.ts';
import { requireMediaType, requireNoBody, requireUtf8Body } from './middlewares/request-body.ts';
import { requestId, requireWellFormedRequestId } from './middlewares/request-id.ts';
import { requestLog, type Log } from './middlewares/request-log.ts';
import { responseHeaders } from './middlewares/response-headers.ts';
import { isVersion, versionsView } from './views/versions.ts';

/** What one route does: request in, use case, response out. */
export type ApiOperation = (request: ApiRequest) => Promise<ApiResponse>;

/** An operation and what its requests are like. */
export interface Route {
  readonly operation: ApiOperation;
  /** `json` parses the body whatever its media type; a list of media types accepts only these; `none` refuses one. */
  readonly body: 'json' | 'none' | 'ignored' | readonly string[];
}

/** What every operation of a function has around it. */
export interface HandlerDependencies {
  readonly identity: TokenVerifier;
  readonly log: Log;
  /** The API's own URL, without a slash at the end; otherwise the one that the gateway was called under. */
  readonly publicUrl?: string | undefined;
}

/** The same around an operation that needs no token. */
type OpenSurroundings = Omit<HandlerDependencies, 'identity'> & { readonly identity: undefined };

/** A Lambda function behind an HTTP API. */
export type ApiHandler = (event: APIGatewayProxyEventV2, context: Context) => Promise<ApiResponse>;

/** How long a request may take, of the 25 s that its function has and the 30 s that API Gateway waits. */
const requestMilliseconds = 20_000;

const middlewaresOf = (body: Route['body']) => {
  if (body === 'ignored') return [];
  if (body === 'none') return [requireNoBody()];
  const parser = [requireUtf8Body(), httpJsonBodyParser({ disableContentTypeCheck: true })];
  return body === 'json' ? parser : [requireMediaType(body), ...parser];
};

/**
 * The Middy stack around one operation. `before` runs downwards, `after` and `onError` upwards: the boundary makes the
 * answer before the log reads its status, and the headers of every response come on last.
 *
 * @param name - the operation, as the log names it
 */
export function apiOperation(
  name: string,
  { operation, body }: Route,
  { identity, log, publicUrl }: HandlerDependencies | OpenSurroundings,
): ApiHandler {
  const handler = middy<ApiEvent, ApiResponse>()
    .use(responseHeaders(identity !== undefined))
    .use(requestId())
    .use(requestLog(name, log))
    .use(faultBoundary(identity?.challenge ?? 'Bearer'))
    .use(identity === undefined ? [] : [authenticate(identity, pathnameOf)])
    .use(requireWellFormedRequestId())
    .use(middlewaresOf(body))
    .handler((event) => operation(apiRequest(event, publicUrl)));
  return (event, context) => withDeadline(Date.now() + requestMilliseconds, () => handler(event, context));
}

/**
 * The handler of a function: finds the operation by the route that API Gateway took. Under a version that is not spoken
 * here every route answers with the list of versions, and needs no token for it.
 *
 * @param keys - the function's routes
 * @param routes - what each of them does
 */
export function apiHandler<Name extends string>(
  keys: Readonly<Record<Name, string>>,
  routes: Readonly<Record<Name, Route>>,
  dependencies: HandlerDependencies,
): ApiHandler {
  const operations = new Map(
    (Object.keys(keys) as Name[]).map((name) => [keys[name], apiOperation(name, routes[name], dependencies)]),
  );
  const otherVersion = versionsOperation(dependencies);
  return async (event, context) => {
    const version = event.pathParameters?.['version'];
    const known = version === undefined || isVersion(version) ? operations.get(event.routeKey) : otherVersion;
    if (known === undefined) throw new Error(`Route ${event.routeKey} is not one of this function's.`);
    return known(event, context);
  };
}

/** The list of versions, for whatever names none that is spoken here. */
export const versionsOperation = (dependencies: HandlerDependencies): ApiHandler =>
  apiOperation(
    'listVersions',
    { operation: (request) => Promise.resolve(multipleChoices(versionsView(request.baseUrl))), body: 'ignored' },
    { ...dependencies, identity: undefined },
  );
