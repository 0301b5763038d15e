import {
  apiHandler,
  apiOperation,
  versionsOperation,
  type ApiHandler,
  type ApiOperation,
  type HandlerDependencies,
} from './api-handler.ts';
import { pathnameOf } from './api-request.ts';
import {
  healthOperation,
  isBelowVersion,
  listVersionsOperation,
  openApiOperation,
  optionsOperation,
  showSchemaOperation,
  fallbackOperation,
} from './operations/discovery.ts';
import { routes } from './routes.ts';

/**
 * What needs no image: the schemas, the list of versions, and everything that no route takes. A token is asked for below
 * a version only, and there before anything else.
 */
export function discoveryHandler(dependencies: HandlerDependencies): ApiHandler {
  const open = { ...dependencies, identity: undefined };
  const { showSchema, fallback } = routes.discovery;
  const routed = apiHandler(
    { showSchema },
    { showSchema: { operation: showSchemaOperation, body: 'none' } },
    dependencies,
  );
  const withoutToken = (name: string, operation: ApiOperation) =>
    apiOperation(name, { operation, body: 'ignored' }, open);
  const options = withoutToken('options', optionsOperation);
  /** By the first step of the path; what follows it makes no difference. */
  const byName = new Map([
    ['healthcheck', withoutToken('health', healthOperation)],
    ['openapi.json', withoutToken('openApi', openApiOperation)],
    ['versions', withoutToken('listVersions', listVersionsOperation)],
  ]);
  const choice = versionsOperation(dependencies);
  const unrouted = apiOperation('unrouted', { operation: fallbackOperation, body: 'ignored' }, dependencies);

  const chosen = (event: Parameters<ApiHandler>[0]): ApiHandler => {
    if (event.routeKey !== fallback) return routed;
    if (event.requestContext.http.method === 'OPTIONS') return options;
    const pathname = pathnameOf(event);
    return byName.get(pathname.split('/')[1] ?? '') ?? (isBelowVersion(pathname) ? unrouted : choice);
  };
  return (event, context) => chosen(event)(event, context);
}
