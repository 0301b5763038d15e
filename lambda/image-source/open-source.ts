import { lookup as lookupAddresses } from 'node:dns/promises';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { type AllowedSource, isAllowed } from './allowed-sources.ts';
import { readWithinLimits, type SpeedLimit } from './read-within-limits.ts';
import {
  addressNotAllowed,
  invalidResponse,
  SourceError,
  sourceTooLarge,
  sourceTooSlow,
  unreachable,
} from './source-error.ts';
import { hostOf, parseSourceUrl, portOf } from './source-url.ts';

/** An address as the resolver returns it. */
interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Limits of a source and the hosts that it may have. */
export interface SourceSettings extends SpeedLimit {
  /** Maximum number of bytes. */
  readonly maxBytes: number;
  /** Maximum time from the first request to the last byte. */
  readonly maxSeconds: number;
  /** Maximum time from a request to the headers of its response; each redirect is a request. */
  readonly responseTimeoutSeconds: number;
  /** Hosts to allow in addition to public addresses on the ports 80 and 443. */
  readonly allowedSources: readonly AllowedSource[];
  /**
   * Returns all addresses of a host name.
   *
   * @default - the resolver of the operating system
   */
  readonly resolve?: (host: string) => Promise<readonly ResolvedAddress[]>;
}

/** An opened source. */
export interface OpenedSource {
  /**
   * The bytes, not decoded. It fails with a SourceError if the bytes are too many, too slow or incomplete. Destroying
   * it closes the connection.
   */
  readonly content: Readable;
  /** Host of the URL after all redirects. */
  readonly host: string;
  /** Number of bytes if the source says so in advance. */
  readonly length: number | undefined;
}

const maxRedirects = 5;
const redirectStatuses: readonly (number | undefined)[] = [301, 302, 303, 307, 308];

/** The name that the service gives itself, so that operators of sources can recognize it. */
const userAgent = 'image-sharing';

/**
 * Opens image data at a URL that a user supplied.
 *
 * Every connection goes to an allowed address: the addresses that are checked are the addresses that the socket
 * connects to, for the first URL and for each of at most 5 redirects. A host name with an address that is not allowed is
 * refused even if its other addresses are allowed. No cookie, credential or proxy is used.
 *
 * A redirect from https to http is refused: the user chose a connection that protects the bytes, and no hash of the
 * expected bytes could reveal a change.
 *
 * @throws SourceError if there is no response with status 200 and with bytes that are not encoded, within the limits
 */
export async function openSource(text: string, settings: SourceSettings): Promise<OpenedSource> {
  const { maxBytes, maxSeconds, allowedSources } = settings;
  const abort = new AbortController();
  const deadline = setTimeout(
    () => abort.abort(sourceTooSlow(`The source must be read completely within ${maxSeconds} seconds.`)),
    maxSeconds * 1000,
  );
  try {
    const { response, url } = await followRedirects(parseSourceUrl(text, allowedSources), settings, abort.signal);
    const length = checkHeaders(response);
    if (length !== undefined && length > maxBytes) throw sourceTooLarge(maxBytes);
    const content = Readable.from(readWithinLimits(response, settings, abort), { objectMode: false });
    content.once('close', () => {
      clearTimeout(deadline);
      response.destroy();
    });
    return { content, host: hostOf(url), length };
  } catch (error) {
    clearTimeout(deadline);
    abort.abort(error);
    throw error;
  }
}

async function followRedirects(
  start: URL,
  settings: SourceSettings,
  signal: AbortSignal,
): Promise<{ readonly response: IncomingMessage; readonly url: URL }> {
  let url = start;
  for (let redirects = 0; ; redirects += 1) {
    const response = await send(url, settings, signal);
    if (!redirectStatuses.includes(response.statusCode)) return { response, url };
    response.destroy();
    if (redirects === maxRedirects) {
      throw new SourceError('too-many-redirects', `The source must redirect at most ${maxRedirects} times.`);
    }
    const { location } = response.headers;
    if (location === undefined) throw invalidResponse('The source redirects without naming a URL.');
    const target = parseSourceUrl(location, settings.allowedSources, url);
    if (url.protocol === 'https:' && target.protocol === 'http:') {
      throw invalidResponse('The source must not redirect from https to http.');
    }
    url = target;
  }
}

/** Sends a request and returns the response when its headers have arrived. */
function send(url: URL, settings: SourceSettings, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = {
    // An agent of its own: the global agent uses a proxy and the connections of others.
    agent: false,
    // Otherwise `lookup` must return a single address.
    autoSelectFamily: true,
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': userAgent },
    lookup: allowedLookup(portOf(url), settings),
    rejectUnauthorized: true,
    signal,
  };
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
  const timeout = setTimeout(() => request.destroy(unreachable()), settings.responseTimeoutSeconds * 1000);
  request.on('response', resolve);
  request.on('error', (error) => {
    reject(signal.aborted ? (signal.reason as Error) : error instanceof SourceError ? error : unreachable(error));
  });
  // A connection can end without an error, for example after a response that changes the protocol.
  request.on('close', () => reject(unreachable()));
  request.end();
  return promise.finally(() => clearTimeout(timeout));
}

/** Returns a `lookup` for sockets that fails unless all addresses of the name are allowed. */
function allowedLookup(port: number, { allowedSources, resolve = resolveBySystem }: SourceSettings): LookupFunction {
  const allowedAddresses = async (host: string) => {
    const addresses = await resolve(host).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      throw code === 'ENOTFOUND' || code === 'ENODATA' ? addressNotAllowed() : unreachable(error);
    });
    const areAllowed = addresses.every(({ address }) => isAllowed(host, address, port, allowedSources));
    if (addresses.length === 0 || !areAllowed) throw addressNotAllowed();
    return addresses;
  };
  return (host, _options, callback) => {
    allowedAddresses(host).then(
      (addresses) => callback(null, [...addresses]),
      (error: unknown) => callback(error as Error, []),
    );
  };
}

const resolveBySystem = (host: string): Promise<readonly ResolvedAddress[]> => lookupAddresses(host, { all: true });

/** Checks a response that is not a redirect and returns its length if the source sent it. */
function checkHeaders({ statusCode, headers }: IncomingMessage): number | undefined {
  if (statusCode !== 200) throw invalidResponse(`The source must respond with status 200; got ${statusCode}.`);
  const coding = headers['content-encoding'] ?? 'identity';
  const transfer = headers['transfer-encoding'] ?? 'chunked';
  if (coding.toLowerCase() !== 'identity' || transfer.toLowerCase() !== 'chunked') {
    throw invalidResponse('The source must send the bytes of the image without a content encoding such as gzip.');
  }
  const length = headers['content-length'];
  if (length !== undefined) return Number(length);
  if (headers['transfer-encoding'] !== undefined) return undefined;
  // The end of the connection would be the end of the data, so missing bytes would not be noticed.
  throw invalidResponse('The source must send the length of the data, or send it in chunks.');
}
