import { UsageError } from '../../usage-error.ts';
import { createJsonClient } from './json-client.ts';
import { Keystone, parseUrl, type Catalog, type Environment } from './keystone.ts';
import { SharingApi } from './sharing-api.ts';

/** The options of a command line that select the API and the token. */
export interface ConnectionOptions {
  readonly url: string | undefined;
  readonly token: string | undefined;
}

/** More than the 30 s after which API Gateway ends a request, so that its response is received. */
const timeoutSeconds = 35;

/**
 * Connects to the API with a token of the caller's project. The options win over the variables; the endpoint and the
 * token of the variables win over those of Keystone, which is called only for what is missing.
 *
 * @throws UsageError that says which variable is missing, or why Keystone refused
 */
export async function connect({ url, token }: ConnectionOptions, env: Environment): Promise<SharingApi> {
  const send = createJsonClient({ certificateFile: env['OS_CACERT'] || undefined, timeoutSeconds });
  const endpoint = url ?? (env['OS_IMAGE_ENDPOINT_OVERRIDE'] || undefined);
  const base =
    endpoint === undefined ? undefined : apiBase(endpoint, url === undefined ? 'OS_IMAGE_ENDPOINT_OVERRIDE' : '--url');
  const authToken = token ?? (env['OS_TOKEN'] || undefined);
  if (authToken !== undefined) requireToken(authToken);
  if (base !== undefined && authToken !== undefined) return new SharingApi(send, base, authToken);

  const authUrl = env['OS_AUTH_URL'];
  if (!authUrl) {
    throw new UsageError(
      authToken === undefined
        ? 'A token is required: set OS_TOKEN, or set OS_AUTH_URL and the variables of a Keystone account.'
        : 'The URL of the API is required: set "--url", OS_IMAGE_ENDPOINT_OVERRIDE, or OS_AUTH_URL to find it in Keystone.',
    );
  }
  const keystone = new Keystone(send, authUrl);
  if (authToken !== undefined) {
    return new SharingApi(send, base ?? imageEndpoint(await keystone.readCatalog(authToken), env), authToken);
  }
  const authentication = await keystone.authenticate(env);
  return new SharingApi(send, base ?? imageEndpoint(authentication.catalog, env), authentication.token);
}

/** Returns the first image endpoint of the interface and the region. @throws UsageError if the catalog has none */
function imageEndpoint(catalog: Catalog, env: Environment): string {
  // Older configurations write "publicURL".
  const wanted = (env['OS_INTERFACE'] || 'public').replace(/URL$/, '');
  const region = env['OS_REGION_NAME'] || undefined;
  const endpoint = catalog
    .filter(({ type }) => type === 'image')
    .flatMap(({ endpoints }) => endpoints)
    .find(
      (candidate) =>
        candidate.interface === wanted &&
        (region === undefined || (candidate.region_id ?? candidate.region) === region),
    );
  if (endpoint !== undefined) return apiBase(endpoint.url, 'The image endpoint of the catalog');
  const place = region === undefined ? '' : ` in the region "${region}"`;
  throw new UsageError(
    `The catalog of Keystone has no ${wanted} endpoint of the type "image"${place}: set "--url", or correct OS_INTERFACE or OS_REGION_NAME.`,
  );
}

/** Returns a URL without its last slashes and without the version of the Image API, which some endpoints contain. */
function apiBase(url: string, name: string): string {
  const { origin, pathname } = parseUrl(name, url);
  return `${origin}${pathname}`.replace(/\/+$/, '').replace(/\/v2(\.\d+)?$/, '');
}

function requireToken(token: string): void {
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError('The token must consist of visible ASCII characters; check "--token" or OS_TOKEN.');
  }
}
