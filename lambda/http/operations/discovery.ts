import { abridge } from '../../domain/quote.ts';
import { ok, okEmpty, okText, redirect } from '../api-response.ts';
import { RequestFault } from '../faults.ts';
import { defineOperation, type HandleRequest, type Json } from '../operation.ts';
import { importView } from '../views/import-view.ts';
import { schemas } from '../views/schemas.ts';
import { sharingSchemas } from '../views/sharing/sharing-schemas.ts';
import { isVersion, versionsView } from '../views/versions.ts';

/** Route of requests that match no other route. */
export const fallbackRoute = '$default';

const schemaDefinition = {
  role: undefined,
  body: 'none',
  success: [200, 'schema'],
  faults: ['route-not-found'],
} as const;

/** Returns the handler that responds with the schema whose name is in the path. */
const showSchema =
  (served: Readonly<Record<string, object>>, parameter: string): HandleRequest =>
  ({ path }) => {
    const name = path[parameter] ?? '';
    if (!Object.hasOwn(served, name)) throw notFound();
    return Promise.resolve(ok(served[name]));
  };

/** The operations of the discovery function that have a route of their own. */
export const discoveryOperations = {
  showSchema: defineOperation<undefined>({
    ...schemaDefinition,
    route: 'GET /{version}/schemas/{schema}',
    summary: 'Show the JSON schema of image, images, member or members',
    handle: () => showSchema(schemas, 'schema'),
  }),

  showSharingSchema: defineOperation<undefined>({
    ...schemaDefinition,
    route: 'GET /sharing/v1/schemas/{sharing_schema}',
    summary: 'Show a JSON schema of the sharing API',
    handle: () => showSchema(sharingSchemas, 'sharing_schema'),
  }),

  listImportMethods: defineOperation<undefined>({
    route: 'GET /{version}/info/import',
    summary: 'List the import methods',
    role: undefined,
    body: 'none',
    success: [200, 'import-methods'],
    faults: [],
    handle: () => () => Promise.resolve(ok(importView())),
  }),
} as const;

/** The OpenAPI document of the API, as far as the discovery function reads it. */
export type ApiDocument = Json & { readonly paths: Readonly<Record<string, Json>> };

/** GET /healthcheck: responds if the function runs. */
export const checkHealth: HandleRequest = () => Promise.resolve(okText('OK'));

/** Any method on /versions: lists the versions. */
export const listVersions: HandleRequest = ({ baseUrl }) => Promise.resolve(ok(versionsView(baseUrl)));

/** GET /console: redirects to the page of the console. */
export const openConsole: HandleRequest = ({ baseUrl }) => Promise.resolve(redirect(`${baseUrl}/console/index.html`));

/** OPTIONS on any path: responds without a body. */
export const showOptions: HandleRequest = () => Promise.resolve(okEmpty());

/** GET /openapi.json: returns the OpenAPI document with the URL of the API. */
export const describeApi =
  (document: ApiDocument): HandleRequest =>
  ({ baseUrl }) =>
    Promise.resolve(ok({ ...document, servers: [{ url: baseUrl }] }));

/**
 * Responds to requests below a version that match no route: a redirect for the version itself, 405 for a wrong method,
 * otherwise 404.
 */
export const handleUnmatched =
  (document: ApiDocument): HandleRequest =>
  ({ method, pathname, baseUrl }) => {
    const segments = pathname.split('/').slice(1);
    if (segments.length === 1 && method === 'GET') return Promise.resolve(redirect(`${baseUrl}/v2/`));
    const unsupported = unsupportedPaths.find(({ path }) => path.test(pathname));
    const described = methodsOf(document, segments);
    // PUT uploads image data in the Image API; here it has its own message.
    const allowed = unsupported?.isUpload === true ? [...described, 'PUT'] : described;
    if (unsupported !== undefined && (described.length === 0 || (unsupported.isUpload && method === 'PUT'))) {
      throw new RequestFault('not-supported', unsupported.message);
    }
    // A path whose escapes cannot be decoded matches no route even with the right method.
    if (allowed.length > 0 && !allowed.includes(method)) {
      throw new RequestFault(
        'method-not-allowed',
        `The method must be one of ${allowed.join(', ')}; got ${abridge(method)}.`,
        { allow: allowed.join(', ') },
      );
    }
    throw notFound();
  };

/** Paths of the Image API beyond sharing, each with the message of its 404. */
const unsupportedPaths: readonly {
  readonly path: RegExp;
  readonly message: string;
  /** True if PUT uploads image data in the Image API. */
  readonly isUpload?: true;
}[] = [
  {
    path: /^\/[^/]+\/images\/[^/]+\/(file|stage)(\/|$)/,
    isUpload: true,
    message:
      'This service accepts no uploads; import the data from a URL instead: "openstack image import --method web-download --uri <URL> <image>" or "glance image-import <image> --import-method web-download --uri <URL>".',
  },
  {
    path: /^\/[^/]+\/images\/[^/]+\/locations(\/|$)/,
    message: 'This service stores all image data itself, so images have no locations.',
  },
  { path: /^\/[^/]+\/(info|stores)(\/|$)/, message: 'This service has one store, which clients cannot select.' },
  { path: /^\/[^/]+\/metadefs(\/|$)/, message: 'This service has no metadata definitions.' },
  { path: /^\/[^/]+\/(tasks|cache)(\/|$)/, message: 'This service has no tasks and no cache.' },
];

/** Returns true if a path is below a version of the Image API or of the sharing API. */
export const isBelowVersion = (pathname: string): boolean => {
  const [, first = '', second] = pathname.split('/');
  return isVersion(first) || isSharing(first, second);
};

const isSharing = (first: string, second: string | undefined): boolean => first === 'sharing' && second === 'v1';

const notFound = (): RequestFault => new RequestFault('route-not-found', 'No resource has this path.');

/** Returns the methods of a path, in the order of their definitions. */
function methodsOf({ paths }: ApiDocument, segments: readonly string[]): readonly string[] {
  const [first = '', second] = segments;
  const isOfSharing = isSharing(first, second);
  // Every version of the Image API has the same paths.
  const [base, rest] = isOfSharing ? ['/sharing/v1/', segments.slice(2)] : ['/v2/', segments.slice(1)];
  if (rest[0] === 'schemas' && !Object.hasOwn(isOfSharing ? sharingSchemas : schemas, rest[1] ?? '')) return [];
  const path = Object.keys(paths).find(
    (template) => template.startsWith(base) && matches(template.slice(base.length).split('/'), rest),
  );
  return path === undefined ? [] : Object.keys(paths[path] ?? {}).map((method) => method.toUpperCase());
}

const matches = (template: readonly string[], segments: readonly string[]): boolean =>
  template.length === segments.length &&
  template.every((part, n) => (part.startsWith('{') ? segments[n] !== '' : part === segments[n]));
