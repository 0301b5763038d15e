import { apiHandler, apiOperation, versionsOperation, type ApiHandler, type Surroundings } from './api-handler.ts';
import { pathnameOf } from './api-request.ts';
import {
  healthOperation,
  isBelowVersion,
  listVersionsOperation,
  optionsOperation,
  showSchemaOperation,
  unroutedOperation,
} from './discovery-operations.ts';
import { routes } from './routes.ts';

/**
 * What needs no image: the schemas, the list of versions, and everything that no route takes. A token is asked for below
 * a version only, and there before anything else.
 */
export function discoveryHandler(surroundings: Surroundings): ApiHandler {
  const open = { ...surroundings, identity: undefined };
  const { showSchema, fallback } = routes.discovery;
  const routed = apiHandler(
    { showSchema },
    { showSchema: { operation: showSchemaOperation, body: 'none' } },
    surroundings,
  );
  const options = apiOperation('options', { operation: optionsOperation, body: 'ignored' }, open);
  const health = apiOperation('health', { operation: healthOperation, body: 'ignored' }, open);
  const versions = apiOperation('listVersions', { operation: listVersionsOperation, body: 'ignored' }, open);
  const choice = versionsOperation(surroundings.log);
  const unrouted = apiOperation('unrouted', { operation: unroutedOperation, body: 'ignored' }, surroundings);

  return (event, context) => {
    const pathname = pathnameOf(event);
    const chosen =
      event.routeKey !== fallback
        ? routed
        : event.requestContext.http.method === 'OPTIONS'
          ? options
          : pathname === '/healthcheck'
            ? health
            : pathname === '/versions'
              ? versions
              : isBelowVersion(pathname)
                ? unrouted
                : choice;
    return chosen(event, context);
  };
}
