import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ConsoleSettings } from './console-settings.ts';

/** The event of API Gateway (payload format 2.0), as far as the handler reads it. */
export interface ConsoleEvent {
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** `file` is the path below `/console/`. */
  readonly pathParameters?: Readonly<Record<string, string | undefined>>;
}

/** Response to API Gateway (payload format 2.0). */
export interface ConsoleResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
};

/** Name of the file with the settings of the page. */
const settingsFile = 'settings.json';

/** Files whose content changes under the same name. The names of all others contain a hash of their content. */
const changingFiles = ['index.html', settingsFile];

/** Features that the page does not use, as far as browsers know them: they report an unknown name as an error. */
const deniedFeatures = [
  ...['accelerometer', 'autoplay', 'camera', 'display-capture', 'encrypted-media', 'fullscreen', 'geolocation'],
  ...['gyroscope', 'hid', 'idle-detection', 'local-fonts', 'magnetometer', 'microphone', 'midi', 'payment'],
  ...['picture-in-picture', 'publickey-credentials-get', 'screen-wake-lock', 'serial', 'usb', 'xr-spatial-tracking'],
];

/**
 * Returns the headers of every response.
 *
 * @param connectOrigins - origins besides its own that the page may call
 */
const securityHeaders = (connectOrigins: readonly string[]): Readonly<Record<string, string>> => ({
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    ["connect-src 'self'", ...connectOrigins].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy': deniedFeatures.map((feature) => `${feature}=()`).join(', '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'Accept-Encoding',
});

/**
 * Creates the handler that serves the files of the console and its settings. It requires no token, because the files
 * contain no data of a project.
 *
 * It uses no Middy stack: no file needs a token, a body or a log line, and a small bundle starts faster.
 *
 * @param files - text of each file by name
 */
export function consoleHandler(
  files: Readonly<Record<string, string>>,
  { identity, connectOrigins }: ConsoleSettings,
): (event: ConsoleEvent) => Promise<ConsoleResponse> {
  const constantHeaders = securityHeaders(connectOrigins);
  const served = new Map(
    Object.entries({ ...files, [settingsFile]: JSON.stringify({ identity }) }).map(([name, text]) => [
      name,
      {
        text,
        compressed: gzipSync(text, { level: 9 }).toString('base64'),
        contentType: contentTypes[extname(name)] ?? 'application/octet-stream',
        cacheControl: changingFiles.includes(name) ? 'no-cache' : 'public, max-age=31536000, immutable',
        // Weak, because the compressed and the plain body have the same tag.
        etag: `W/"${createHash('sha256').update(text).digest('base64url')}"`,
      },
    ]),
  );

  const respond = ({ headers: requestHeaders, pathParameters }: ConsoleEvent): ConsoleResponse => {
    const commonHeaders = {
      ...constantHeaders,
      // The local server has no TLS.
      ...(requestHeaders['x-forwarded-proto'] === 'https' && { 'strict-transport-security': 'max-age=31536000' }),
    };
    const file = served.get(pathParameters?.['file'] ?? '');
    if (file === undefined) {
      return {
        statusCode: 404,
        headers: { ...commonHeaders, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
        body: 'The console has no file with this name. Open /console/index.html.',
      };
    }
    const { text, compressed, contentType, cacheControl, etag } = file;
    const headers = { ...commonHeaders, 'cache-control': cacheControl, etag };
    if (isMatched(requestHeaders['if-none-match'], etag)) return { statusCode: 304, headers };
    const ofBody = { ...headers, 'content-type': contentType };
    return allowsGzip(requestHeaders['accept-encoding'])
      ? { statusCode: 200, headers: { ...ofBody, 'content-encoding': 'gzip' }, body: compressed, isBase64Encoded: true }
      : { statusCode: 200, headers: ofBody, body: text };
  };
  return (event) => Promise.resolve(respond(event));
}

/** Returns true if an `If-None-Match` header contains the tag; malformed items match nothing. */
const isMatched = (ifNoneMatch: string | undefined, etag: string): boolean =>
  (ifNoneMatch ?? '').split(',').some((item) => item.trim() === '*' || `W/${item.trim().replace(/^W\//, '')}` === etag);

/** Returns true if an `Accept-Encoding` header accepts gzip (RFC 9110, section 12.5.3). */
function allowsGzip(acceptEncoding = ''): boolean {
  const weights = new Map(
    acceptEncoding
      .toLowerCase()
      .split(',')
      .map((item) => item.split(';').map((part) => part.trim()))
      .map(([coding, ...parameters]) => {
        const weight = parameters.find((parameter) => parameter.startsWith('q='));
        return [coding, weight === undefined ? 1 : Number(weight.slice(2))];
      }),
  );
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}
