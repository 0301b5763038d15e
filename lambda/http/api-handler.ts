import middy from '@middy/core';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { requestTimeoutMilliseconds } from '../runtime/deadline.ts';
import { withRequestContext } from '../runtime/request-context.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { authenticate } from '../identity/authenticate.ts';
import type { TokenVerifier } from '../identity/token-verifier.ts';
import type { BodyRule, HandleRequest, Operation, Precondition, UseCasesOf } from './operation.ts';
import { apiRequest, pathnameOf, type ApiEvent } from './api-request.ts';
import { multipleChoices, type ApiResponse } from './api-response.ts';
import { faultBoundary } from './middlewares/fault-boundary.ts';
import { parsePreconditions } from './middlewares/preconditions.ts';
import { requireMediaType, requireNoBody, requireUtf8Body } from './middlewares/request-body.ts';
import { requestId, requireWellFormedRequestId } from './middlewares/request-id.ts';
import { requestLog } from './middlewares/request-log.ts';
import { responseHeaders } from './middlewares/response-headers.ts';
import { isVersion, versionsView } from './views/versions.ts';

/** Dependencies of every operation. */
export interface HandlerDependencies {
  /** Verifies the caller's token; `undefined` if the operation requires none. */
  readonly identity: TokenVerifier | undefined;
  readonly telemetry: Telemetry;
  /** URL of the API without a trailing slash; by default the URL of the gateway. */
  readonly publicUrl?: string | undefined;
}

/** Handler of a Lambda function behind an HTTP API. */
export type ApiHandler = (event: APIGatewayProxyEventV2, context: Context) => Promise<ApiResponse>;

const middlewaresOf = (body: BodyRule) => {
  if (body === 'ignored') return [];
  if (body === 'none') return [requireNoBody()];
  const parser = [requireUtf8Body(), httpJsonBodyParser({ disableContentTypeCheck: true })];
  return body === 'json' ? parser : [requireMediaType(body), ...parser];
};

/** Request handler with its name in the log and its rules for bodies and preconditions. */
export interface NamedHandler {
  readonly name: string;
  readonly handle: HandleRequest;
  readonly body: BodyRule;
  /** Resource of the preconditions; `none` refuses them for writes; by default they are ignored. */
  readonly precondition?: Precondition | 'none';
}

/**
 * Wraps a request handler in the Middy stack. `before` runs in list order, `after` and `onError` in reverse: the fault
 * boundary sets the response before the log reads its status, and the headers of every response are added last.
 */
export function wrapOperation(
  { name, handle, body, precondition }: NamedHandler,
  { identity, telemetry, publicUrl }: HandlerDependencies,
): ApiHandler {
  const handler = middy<ApiEvent, ApiResponse>()
    .use(responseHeaders(identity !== undefined))
    .use(requestId())
    .use(requestLog(name, telemetry))
    .use(faultBoundary(identity?.challenge ?? 'Bearer'))
    .use(identity === undefined ? [] : [authenticate(identity, pathnameOf)])
    .use(requireWellFormedRequestId())
    .use(middlewaresOf(body))
    .use(precondition === undefined ? [] : [parsePreconditions(precondition)])
    .handler((event) => handle(apiRequest(event, publicUrl)));
  return (event, context) => withRequestContext(Date.now() + requestTimeoutMilliseconds, () => handler(event, context));
}

/**
 * Creates the handler of a function, which selects the operation by the route that API Gateway matched. Below an
 * unknown version every route responds with the list of versions and requires no token.
 *
 * @param operations - operations of the function by name
 * @param useCases - use case of each operation, by the same names
 */
export function apiHandler<Operations extends Readonly<Record<string, Operation<never>>>>(
  operations: Operations,
  useCases: UseCasesOf<Operations>,
  dependencies: HandlerDependencies,
): ApiHandler {
  const handlers = new Map(
    Object.entries(operations).map(([name, { route, handle, body, precondition }]) => [
      route,
      wrapOperation(
        { name, handle: handle(useCases[name] as never), body, precondition: precondition ?? 'none' },
        dependencies,
      ),
    ]),
  );
  const otherVersion = listVersionsHandler(dependencies);
  return async (event, context) => {
    const version = event.pathParameters?.['version'];
    const handler = version === undefined || isVersion(version) ? handlers.get(event.routeKey) : otherVersion;
    if (handler === undefined) throw new Error(`The function has no operation with the route ${event.routeKey}.`);
    return handler(event, context);
  };
}

/** Creates the handler that responds 300 with the list of versions to a path outside every version. */
export const listVersionsHandler = (dependencies: HandlerDependencies): ApiHandler =>
  wrapOperation(
    {
      name: 'listVersions',
      handle: ({ baseUrl }) => Promise.resolve(multipleChoices(versionsView(baseUrl))),
      body: 'ignored',
    },
    { ...dependencies, identity: undefined },
  );
