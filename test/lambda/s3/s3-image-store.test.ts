import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type LocalS3, startS3 } from '../../../infra/local/s3/start-s3.ts';
import { localCredentials, localRegion } from '../../../infra/local/template/template-values.ts';
import { parseAllowedSources } from '../../../lambda/image-source/allowed-sources.ts';
import { openSource } from '../../../lambda/image-source/open-source.ts';
import { imageDataKey, imageDataPrefix } from '../../../lambda/s3/image-data-key.ts';
import { S3ImageStore } from '../../../lambda/s3/s3-image-store.ts';
import { serveSource } from '../image-source/serve-source.ts';

const bucket = 'data';
const key = imageDataKey('image', 'attempt');
const mebibyte = 1024 * 1024;
const maxBytes = 10 * 1024 * mebibyte;

let folder: string;
let s3: LocalS3;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let store: S3ImageStore;
let client: S3Client;
const environment = { ...process.env };

// The store reads region and credentials from the environment, as in a function.
beforeAll(() => {
  process.env['AWS_REGION'] = localRegion;
  process.env['AWS_ACCESS_KEY_ID'] = localCredentials.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = localCredentials.secretAccessKey;
});

afterAll(() => {
  process.env = environment;
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 's3-'));
  s3 = await startS3({ folder, log: process.stderr });
  proxy = await startProxy(s3.url);
  store = new S3ImageStore({ bucket, endpoint: proxy.url });
  client = new S3Client({ endpoint: s3.url, forcePathStyle: true });
});

afterEach(async () => {
  client.destroy();
  await proxy.stop();
  await s3.stop();
  rmSync(folder, { recursive: true });
});

/** Passes on requests to S3 and records them. A test can change the response to some of them. */
async function startProxy(target: string) {
  const calls: string[] = [];
  const hooks: { fail?: (call: string) => 'before' | 'after' | undefined } = {};
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', target);
    const part = url.searchParams.get('partNumber');
    const operation = url.searchParams.has('uploads') ? ' start' : url.searchParams.has('uploadId') ? ' upload' : '';
    const call = `${request.method}${part === null ? operation : ` part ${part}`}`;
    calls.push(call);
    const failure = hooks.fail?.(call);
    if (failure === 'before') {
      request.resume().on('end', () => response.writeHead(400).end());
      return;
    }
    const headers = { ...request.headers };
    delete headers.expect;
    const forwarded = httpRequest(url, { method: request.method, headers }, (answer) => {
      if (failure === 'after') {
        answer.resume().on('end', () => response.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.on('close', () => request.complete || forwarded.destroy());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    calls,
    hooks,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Yields bytes that are different in each mebibyte, in chunks of a size that divides no part. */
function* content(size: number): Generator<Buffer> {
  for (let offset = 0; offset < size;) {
    const chunk = Buffer.alloc(Math.min(65_521, size - offset), `${Math.floor(offset / mebibyte)},`);
    offset += chunk.length;
    yield chunk;
  }
}

function hashesOf(chunks: Iterable<Buffer>) {
  const [md5, sha512] = [createHash('md5'), createHash('sha512')];
  let size = 0;
  for (const chunk of chunks) {
    md5.update(chunk);
    sha512.update(chunk);
    size += chunk.length;
  }
  return { size, checksum: md5.digest('hex'), osHashValue: sha512.digest('hex') };
}

async function storedHashes() {
  const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const chunks: Buffer[] = [];
  for await (const chunk of body as Readable) chunks.push(chunk as Buffer);
  return hashesOf(chunks);
}

const isStored = () =>
  client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).then(
    () => true,
    () => false,
  );
const files = () => readdirSync(join(folder, 'files'));

test('keys have the prefix of image data', () => {
  expect(key).toBe(`${imageDataPrefix}image/attempt`);
});

test.each([
  ['no bytes', 0, ['PUT']],
  ['one byte', 1, ['PUT']],
  ['less than a part', 8 * mebibyte - 1, ['PUT']],
  ['exactly a part', 8 * mebibyte, ['POST start', 'PUT part 1', 'POST upload']],
  ['a byte more than a part', 8 * mebibyte + 1, ['POST start', 'PUT part 1', 'PUT part 2', 'POST upload']],
  ['exactly two parts', 16 * mebibyte, ['POST start', 'PUT part 1', 'PUT part 2', 'POST upload']],
])('content with %s is stored with its size and hashes', async (_what, size, calls) => {
  const progress: number[] = [];

  const stored = await store.store(key, Readable.from(content(size)), {
    maxBytes,
    onProgress: (bytes) => progress.push(bytes),
  });

  expect(stored).toEqual(hashesOf(content(size)));
  expect(await storedHashes()).toEqual(stored);
  expect(proxy.calls.toSorted()).toEqual(calls.toSorted());
  expect(progress.at(-1)).toBe(size);
  expect(progress).toEqual(progress.toSorted((left, right) => left - right));
});

test('300 MB from a source are copied with the memory of four parts', async () => {
  const size = 300 * mebibyte;
  const block = Buffer.alloc(mebibyte, 'image data, ');
  const server = await serveSource((_request, response) => {
    response.writeHead(200, { 'content-length': size });
    Readable.from(Array.from({ length: 300 }, () => block)).pipe(response);
  });
  const source = await openSource(`http://127.0.0.1:${server.port}/`, {
    ...{ maxBytes, maxSeconds: 600, responseTimeoutSeconds: 60, minBytesPerSecond: 1, speedWindowSeconds: 60 },
    allowedSources: parseAllowedSources('127.0.0.1:*'),
  });
  let [read, acknowledged, maxHeld] = [0, 0, 0];
  async function* counted() {
    for await (const chunk of source.content as AsyncIterable<Buffer>) {
      read += chunk.length;
      maxHeld = Math.max(maxHeld, read - acknowledged);
      yield chunk;
    }
  }

  const stored = await store.store(key, counted(), { maxBytes, onProgress: (bytes) => (acknowledged = bytes) });
  await server.stop();

  expect(stored).toEqual(hashesOf(Array.from({ length: 300 }, () => block)));
  const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  expect(head.ContentLength).toBe(size);
  expect(proxy.calls.filter((call) => call.startsWith('PUT part'))).toHaveLength(Math.ceil(size / (8 * mebibyte)));
  // The chunk that fills a part may begin the next one.
  expect(maxHeld).toBeLessThanOrEqual(4 * 8 * mebibyte + 256 * 1024);
  // A busy machine may copy 5 MB per second.
}, 180_000);

test('parts are larger if the maximum size requires it', async () => {
  await store.store(key, Readable.from(content(25 * mebibyte)), { maxBytes: 10_000 * 12 * mebibyte });

  expect(proxy.calls.filter((call) => call.startsWith('PUT part'))).toHaveLength(3);
});

test('the same content is stored twice under its key', async () => {
  const first = await store.store(key, Readable.from(content(9 * mebibyte)), { maxBytes });
  const second = await store.store(key, Readable.from(content(9 * mebibyte)), { maxBytes });

  expect(second).toEqual(first);
  expect(await storedHashes()).toEqual(first);
});

test.each([1, 20 * mebibyte])('content that fails after %i bytes leaves nothing', async (size) => {
  async function* failing() {
    yield* content(size);
    await Promise.resolve();
    throw new Error('The source failed.');
  }

  await expect(store.store(key, failing(), { maxBytes })).rejects.toThrow('The source failed.');

  expect(await isStored()).toBe(false);
  expect(files()).toEqual([]);
});

test('content over the maximum leaves nothing', async () => {
  const source = Readable.from(content(20 * mebibyte));

  await expect(store.store(key, source, { maxBytes: 17 * mebibyte })).rejects.toThrow(RangeError);

  expect(source.destroyed).toBe(true);
  expect(await isStored()).toBe(false);
  expect(files()).toEqual([]);
});

test.each(['POST start', 'PUT part 2', 'PUT part 3', 'POST upload'])(
  'a refused "%s" aborts the upload, and the error of S3 is the reason',
  async (refused) => {
    proxy.hooks.fail = (call) => (call === refused ? 'before' : undefined);
    const source = Readable.from(content(60 * mebibyte));

    const error: any = await store.store(key, source, { maxBytes }).catch((reason: unknown) => reason);

    expect(error.$metadata.httpStatusCode).toBe(400);
    expect(source.destroyed).toBe(true);
    expect(await isStored()).toBe(false);
    // S3 notices only after a while that a client has closed a connection.
    while (files().length > 0) await setTimeout(10);
  },
);

test.each(['PUT part 2', 'POST upload'])('a lost response to "%s" is repeated without an effect', async (lost) => {
  let isLost = false;
  proxy.hooks.fail = (call) => {
    if (call !== lost || isLost) return undefined;
    isLost = true;
    return 'after';
  };

  const stored = await store.store(key, Readable.from(content(20 * mebibyte)), { maxBytes });

  expect(stored).toEqual(hashesOf(content(20 * mebibyte)));
  expect(await storedHashes()).toEqual(stored);
});

test('an upload that cannot be aborted does not hide the reason', async () => {
  proxy.hooks.fail = (call) => (call === 'DELETE upload' ? 'before' : undefined);
  async function* failing() {
    yield* content(9 * mebibyte);
    await Promise.resolve();
    throw new Error('The source failed.');
  }

  await expect(store.store(key, failing(), { maxBytes })).rejects.toThrow('The source failed.');

  expect(await isStored()).toBe(false);
});

test('deleting is repeated without an effect', async () => {
  await store.store(key, Readable.from(content(1)), { maxBytes });

  await store.delete(key);
  await store.delete(key);

  expect(await isStored()).toBe(false);
});
