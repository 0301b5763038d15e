import { discoveryOperations, fallbackRoute } from './operations/discovery.ts';
import { imageDataOperations } from './operations/image-data.ts';
import { imageOperations } from './operations/images.ts';
import { memberOperations } from './operations/members.ts';
import { sharingOperations } from './operations/sharing/sharing-operations.ts';

/** Operations of the API by the function that serves them. */
export const apiOperations = {
  members: memberOperations,
  images: { ...imageOperations, ...imageDataOperations },
  sharing: sharingOperations,
  discovery: discoveryOperations,
} as const;

/** Name of a function of the API. */
export type ApiFunction = keyof typeof apiOperations;

/** Route of the files of the console, which is no operation of the API. */
export const consoleRoute = 'GET /console/{file+}';

/** Routes of the API: the function that serves a route, the name of its operation, and its key in API Gateway. */
export const routes: readonly { readonly function: ApiFunction; readonly operation: string; readonly key: string }[] = [
  ...(Object.keys(apiOperations) as ApiFunction[]).flatMap((name) =>
    Object.entries<{ readonly route: string }>(apiOperations[name]).map(([operation, { route }]) => ({
      function: name,
      operation,
      key: route,
    })),
  ),
  { function: 'discovery', operation: 'fallback', key: fallbackRoute },
];
