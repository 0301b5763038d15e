import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { consoleHandler, type ConsoleEvent } from '../../../lambda/console/console-handler.ts';

const page = '<!doctype html>\n<title>Käse</title>\n';
const script = `console.log(${JSON.stringify('x'.repeat(1000))});\n`;
const files = { 'index.html': page, 'main-ABC.js': script, 'main-DEF.css': 'p { margin: 0 }', 'icon-G.svg': '<svg/>' };
const identity = { kind: 'keystone', url: 'https://identity.example.org/v3' } as const;
const handler = consoleHandler(files, {
  identity,
  connectOrigins: ['https://identity.example.org', 'https://tokens.example.org:8443'],
});

const get = (file: string | undefined, headers: ConsoleEvent['headers'] = {}) =>
  handler({ headers, ...(file !== undefined && { pathParameters: { file } }) });

const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' https://identity.example.org https://tokens.example.org:8443; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy':
    'accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'Accept-Encoding',
};
const etag = expect.stringMatching(/^W\/"[\w-]{43}"$/);

describe('a file', () => {
  test.each([
    ['index.html', 'text/html; charset=utf-8', 'no-cache'],
    ['main-ABC.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['main-DEF.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['icon-G.svg', 'image/svg+xml; charset=utf-8', 'public, max-age=31536000, immutable'],
  ] as const)('%s has exactly its headers', async (file, contentType, cacheControl) => {
    const response = await get(file);

    expect(response).toEqual({
      statusCode: 200,
      headers: { ...securityHeaders, 'content-type': contentType, 'cache-control': cacheControl, etag },
      body: files[file],
    });
  });

  test('settings.json has the identity and nothing else', async () => {
    const { headers, body } = await get('settings.json');

    expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache' });
    expect(JSON.parse(body!)).toEqual({ identity });
  });

  test.each([
    ['https', { 'strict-transport-security': 'max-age=31536000' }],
    ['http', {}],
    [undefined, {}],
  ])('requires TLS in the future only behind TLS: %s', async (protocol, more) => {
    const { headers } = await get('index.html', { 'x-forwarded-proto': protocol });

    expect(headers).toEqual({
      ...{ ...securityHeaders, ...more },
      ...{ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', etag },
    });
  });
});

describe('compression', () => {
  test.each(['gzip', 'gzip, deflate, br, zstd', 'br;q=1.0, GZIP;q=0.001', '*', 'gzip;q=1', ' identity ,gzip ; q=0.5 '])(
    'is used with "Accept-Encoding: %s"',
    async (acceptEncoding) => {
      const plain = await get('index.html');
      const response = await get('index.html', { 'accept-encoding': acceptEncoding });

      expect(response.headers).toEqual({ ...plain.headers, 'content-encoding': 'gzip' });
      expect(response.isBase64Encoded).toBe(true);
      expect(gunzipSync(Buffer.from(response.body!, 'base64')).toString()).toBe(page);
    },
  );

  test.each(['', 'br', 'identity', 'gzip;q=0', '*, gzip;q=0.000', 'gzip;q=no', 'xgzip', ';;,,q=1', '*;q=0'])(
    'is not used with "Accept-Encoding: %s"',
    async (acceptEncoding) => {
      expect(await get('index.html', { 'accept-encoding': acceptEncoding })).toEqual(await get('index.html'));
    },
  );
});

describe('a conditional request', () => {
  const tagOf = async (file: string) => (await get(file)).headers['etag']!;
  const strong = (tag: string) => tag.replace('W/', '');

  test.each<[string, (tag: string) => string]>([
    ['the tag', (tag) => tag],
    ['the tag as a strong one', strong],
    ['any tag', () => '*'],
    ['a list with the tag', (tag) => `"x", W/"y",${tag} , "z"`],
    ['a repeated header, which the gateway joins', (tag) => `"x",${tag}`],
    ['the tag beside malformed items', (tag) => `,, W/, x", ${tag}`],
  ])('with %s is 304 without a body, and with the headers that a cache updates', async (_what, header) => {
    const headers = { 'accept-encoding': 'gzip', 'x-forwarded-proto': 'https' };
    const response = await get('settings.json', { ...headers, 'if-none-match': header(await tagOf('settings.json')) });

    expect(response).toEqual({
      statusCode: 304,
      headers: {
        ...securityHeaders,
        ...{ 'strict-transport-security': 'max-age=31536000', 'cache-control': 'no-cache', etag },
      },
    });
  });

  test.each(['', '"x"', 'W/"', '"', 'W/*', '**', ',', '"\u0000"'])('with %j is 200', async (header) => {
    expect((await get('index.html', { 'if-none-match': header })).statusCode).toBe(200);
  });

  test('the tag depends on the content', async () => {
    const other = consoleHandler({ ...files, 'index.html': `${page} ` }, { identity, connectOrigins: [] });

    const { statusCode } = await other({
      headers: { 'if-none-match': await tagOf('index.html') },
      pathParameters: { file: 'index.html' },
    });

    expect(statusCode).toBe(200);
    expect(await tagOf('index.html')).not.toBe(await tagOf('settings.json'));
  });
});

test.each([
  ...['nope.js', '', 'index.html/', '/index.html', 'INDEX.HTML', 'index.html\0', '../console.json', 'console.json'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '..', '%00', '\uD800', 'x'.repeat(10_000)],
  ...['main-OLD.js', 'index.js', undefined],
])('%j is no file: 404 with the same security headers', async (file) => {
  const response = await get(file, { 'accept-encoding': 'gzip', 'if-none-match': '*' });

  expect(response).toEqual({
    statusCode: 404,
    headers: { ...securityHeaders, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    body: 'The console has no file with this name. Open /console/index.html.',
  });
});

test.each([
  ['accept-encoding', ','.repeat(9000)],
  ['accept-encoding', `gzip${';q=1'.repeat(2000)}`],
  ['accept-encoding', '\u0000\uD800'],
  ['if-none-match', '"'.repeat(9000)],
  ['if-none-match', 'W/,'.repeat(3000)],
  ['x-forwarded-proto', 'https, http'],
])('a strange "%s" does no harm', async (name, value) => {
  const { statusCode } = await get('index.html', { [name]: value });

  expect(statusCode).toBe(200);
});

test('without further origins the page may call its own only', async () => {
  const { headers } = await consoleHandler(files, { identity: { kind: 'dev' }, connectOrigins: [] })({ headers: {} });

  expect(headers['content-security-policy']).toContain("; connect-src 'self'; base-uri");
});
