import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { parseAllowedSources } from '../../../lambda/image-source/allowed-sources.ts';
import { openSource, type SourceSettings } from '../../../lambda/image-source/open-source.ts';
import { addressNotAllowed, SourceError } from '../../../lambda/image-source/source-error.ts';
import { runCommand } from '../../support/run-command.ts';
import { hostileHosts } from './hostile-hosts.ts';
import { serveBytes, serveSecureSource, serveSource, type SourceServer } from './serve-source.ts';
import { testCertificate } from './test-certificate.ts';

let servers: SourceServer[] = [];

const trusted = getCACertificates('default');
beforeAll(() => setDefaultCACertificates([...trusted, testCertificate.cert]));
// The certificates are those of the process, which runs other test files too.
afterAll(() => setDefaultCACertificates(trusted));

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  servers = [];
});

/** Serves a source until the end of the test. */
async function source(server: Promise<SourceServer>): Promise<SourceServer> {
  servers.push(await server);
  return server;
}

const at = ({ port }: SourceServer, path = '/'): string => `http://127.0.0.1:${port}${path}`;

/** Settings that allow loopback on the given ports only, so that every other form of loopback is refused. */
const settingsFor = (allowed: readonly SourceServer[], changes: Partial<SourceSettings> = {}): SourceSettings => ({
  maxBytes: 1_000_000,
  maxSeconds: 30,
  responseTimeoutSeconds: 10,
  minBytesPerSecond: 1,
  speedWindowSeconds: 10,
  allowedSources: parseAllowedSources(allowed.map(({ port }) => `127.0.0.1:${port}`).join()),
  ...changes,
});

/** Reads a source completely. */
async function read(url: string, settings: SourceSettings) {
  const { content, ...rest } = await openSource(url, settings);
  return { ...rest, text: (await buffer(content)).toString() };
}

/** Reads a source that is refused and returns the code. */
async function codeOf(url: string, settings: SourceSettings): Promise<string> {
  const error = await read(url, settings).then(
    () => new Error('The source was read.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof SourceError)) throw error;
  return error.code;
}

/** Resolves every name to these addresses. */
const resolvingTo = (...addresses: readonly string[]) => ({
  resolve: () => Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))),
});

const redirectTo =
  (location: string): RequestListener =>
  (_request, response) =>
    void response.writeHead(302, { location }).end();

test('a source is read with its host and its length', async () => {
  const server = await source(serveSource((_request, response) => void response.end('image data')));

  await expect(read(at(server), settingsFor([server]))).resolves.toEqual({
    host: '127.0.0.1',
    length: 10,
    text: 'image data',
  });
});

test('a source in chunks is read without a length', async () => {
  const server = await source(
    serveSource((_request, response) => {
      response.write('image ');
      response.end('data');
    }),
  );

  await expect(read(at(server), settingsFor([server]))).resolves.toEqual({
    host: '127.0.0.1',
    length: undefined,
    text: 'image data',
  });
});

test('a request has no cookie, no credential and no other header than these', async () => {
  const headers: unknown[] = [];
  const server = await source(
    serveSource((request, response) => {
      headers.push(request.headers);
      if (request.url === '/') response.writeHead(302, { location: '/data', 'set-cookie': 'a=b' });
      response.end();
    }),
  );

  await read(at(server), settingsFor([server]));

  const expected = {
    accept: '*/*',
    'accept-encoding': 'identity',
    connection: 'close',
    host: `127.0.0.1:${server.port}`,
    'user-agent': 'image-sharing',
  };
  expect(headers).toEqual([expected, expected]);
});

test.each(hostileHosts)('%s, %s, is refused', async (_description, host) => {
  expect(await codeOf(`http://${host}/`, settingsFor([]))).toBe('address-not-allowed');
  expect(await codeOf(`https://${host}/`, settingsFor([]))).toBe('address-not-allowed');
});

test.each(hostileHosts)('%s, %s, is refused behind a redirect', async (_description, host) => {
  const server = await source(serveSource(redirectTo(`http://${host.replaceAll(/[^ -~]/g, encodeURIComponent)}/`)));

  expect(await codeOf(at(server), settingsFor([server]))).toBe('address-not-allowed');
});

test.each(hostileHosts)('%s, %s at %s, is refused behind a name', async (_description, _host, address) => {
  const url = 'http://mirror.example/';

  expect(await codeOf(url, settingsFor([], resolvingTo(address)))).toBe('address-not-allowed');
  expect(await codeOf(url, settingsFor([], resolvingTo('8.8.8.8', address)))).toBe('address-not-allowed');
  expect(await codeOf(url, settingsFor([], resolvingTo(address, '8.8.8.8')))).toBe('address-not-allowed');
});

test.each([
  ['an IPv6 address with a zone', 'http://[fe80::1%25eth0]/'],
  ['an address with a number that is too large', 'http://256.0.0.1/'],
  ['no URL', 'mirror.example/image'],
  ['no host', 'http:///'],
  ['ftp', 'ftp://mirror.example/'],
  ['a file', 'file:///etc/passwd'],
  ['a data URL', 'data:,image'],
  ['a user name', 'http://user@mirror.example/'],
  ['a password', 'http://:password@mirror.example/'],
])('%s is not the URL of a source, directly or behind a redirect', async (_description, url) => {
  const server = await source(serveSource(redirectTo(url.startsWith('mirror') ? 'http://' : url)));

  expect(await codeOf(url, settingsFor([]))).toBe('invalid-url');
  expect(await codeOf(at(server), settingsFor([server]))).toBe('invalid-url');
});

test.each([22, 8080, 9292])('port %i is refused at any address', async (port) => {
  expect(await codeOf(`http://8.8.8.8:${port}/`, settingsFor([]))).toBe('address-not-allowed');
  expect(await codeOf(`http://mirror.example:${port}/`, settingsFor([], resolvingTo('8.8.8.8')))).toBe(
    'address-not-allowed',
  );
});

test('a refused address receives no connection', async () => {
  const target = await source(serveSource((_request, response) => void response.end()));
  const start = await source(serveSource(redirectTo(`http://mirror.example:${target.port}/`)));
  const settings = settingsFor([start], {
    ...resolvingTo('127.0.0.1'),
    // The port is allowed, but at another address.
    allowedSources: parseAllowedSources(`127.0.0.1:${start.port},10.0.0.1:${target.port}`),
  });

  expect(await codeOf(at(target), settings)).toBe('address-not-allowed');
  expect(await codeOf(`http://mirror.example:${target.port}/`, settings)).toBe('address-not-allowed');
  expect(await codeOf(at(start), settings)).toBe('address-not-allowed');

  expect(target.connections()).toBe(0);
});

test('a second DNS response changes nothing, and a redirect is checked again', async () => {
  const resolved: string[] = [];
  const server = await source(
    serveSource((request, response) => {
      if (request.url === '/again') response.writeHead(302, { location: '/' });
      response.end('data');
    }),
  );
  const settings = settingsFor([server], {
    resolve: (host) => {
      resolved.push(host);
      return Promise.resolve([{ address: resolved.length === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]);
    },
  });

  await expect(read(`http://mirror.example:${server.port}/`, settings)).resolves.toMatchObject({ text: 'data' });
  expect(resolved).toEqual(['mirror.example']);

  resolved.length = 0;
  expect(await codeOf(`http://mirror.example:${server.port}/again`, settings)).toBe('address-not-allowed');
  expect(resolved).toEqual(['mirror.example', 'mirror.example']);
});

test('localhost is refused as the system resolves it', async () => {
  expect(await codeOf('http://localhost/', settingsFor([]))).toBe('address-not-allowed');
});

test('a name that does not exist gives the same error as a name with a private address', async () => {
  const errorOf = (changes: Partial<SourceSettings>) =>
    openSource('http://mirror.example/', settingsFor([], changes)).catch((error: unknown) => error);
  const unknownName = Object.assign(new Error('getaddrinfo ENOTFOUND mirror.example'), { code: 'ENOTFOUND' });

  const errors = [
    await errorOf(resolvingTo('10.0.0.1')),
    await errorOf(resolvingTo()),
    await errorOf({ resolve: () => Promise.reject(unknownName) }),
  ];

  expect(errors).toEqual([addressNotAllowed(), addressNotAllowed(), addressNotAllowed()]);
  expect(errors.map((error) => (error as SourceError).code)).toEqual(errors.map(() => 'address-not-allowed'));
});

test('a name that cannot be resolved now is unreachable', async () => {
  const resolve = () => Promise.reject(Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' }));

  expect(await codeOf('http://mirror.example/', settingsFor([], { resolve }))).toBe('unreachable');
});

test('an error says nothing about the addresses and the response of the source', async () => {
  const server = await source(serveBytes('SSH-2.0-OpenSSH_9.2 banner\r\n'));
  const messageOf = (url: string, changes: Partial<SourceSettings> = {}) =>
    openSource(url, settingsFor([server], changes)).catch(String);

  const messages = [await messageOf(at(server)), await messageOf('http://mirror.example/', resolvingTo('10.20.30.40'))];

  for (const message of messages) expect(message).not.toMatch(/SSH|banner|127|10\.20|mirror|Parse|ECONN/);
});

test.each([301, 302, 303, 307, 308])('a redirect with status %i is followed', async (status) => {
  const server = await source(
    serveSource((request, response) => {
      if (request.url === '/') response.writeHead(status, { location: 'data#fragment' });
      response.end(request.url);
    }),
  );

  await expect(read(at(server), settingsFor([server]))).resolves.toMatchObject({ text: '/data' });
});

test('five redirects are followed, six are not', async () => {
  const server = await source(
    serveSource((request, response) => {
      const remaining = Number(request.url?.slice(1));
      if (remaining > 0) response.writeHead(302, { location: `/${remaining - 1}` });
      response.end('data');
    }),
  );

  await expect(read(at(server, '/5'), settingsFor([server]))).resolves.toMatchObject({ text: 'data' });
  expect(await codeOf(at(server, '/6'), settingsFor([server]))).toBe('too-many-redirects');
});

test('a redirect loop ends', async () => {
  const server = await source(serveSource(redirectTo('/')));

  expect(await codeOf(at(server), settingsFor([server]))).toBe('too-many-redirects');
  expect(server.connections()).toBe(6);
});

test('a redirect from http to https is followed, and from https to http is refused', async () => {
  const secure = await source(
    serveSecureSource((request, response) => {
      if (request.url === '/back') response.writeHead(302, { location: at(plain) });
      response.end('data');
    }),
  );
  const plain: SourceServer = await source(serveSource(redirectTo(`https://source.example:${secure.port}/`)));
  const settings = settingsFor([plain, secure], resolvingTo('127.0.0.1'));

  await expect(read(at(plain), settings)).resolves.toEqual({ host: 'source.example', length: 4, text: 'data' });
  expect(await codeOf(`https://source.example:${secure.port}/back`, settings)).toBe('invalid-response');
});

test('a certificate for another name is refused', async () => {
  const secure = await source(serveSecureSource((_request, response) => void response.end('data')));
  const settings = settingsFor([secure], resolvingTo('127.0.0.1'));

  expect(await codeOf(`https://other.example:${secure.port}/`, settings)).toBe('unreachable');
  expect(await codeOf(`https://127.0.0.1:${secure.port}/`, settings)).toBe('unreachable');
});

test('a port without a server is unreachable', async () => {
  const server = await source(serveSource(() => undefined));
  await server.stop();
  servers = [];

  expect(await codeOf(at(server), settingsFor([server]))).toBe('unreachable');
});

test.each([201, 204, 206, 304, 401, 404, 500])('a response with status %i is refused', async (status) => {
  const server = await source(serveSource((_request, response) => void response.writeHead(status).end()));

  await expect(openSource(at(server), settingsFor([server]))).rejects.toThrow(
    new SourceError('invalid-response', `The source must respond with status 200; got ${status}.`),
  );
});

const head = 'HTTP/1.1 200 OK\r\n';
test.each([
  ['content encoded with gzip', `${head}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n.`, 'invalid-response'],
  ['a transfer encoded with gzip', `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 'invalid-response'],
  ['data that ends with the connection', `${head}\r\ndata`, 'invalid-response'],
  ['a redirect without a URL', 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n', 'invalid-response'],
  ['fewer bytes than its length', `${head}Content-Length: 100\r\n\r\ndata`, 'incomplete'],
  ['no byte of its length', `${head}Content-Length: 100\r\n\r\n`, 'incomplete'],
  ['chunks without an end', `${head}Transfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n`, 'incomplete'],
  ['part of a chunk', `${head}Transfer-Encoding: chunked\r\n\r\n9\r\ndata`, 'incomplete'],
  ['malformed chunks', `${head}Transfer-Encoding: chunked\r\n\r\n4\r\ndata\r\nxyz\r\n`, 'incomplete'],
  ['two lengths', `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\ndata`, 'unreachable'],
  ['a length and chunks', `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'unreachable'],
  ['headers without an end', `${head}X: ${'x'.repeat(100_000)}`, 'unreachable'],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'unreachable'],
  ['nothing', '', 'unreachable'],
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', 'unreachable'],
])('a source that sends %s is refused', async (_description, bytes, code) => {
  const server = await source(serveBytes(bytes));

  expect(await codeOf(at(server), settingsFor([server]))).toBe(code);
});

test('a source that says it is too large is refused before its data', async () => {
  const server = await source(serveBytes(`${head}Content-Length: 11\r\n\r\n`));

  await expect(openSource(at(server), settingsFor([server], { maxBytes: 10 }))).rejects.toThrow(
    new SourceError('too-large', 'The source must have at most 10 bytes.'),
  );
});

test('a source in chunks is refused at the first byte over the maximum', async () => {
  const server = await source(
    serveSource((request, response) => {
      response.write('x'.repeat(10));
      if (request.url === '/endless') setInterval(() => response.write('x'), 1).unref();
      else response.end();
    }),
  );
  const settings = settingsFor([server], { maxBytes: 10 });

  await expect(read(at(server), settings)).resolves.toMatchObject({ text: 'x'.repeat(10) });
  expect(await codeOf(at(server, '/endless'), settings)).toBe('too-large');
});

test('a source that stops sending is too slow', async () => {
  const server = await source(serveSource((_request, response) => void response.write('x'.repeat(1000))));
  const settings = settingsFor([server], { minBytesPerSecond: 1000, speedWindowSeconds: 0.1 });

  expect(await codeOf(at(server), settings)).toBe('too-slow');
});

test('a source that sends a byte now and then is too slow', async () => {
  const server = await source(
    serveSource((_request, response) => void setInterval(() => response.write('x'), 5).unref()),
  );
  const settings = settingsFor([server], { minBytesPerSecond: 10_000, speedWindowSeconds: 0.2 });

  expect(await codeOf(at(server), settings)).toBe('too-slow');
});

test('a slow reader does not make a source too slow', async () => {
  const server = await source(serveSource((_request, response) => void response.end('x'.repeat(500_000))));
  // The first chunk is less than a window requires, and the pause of the reader is longer than a window.
  const { content } = await openSource(
    at(server),
    settingsFor([server], { minBytesPerSecond: 500_000, speedWindowSeconds: 0.5 }),
  );
  let size = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    if (size === 0) await setTimeout(700);
    size += chunk.length;
  }

  expect(size).toBe(500_000);
});

test('a source that needs longer than the maximum time is too slow', async () => {
  const server = await source(
    serveSource((_request, response) => void setInterval(() => response.write('x'), 5).unref()),
  );

  expect(await codeOf(at(server), settingsFor([server], { maxSeconds: 0.3 }))).toBe('too-slow');
});

test('redirects count for the maximum time', async () => {
  const server = await source(
    serveSource((_request, response) => {
      void setTimeout(100).then(() => response.writeHead(302, { location: '/' }).end());
    }),
  );

  expect(await codeOf(at(server), settingsFor([server], { maxSeconds: 0.3 }))).toBe('too-slow');
});

test.each(['', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n'])(
  'a source without complete headers, "%s", is unreachable',
  async (bytes) => {
    const server = await source(
      serveSource((request) => {
        request.socket.write(bytes);
      }),
    );

    expect(await codeOf(at(server), settingsFor([server], { responseTimeoutSeconds: 0.2 }))).toBe('unreachable');
  },
);

test('a resolver without a response is unreachable', async () => {
  const resolve = () => new Promise<never>(() => undefined);
  const settings = settingsFor([], { resolve, responseTimeoutSeconds: 0.1 });

  expect(await codeOf('http://mirror.example/', settings)).toBe('unreachable');
});

test('destroying the content closes the connection', async () => {
  const closed = Promise.withResolvers<unknown>();
  const server = await source(
    serveSource((request, response) => {
      void once(request.socket, 'close').then(closed.resolve);
      response.write('data');
    }),
  );
  const { content } = await openSource(at(server), settingsFor([server]));

  content.destroy();

  await closed.promise;
  expect(server.connections()).toBe(1);
});

test('the proxy of the environment is not used', async () => {
  const server = await source(serveSource((_request, response) => void response.end('from the source')));
  const proxy = await source(serveSource((_request, response) => void response.end('from the proxy')));
  const files = new URL('../../../lambda/image-source/', import.meta.url);
  const program = `
    import { once } from 'node:events';
    import { get } from 'node:http';
    import { text } from 'node:stream/consumers';
    import { openSource } from '${new URL('open-source.ts', files).href}';
    import { parseAllowedSources } from '${new URL('allowed-sources.ts', files).href}';
    const url = '${at(server)}';
    const settings = ${JSON.stringify(settingsFor([]))};
    const { content } = await openSource(url, { ...settings, allowedSources: parseAllowedSources('127.0.0.1:*') });
    const [response] = await once(get(url), 'response');
    console.log(await text(content), '/', await text(response));
  `;
  const proxyUrl = `http://127.0.0.1:${proxy.port}`;
  const env = { ...process.env, NODE_OPTIONS: '', NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxyUrl, http_proxy: proxyUrl };

  const result = await runCommand(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...env, NO_PROXY: '', no_proxy: '' },
    timeoutSeconds: 30,
  });

  // The second text shows that the environment has a proxy.
  expect(result.stdout.trim()).toBe('from the source / from the proxy');
});
