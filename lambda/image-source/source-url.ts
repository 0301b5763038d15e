import { isIP } from 'node:net';
import { type AllowedSource, isAllowed, isPossiblePort } from './allowed-sources.ts';
import { addressNotAllowed, SourceError } from './source-error.ts';

/**
 * Parses the URL of a source. A URL whose host is an address is checked completely, in every notation that URLs permit;
 * the addresses of a name are checked only when a connection is opened.
 *
 * @param base - the URL that redirects to this one
 * @throws SourceError `invalid-url` if the text is not an http or https URL, or has a user name or a password
 * @throws SourceError `address-not-allowed` if its address or its port is not allowed
 */
export function parseSourceUrl(text: string, allowedSources: readonly AllowedSource[], base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new SourceError('invalid-url', 'The URL of the source must be an http or https URL.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new SourceError('invalid-url', 'The URL of the source must not have a user name or a password.');
  }
  const host = hostOf(url);
  const port = portOf(url);
  if (isIP(host) === 0 ? !isPossiblePort(port, allowedSources) : !isAllowed(host, host, port, allowedSources)) {
    throw addressNotAllowed();
  }
  return url;
}

/** Returns the host of a URL as the system's resolver and {@link isAllowed} expect it: IPv6 without brackets. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

/** Returns the port to which a request for an http or https URL connects. */
export const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80));
