import {
  apiHandler,
  listVersionsHandler,
  wrapOperation,
  type ApiHandler,
  type HandlerDependencies,
} from './api-handler.ts';
import { pathnameOf } from './api-request.ts';
import type { HandleRequest } from './operation.ts';
import {
  checkHealth,
  describeApi,
  discoveryOperations,
  fallbackRoute,
  handleUnmatched,
  isBelowVersion,
  listVersions,
  openConsole,
  showOptions,
  type ApiDocument,
} from './operations/discovery.ts';

/**
 * Creates the handler for requests that concern no image: schemas, versions, health, the OpenAPI document, and all
 * paths without a route. Paths below a version require a token, which is verified first.
 *
 * @param document - OpenAPI document of the API
 * @param hasConsole - true if the API serves the console, to which `/console` redirects
 */
export function discoveryHandler(
  document: ApiDocument,
  dependencies: HandlerDependencies,
  hasConsole = false,
): ApiHandler {
  const routed = apiHandler(
    discoveryOperations,
    { showSchema: undefined, showSharingSchema: undefined, listImportMethods: undefined },
    dependencies,
  );
  const withoutToken = (name: string, handle: HandleRequest): ApiHandler =>
    wrapOperation({ name, handle, body: 'ignored' }, { ...dependencies, identity: undefined });
  const options = withoutToken('options', showOptions);
  /** Handlers by the first segment of the path; they ignore the other segments. */
  const bySegment = new Map([
    ['healthcheck', withoutToken('health', checkHealth)],
    ['openapi.json', withoutToken('openApi', describeApi(document))],
    ['versions', withoutToken('listVersions', listVersions)],
  ]);
  const consolePage = withoutToken('console', openConsole);
  const isConsolePage = (method: string, pathname: string): boolean =>
    hasConsole && (method === 'GET' || method === 'HEAD') && /^\/console\/?$/.test(pathname);
  const otherVersion = listVersionsHandler(dependencies);
  const unmatched = wrapOperation(
    { name: 'unmatched', handle: handleUnmatched(document), body: 'ignored' },
    dependencies,
  );

  const handlerOf = (event: Parameters<ApiHandler>[0]): ApiHandler => {
    if (event.routeKey !== fallbackRoute) return routed;
    const { method } = event.requestContext.http;
    if (method === 'OPTIONS') return options;
    const pathname = pathnameOf(event);
    if (isConsolePage(method, pathname)) return consolePage;
    return bySegment.get(pathname.split('/')[1] ?? '') ?? (isBelowVersion(pathname) ? unmatched : otherVersion);
  };
  return (event, context) => handlerOf(event)(event, context);
}
