import { createHash, createHmac } from 'node:crypto';

/** A request to S3 in the parts that Signature Version 4 covers ("Signature calculations", Amazon S3 API reference). */
export interface RequestToSign {
  readonly method: string;
  /** The decoded path, which begins with a slash. */
  readonly path: string;
  /** All decoded query parameters except the signature. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** The signed headers by lower-case name, without spaces around their values. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hexadecimal, or the constant that replaces it. */
  readonly payloadHash: string;
  /** Time of the signature: `20260131T235959Z`. */
  readonly time: string;
  readonly region: string;
  readonly secretAccessKey: string;
}

/** The name of the algorithm in requests. */
export const signatureAlgorithm = 'AWS4-HMAC-SHA256';

/** The payload hash of a request whose body is not signed, such as that of every signed URL. */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

/** Returns a time as signatures have it: `20260131T235959Z`. */
export const signatureTime = (date: Date): string => date.toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** Returns the scope of a signature: day, region and service. */
export const credentialScope = (time: string, region: string): string =>
  `${time.slice(0, 8)}/${region}/s3/aws4_request`;

/** Returns the signature of a request in hexadecimal. */
export function signRequest(request: RequestToSign): string {
  const { method, path, query, headers, payloadHash, time, region, secretAccessKey } = request;
  const headerNames = Object.keys(headers).sort();
  const canonicalRequest = [
    method,
    encodePath(path),
    encodeQuery(query),
    ...headerNames.map((name) => `${name}:${headers[name] ?? ''}`),
    '',
    headerNames.join(';'),
    payloadHash,
  ].join('\n');
  const scope = credentialScope(time, region);
  const stringToSign = [
    signatureAlgorithm,
    time,
    scope,
    createHash('sha256').update(canonicalRequest).digest('hex'),
  ].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, stringToSign).toString('hex');
}

/** Encodes a path for S3: every character that is not unreserved, except the slashes. */
export const encodePath = (path: string): string => path.split('/').map(encode).join('/');

/** Encodes query parameters and sorts them by their encoded names, then by their encoded values. */
export const encodeQuery = (query: RequestToSign['query']): string =>
  query
    // A space sorts before every character of a name, as the end of a name must.
    .map(([name, value]) => `${encode(name)} ${encode(value)}`)
    .sort()
    .map((parameter) => parameter.replace(' ', '='))
    .join('&');

/** `encodeURIComponent` leaves five reserved characters (RFC 3986, 2.2). */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
