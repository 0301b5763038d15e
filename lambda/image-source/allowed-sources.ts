import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A host name or a range of addresses that the operator allows in addition to public addresses. */
export interface AllowedSource {
  /** A name allows every address of this name. */
  readonly host: string | { readonly start: Address; readonly prefixLength: number };
  /** `default` is 80 and 443. */
  readonly port: number | 'default' | 'any';
}

const defaultPorts: readonly number[] = [80, 443];

/** IPv6 addresses that are assigned to hosts (RFC 4291, 2.4). The rest is special, translated or not assigned. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Parses a list of allowed sources, separated by commas: host names, addresses and ranges (`10.1.0.0/16`), each with a
 * port (`mirror.example.org:8080`), with `:*` for every port, or with nothing for 80 and 443. IPv6 is in brackets:
 * `[fd00::/8]:*`. An empty text allows nothing.
 *
 * @throws RangeError with the first entry that is not valid
 */
export function parseAllowedSources(text: string): readonly AllowedSource[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [, bracketed, plain = '', port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}|\*))?$/.exec(entry) ?? [];
      const host = bracketed === undefined ? parseHost(plain) : parseRange(bracketed);
      const portNumber = Number(port);
      if (host === undefined || portNumber < 1 || portNumber > 65_535) {
        throw new RangeError(
          `Each allowed source must be a host name, an address or a range, with an optional port, such as "mirror.example.org:8080", "10.1.0.0/16" or "[fd00::/8]:*"; got "${entry}".`,
        );
      }
      return { host, port: port === undefined ? 'default' : port === '*' ? 'any' : portNumber };
    });
}

/**
 * Decides whether the service may connect to an address for the host and port of a URL: a public address on port 80 or
 * 443, or an allowed source.
 *
 * @param host - the host as in `URL.hostname`
 * @throws Error if the address is not an address
 */
export function isAllowed(
  host: string,
  addressText: string,
  port: number,
  allowedSources: readonly AllowedSource[],
): boolean {
  const address = ipaddr.parse(addressText);
  return (
    (isPublic(address) && defaultPorts.includes(port)) ||
    allowedSources.some(
      (source) =>
        (typeof source.host === 'string' ? source.host === host : isInRange(address, source.host)) &&
        isAllowedPort(port, source),
    )
  );
}

/** Decides whether the service may connect to a port of any host. */
export const isPossiblePort = (port: number, allowedSources: readonly AllowedSource[]): boolean =>
  defaultPorts.includes(port) || allowedSources.some((source) => isAllowedPort(port, source));

/**
 * A public address belongs to no special range. That refuses forms of IPv6 that contain an IPv4 address (mapped,
 * compatible, NAT64, 6to4, Teredo), because their translation is out of sight.
 */
const isPublic = (address: Address): boolean =>
  address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(globalUnicast));

const isAllowedPort = (port: number, { port: allowed }: AllowedSource): boolean =>
  allowed === 'any' || (allowed === 'default' ? defaultPorts.includes(port) : allowed === port);

const isInRange = (address: Address, { start, prefixLength }: Exclude<AllowedSource['host'], string>): boolean =>
  address.kind() === start.kind() && address.match(start, prefixLength);

function parseHost(text: string): AllowedSource['host'] | undefined {
  // A name that ends in a number is an address to every URL parser.
  const isName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(text) && !/(^|\.)(\d+|0x[\da-f]*)$/i.test(text);
  return isName ? text.toLowerCase() : parseRange(text);
}

function parseRange(text: string): AllowedSource['host'] | undefined {
  const cidr = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
  const parser = text.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4;
  if (parser === ipaddr.IPv4 && !ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) return undefined;
  if (!parser.isValidCIDR(cidr)) return undefined;
  const [start, prefixLength] = parser.parseCIDR(cidr);
  return { start, prefixLength };
}
