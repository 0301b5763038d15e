import { abridge } from '../../domain/quote.ts';
import type { ApiOperation } from '../api-handler.ts';
import { redirect, ok, okEmpty, okText } from '../api-response.ts';
import { RequestFault } from '../faults.ts';
import { openApi } from '../openapi.ts';
import { routes } from '../routes.ts';
import { schemas } from '../views/schemas.ts';
import { isVersion, versionsView } from '../views/versions.ts';

/** GET /v2/schemas/{schema}: image, images, member or members. */
export const showSchemaOperation: ApiOperation = ({ path }) => {
  const name = path['schema'] ?? '';
  if (!Object.hasOwn(schemas, name)) throw notFound();
  return Promise.resolve(ok(schemas[name]));
};

/** GET /healthcheck: that the function runs. */
export const healthOperation: ApiOperation = () => Promise.resolve(okText('OK'));

/** GET /openapi.json: the description of the API. */
export const openApiOperation: ApiOperation = ({ baseUrl }) => Promise.resolve(ok(openApi(baseUrl)));

/** Any method on /versions. */
export const listVersionsOperation: ApiOperation = ({ baseUrl }) => Promise.resolve(ok(versionsView(baseUrl)));

/** OPTIONS on anything. */
export const optionsOperation: ApiOperation = () => Promise.resolve(okEmpty());

/** What is below a version and no route takes: a redirect for the version itself, a wrong method, or nothing. */
export const fallbackOperation: ApiOperation = ({ method, pathname, baseUrl }) => {
  const segments = pathname.split('/').slice(1);
  if (segments.length === 1 && method === 'GET') return Promise.resolve(redirect(`${baseUrl}/v2/`));
  const unsupported = notSupported.find(({ path }) => path.test(pathname));
  const routed = methodsOf(segments);
  // An image's data is there to be asked for, and its upload to be told of.
  const allowed = unsupported === undefined || routed.length === 0 ? routed : [...routed, 'PUT'];
  if (unsupported !== undefined && (routed.length === 0 || method === 'PUT')) {
    throw new RequestFault('not-supported', unsupported.sentence);
  }
  // A path whose escapes do not decode reaches no route even with the right method.
  if (allowed.length > 0 && !allowed.includes(method)) {
    throw new RequestFault(
      'method-not-allowed',
      `${abridge(method)} is not possible here; ${allowed.join(', ')} are.`,
      {
        allow: allowed.join(', '),
      },
    );
  }
  throw notFound();
};

/** What the Image API has beyond sharing, and what is said to whoever asks for it. */
const notSupported = [
  {
    path: /^\/[^/]+\/images\/[^/]+\/(file|stage|import|locations)(\/|$)/,
    sentence: 'Image data is not kept here: images are registered and shared, and stay queued.',
  },
  {
    path: /^\/[^/]+\/images\/[^/]+\/actions\//,
    sentence: 'Images have no data here, so there is nothing to deactivate or reactivate.',
  },
  {
    path: /^\/[^/]+\/(info|stores)(\/|$)/,
    sentence: 'There are no stores and no imports here, so there is nothing to tell of them.',
  },
  { path: /^\/[^/]+\/metadefs(\/|$)/, sentence: 'Metadata definitions are not kept here.' },
  { path: /^\/[^/]+\/(tasks|cache)(\/|$)/, sentence: 'There are no tasks and no cache here.' },
];

/** Whether a path lies below a version that is spoken here. */
export const isBelowVersion = (pathname: string): boolean => isVersion(pathname.split('/')[1] ?? '');

const notFound = (): RequestFault => new RequestFault('route-not-found', 'There is nothing at this path.');

/** The methods that a path takes, in the order of the routes. */
function methodsOf(segments: readonly string[]): readonly string[] {
  if (segments[1] === 'schemas' && !Object.hasOwn(schemas, segments[2] ?? '')) return [];
  return Object.values(routes)
    .flatMap((ofFunction) => Object.values(ofFunction))
    .map((route) => route.split(' '))
    .filter(([, template]) => template !== undefined && matches(template.split('/').slice(1), segments))
    .map(([method = '']) => method);
}

const matches = (template: readonly string[], segments: readonly string[]): boolean =>
  template.length === segments.length &&
  template.every((part, n) => (part.startsWith('{') ? segments[n] !== '' : part === segments[n]));
