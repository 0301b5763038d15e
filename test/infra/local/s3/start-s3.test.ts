import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LocalS3, startS3 } from '../../../../infra/local/s3/start-s3.ts';
import { localCredentials, localRegion } from '../../../../infra/local/template/template-values.ts';
import { signDownloadUrl } from '../../../../lambda/s3/sign-download-url.ts';
import { startProgram } from '../../../support/start-program.ts';

const Bucket = 'images';
const partBytes = 5 * 1024 * 1024;

let folder: string;
let log: string[];
let s3: LocalS3;
let client: S3Client;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 's3-'));
  log = [];
  await start();
});

afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true });
  expect(log).toEqual([]);
});

const clientOf = (url: string, config: S3ClientConfig = {}): S3Client =>
  new S3Client({
    endpoint: url,
    region: localRegion,
    credentials: localCredentials,
    forcePathStyle: true,
    maxAttempts: 1,
    ...config,
  });

async function start(): Promise<void> {
  s3 = await startS3({ folder, log: { write: (line) => log.push(line) } });
  client = clientOf(s3.url);
}

async function stop(): Promise<void> {
  client.destroy();
  await s3.stop();
}

const put = (Key: string, Body: Buffer | string = 'data') => client.send(new PutObjectCommand({ Bucket, Key, Body }));

async function get(Key: string, range?: string): Promise<Buffer> {
  const { Body: body } = await client.send(new GetObjectCommand({ Bucket, Key, Range: range }));
  return buffer(body as Readable);
}

const startUpload = async (Key: string): Promise<string> =>
  (await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))).UploadId!;

const putPart = async (Key: string, UploadId: string, PartNumber: number, Body: Buffer) => {
  const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
  return { ETag, PartNumber };
};

const complete = (Key: string, UploadId: string, Parts: { ETag?: string | undefined; PartNumber: number }[]) =>
  client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));

/** Returns the error that a call of the SDK fails with. */
const errorOf = async (call: Promise<unknown>) => {
  const error: any = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { name: error?.name, status: error?.$metadata?.httpStatusCode };
};

/** Sends a request as curl does, with headers of the caller. */
async function send(url: string, method = 'GET', headers: Record<string, string> = {}, body = '') {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  httpRequest(url, { method, headers }, resolve).on('error', reject).end(body);
  const response = await promise;
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

const signedUrl = (changes: Partial<Parameters<typeof signDownloadUrl>[0]> = {}): string =>
  signDownloadUrl({
    ...{ method: 'GET', bucket: Bucket, key: 'one', region: localRegion, credentials: localCredentials },
    ...{ endpoint: s3.url, now: new Date() },
    ...changes,
  });

const md5 = (bytes: Buffer | string) => createHash('md5').update(bytes).digest('hex');
const files = (): readonly string[] => readdirSync(join(folder, 'files'));

test.each(['one', 'images/a b/ü+&<>"%2F/é', "!'()*~", 'x'.repeat(1000)])('an object has the key "%s"', async (key) => {
  const bytes = randomBytes(100_000);

  const { ETag } = await put(key, bytes);

  expect(ETag).toBe(`"${md5(bytes)}"`);
  expect((await get(key)).equals(bytes)).toBe(true);
  const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
  expect(Contents).toEqual([{ Key: key, Size: 100_000, ETag, LastModified: expect.any(Date) }]);
});

test('an empty object has no bytes', async () => {
  await put('one', Buffer.alloc(0));

  expect(await get('one')).toHaveLength(0);
});

test('the head of an object has its size, type and tag', async () => {
  await client.send(new PutObjectCommand({ Bucket, Key: 'one', Body: 'data', ContentType: 'text/plain' }));

  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'one' }));

  expect(head).toMatchObject({ ContentLength: 4, ContentType: 'text/plain', ETag: `"${md5('data')}"` });
});

test.each([
  ['bytes=0-3', '0123', 'bytes 0-3/10'],
  ['bytes=7-', '789', 'bytes 7-9/10'],
  ['bytes=-2', '89', 'bytes 8-9/10'],
  ['bytes=-99', '0123456789', 'bytes 0-9/10'],
  ['bytes=5-99', '56789', 'bytes 5-9/10'],
])('the range %s is %s', async (Range, expected, contentRange) => {
  await put('one', '0123456789');

  const response = await client.send(new GetObjectCommand({ Bucket, Key: 'one', Range }));

  expect(response).toMatchObject({ ContentRange: contentRange, ContentLength: expected.length });
  expect(await text(response.Body as Readable)).toBe(expected);
});

test.each(['bytes=10-', 'bytes=10-20', 'bytes=-0'])('the range %s is not satisfiable', async (range) => {
  await put('one', '0123456789');

  expect(await errorOf(get('one', range))).toEqual({ name: 'InvalidRange', status: 416 });
});

test.each(['bytes=4-2', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=-'])('the range %s is ignored', async (range) => {
  await put('one', '0123456789');

  expect((await get('one', range)).toString()).toBe('0123456789');
});

test('an object is replaced and deleted, with its files', async () => {
  await put('one', 'first');
  await put('one', 'second');

  expect((await get('one')).toString()).toBe('second');
  expect(files()).toHaveLength(1);

  await client.send(new DeleteObjectCommand({ Bucket, Key: 'one' }));
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'one' }));

  expect(await errorOf(get('one'))).toEqual({ name: 'NoSuchKey', status: 404 });
  expect(await errorOf(client.send(new HeadObjectCommand({ Bucket, Key: 'one' })))).toMatchObject({ status: 404 });
  expect(files()).toEqual([]);
});

test('a reader gets the bytes of an object that is deleted meanwhile', async () => {
  const bytes = randomBytes(2 * partBytes);
  const id = await startUpload('one');
  const parts = [
    await putPart('one', id, 1, bytes.subarray(0, partBytes)),
    await putPart('one', id, 2, bytes.subarray(partBytes)),
  ];
  await complete('one', id, parts);

  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'one' }));
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'one' }));

  expect((await buffer(Body as Readable)).equals(bytes)).toBe(true);
  while (files().length > 0) await setTimeout(10);
});

test('parts become an object when the upload is complete', async () => {
  const bytes = randomBytes(2 * partBytes + 100);
  const id = await startUpload('one');
  // Parts may arrive in any order, and a part may be sent again.
  const third = await putPart('one', id, 7, bytes.subarray(2 * partBytes));
  await putPart('one', id, 1, Buffer.alloc(partBytes));
  const first = await putPart('one', id, 1, bytes.subarray(0, partBytes));
  const second = await putPart('one', id, 2, bytes.subarray(partBytes, 2 * partBytes));
  await putPart('one', id, 9, Buffer.from('not in the list'));
  expect(await errorOf(get('one'))).toEqual({ name: 'NoSuchKey', status: 404 });

  const { ETag } = await complete('one', id, [first, second, third]);

  expect(ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
  expect((await get('one')).equals(bytes)).toBe(true);
  expect(await get('one', `bytes=${partBytes - 2}-${partBytes + 1}`)).toEqual(
    bytes.subarray(partBytes - 2, partBytes + 2),
  );
  expect(files()).toHaveLength(3);
});

test('completing an upload again has no effect', async () => {
  const id = await startUpload('one');
  const parts = [await putPart('one', id, 1, Buffer.from('data'))];

  const first = await complete('one', id, parts);
  const second = await complete('one', id, parts);

  expect(second.ETag).toBe(first.ETag);
  expect((await get('one')).toString()).toBe('data');
});

test('an upload that is aborted leaves nothing', async () => {
  const id = await startUpload('one');
  const part = await putPart('one', id, 1, Buffer.from('data'));

  await client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'one', UploadId: id }));

  expect(files()).toEqual([]);
  const gone = { name: 'NoSuchUpload', status: 404 };
  expect(await errorOf(complete('one', id, [part]))).toEqual(gone);
  expect(await errorOf(putPart('one', id, 1, Buffer.from('data')))).toEqual(gone);
  expect(await errorOf(client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'one', UploadId: id })))).toEqual(
    gone,
  );
});

test('wrong parts do not become an object', async () => {
  const id = await startUpload('one');
  const small = await putPart('one', id, 1, Buffer.from('small'));
  const large = await putPart('one', id, 2, Buffer.alloc(partBytes));

  const names = [
    await errorOf(complete('one', id, [{ ...small, ETag: '"0"' }])),
    await errorOf(complete('one', id, [{ ...small, PartNumber: 5 }])),
    await errorOf(complete('one', id, [large, small])),
    await errorOf(complete('one', id, [small, large])),
    await errorOf(complete('other', id, [small])),
    await errorOf(putPart('one', id, 10_001, Buffer.from('data'))),
  ].map(({ name }) => name);

  expect(names).toEqual([
    ...['InvalidPart', 'InvalidPart', 'InvalidPartOrder', 'EntityTooSmall', 'NoSuchUpload', 'InvalidArgument'],
  ]);
  expect(await errorOf(get('one'))).toEqual({ name: 'NoSuchKey', status: 404 });
});

test('a list has pages in the order of the keys and a prefix', async () => {
  const keys = ['images/a', 'images/b', 'images/c', 'images/%_', 'images/ü', 'imagez', 'other'];
  for (const key of keys) await put(key);

  const found: (string | undefined)[] = [];
  const pages = paginateListObjectsV2({ client, pageSize: 2 }, { Bucket, Prefix: 'images/' });
  for await (const { Contents = [] } of pages) found.push(...Contents.map(({ Key }) => Key));

  expect(found).toEqual(['images/%_', 'images/a', 'images/b', 'images/c', 'images/ü']);
  const after = await client.send(new ListObjectsV2Command({ Bucket, StartAfter: 'images/ü' }));
  expect(after.Contents?.map(({ Key }) => Key)).toEqual(['imagez', 'other']);
  expect(await client.send(new ListObjectsV2Command({ Bucket: 'empty' }))).toMatchObject({
    KeyCount: 0,
    IsTruncated: false,
  });
});

test('a stream is stored with the checksum after its chunks', async () => {
  const bytes = randomBytes(300_000);

  await client.send(
    new PutObjectCommand({ Bucket, Key: 'one', Body: Readable.from([bytes]), ContentLength: bytes.length }),
  );

  expect((await get('one')).equals(bytes)).toBe(true);
});

test.each([
  ['CRC32', undefined],
  ['SHA1', undefined],
  ['SHA256', undefined],
  ['CRC32C', 'NotImplemented'],
] as const)('the checksum %s gives %s', async (ChecksumAlgorithm, name) => {
  const call = client.send(new PutObjectCommand({ Bucket, Key: 'one', Body: 'data', ChecksumAlgorithm }));

  expect((await errorOf(call)).name).toBe(name);
});

test.each([
  ['ContentMD5', { ContentMD5: createHash('md5').update('other').digest('base64') }],
  ['ChecksumCRC32', { ChecksumCRC32: 'AAAAAA==' }],
  ['ChecksumSHA256', { ChecksumSHA256: createHash('sha256').update('other').digest('base64') }],
])('bytes that do not match %s are not stored', async (_name, checksum) => {
  const call = client.send(new PutObjectCommand({ Bucket, Key: 'one', Body: 'data', ...checksum }));

  expect(await errorOf(call)).toEqual({ name: 'BadDigest', status: 400 });
  expect(await errorOf(get('one'))).toEqual({ name: 'NoSuchKey', status: 404 });
  expect(files()).toEqual([]);
});

test('bytes that were changed after the signature are not stored', async () => {
  const changing = clientOf(s3.url);
  changing.middlewareStack.add(
    (next: (input: any) => any) => (input: any) => {
      input.request.body = 'DATA';
      return next(input);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );

  const call = changing.send(new PutObjectCommand({ Bucket, Key: 'one', Body: 'data', ContentMD5: undefined }));

  expect((await errorOf(call)).name).toMatch(/^(XAmzContentSHA256Mismatch|BadDigest)$/);
  expect(files()).toEqual([]);
  changing.destroy();
});

test.each([
  ['another access key', { credentials: { ...localCredentials, accessKeyId: 'other' } }, 'InvalidAccessKeyId', 403],
  ['another secret', { credentials: { ...localCredentials, secretAccessKey: 'other' } }, 'SignatureDoesNotMatch', 403],
  ['another region', { region: 'eu-west-1' }, 'AuthorizationHeaderMalformed', 400],
  ['an old signature', { systemClockOffset: -16 * 60_000 }, 'RequestTimeTooSkewed', 403],
  ['a future signature', { systemClockOffset: 16 * 60_000 }, 'RequestTimeTooSkewed', 403],
])('%s is refused', async (_what, config, name, status) => {
  await put('one');
  const other = clientOf(s3.url, { ...config, maxAttempts: 1 });

  expect(await errorOf(other.send(new GetObjectCommand({ Bucket, Key: 'one' })))).toEqual({ name, status });

  other.destroy();
});

test('a request without a signature is refused', async () => {
  await put('one');

  const response = await send(`${s3.url}/images/one`);

  expect(response).toMatchObject({ status: 403, headers: { 'content-type': 'application/xml' } });
  expect(response.text).toContain('<Error><Code>AccessDenied</Code>');
});

test('a signed URL downloads the bytes, whatever headers a client adds', async () => {
  await put('one', '0123456789');

  const url = signedUrl();
  const whole = await send(url, 'GET', { 'X-Auth-Token': 'token', accept: '*/*', 'user-agent': 'curl/8' });
  const part = await send(url, 'GET', { 'X-Auth-Token': 'token', range: 'bytes=2-4' });
  const head = await send(signedUrl({ method: 'HEAD' }), 'HEAD', { 'X-Auth-Token': 'token' });

  const headers = { 'content-type': 'application/octet-stream', 'content-length': '10' };
  expect(whole).toMatchObject({ status: 200, text: '0123456789', headers });
  expect(part).toMatchObject({ status: 206, text: '234', headers: { 'content-range': 'bytes 2-4/10' } });
  expect(head).toMatchObject({ status: 200, text: '', headers });
});

test('a URL that the SDK signed downloads the bytes', async () => {
  await put('a b/ü');
  const command = new GetObjectCommand({ Bucket, Key: 'a b/ü', ResponseContentType: 'text/x' });

  const response = await send(await getSignedUrl(client, command, { expiresIn: 60 }));

  expect(response).toMatchObject({ status: 200, text: 'data', headers: { 'content-type': 'text/x' } });
});

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);
test.each([
  ['expired', () => signedUrl({ now: ago(61) }), 'AccessDenied'],
  ['from the future', () => signedUrl({ now: ago(-16 * 60) }), 'AccessDenied'],
  ['with another key', () => signedUrl().replace('/one?', '/two?'), 'SignatureDoesNotMatch'],
  ['with a longer time', () => signedUrl().replace('Expires=60', 'Expires=61'), 'SignatureDoesNotMatch'],
  [
    'with too long a time',
    () => signedUrl().replace('Expires=60', 'Expires=604801'),
    'AuthorizationQueryParametersError',
  ],
  ['without a time', () => signedUrl().replace('X-Amz-Expires=60&', ''), 'AuthorizationQueryParametersError'],
  [
    'with a malformed date',
    () => signedUrl().replace(/X-Amz-Date=\d+T/, 'X-Amz-Date=2026T'),
    'AuthorizationHeaderMalformed',
  ],
  ['with another content type', () => signedUrl().replace('octet-stream', 'xml'), 'SignatureDoesNotMatch'],
  ['with another parameter', () => `${signedUrl()}&a=b`, 'SignatureDoesNotMatch'],
  ['for another method', () => signedUrl({ method: 'HEAD' }), 'SignatureDoesNotMatch'],
  ['with a short signature', () => signedUrl().replace(/Signature=\w+/, 'Signature=0'), 'SignatureDoesNotMatch'],
])('a signed URL %s is refused', async (_what, url, code) => {
  await put('one');

  const response = await send(url());

  expect(response.text).toContain(`<Code>${code}</Code>`);
});

test('a signed URL refuses headers of S3 that are not signed', async () => {
  await put('one');

  const response = await send(signedUrl(), 'GET', { 'x-amz-checksum-mode': 'ENABLED' });

  expect(response).toMatchObject({ status: 403 });
});

test('operations that are not supported are refused', async () => {
  await put('one');
  const copy = client.send(new CopyObjectCommand({ Bucket, Key: 'two', CopySource: 'images/one' }));
  const conditional = client.send(new PutObjectCommand({ Bucket, Key: 'one', Body: 'new', IfNoneMatch: '*' }));
  const listing = client.send(new ListObjectsV2Command({ Bucket, Delimiter: '/' }));

  for (const call of [copy, conditional, listing]) {
    expect(await errorOf(call)).toEqual({ name: 'NotImplemented', status: 501 });
  }
  expect((await get('one')).toString()).toBe('data');
});

test('objects and incomplete uploads survive a restart, without the files of others', async () => {
  await put('one', 'first');
  const id = await startUpload('two');
  const part = await putPart('two', id, 1, Buffer.from('second'));
  await stop();
  writeFileSync(join(folder, 'files', 'unknown'), 'left by a killed server');

  await start();

  expect(existsSync(join(folder, 'files', 'unknown'))).toBe(false);
  await complete('two', id, [part]);
  expect((await get('one')).toString()).toBe('first');
  expect((await get('two')).toString()).toBe('second');
});

/** Sends the beginning of an object and leaves the request open. */
function putPartially(endpoint: string, key: string): ClientRequest {
  // The signature is for any method, although the service signs downloads only.
  const url = signedUrl({ method: 'PUT' as 'GET', endpoint, key });
  const request = httpRequest(url, { method: 'PUT', headers: { 'content-length': 200_000 } });
  request.on('error', () => undefined);
  request.write(randomBytes(100_000));
  return request;
}

test('a client that closes the connection stores nothing', async () => {
  const request = putPartially(s3.url, 'one');
  while (files().length === 0) await setTimeout(10);

  request.destroy();

  while (files().length > 0) await setTimeout(10);
  expect(await errorOf(get('one'))).toEqual({ name: 'NoSuchKey', status: 404 });
});

test('it listens on loopback only', async () => {
  const { hostname, port } = new URL(s3.url);
  const socket = connect({ host: '127.0.0.2', port: Number(port) });
  const error = await new Promise((resolve) => socket.on('error', resolve).on('connect', () => resolve(undefined)));
  socket.destroy();

  expect(hostname).toBe('127.0.0.1');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

test('after a kill, acknowledged objects are complete and an unfinished one is not visible', async () => {
  const data = mkdtempSync(join(tmpdir(), 's3-'));
  const program = await startProgram({
    command: [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 's3-program.ts'),
      data,
    ],
    env: { ...process.env, NODE_OPTIONS: '' },
    ready: /S3 at (\S+)/,
  });
  const killed = clientOf(program.ready[1]!);
  const acknowledged = new Map<string, Buffer>();
  const putUntilKilled = async (worker: number) => {
    for (let n = 0; ; n += 1) {
      const Body = randomBytes(200_000);
      await killed.send(new PutObjectCommand({ Bucket, Key: `${worker}-${n}`, Body }));
      acknowledged.set(`${worker}-${n}`, Body);
    }
  };
  const workers = [1, 2, 3].map((worker) => putUntilKilled(worker).catch(() => undefined));
  const unfinished = putPartially(program.ready[1]!, 'unfinished');
  while (acknowledged.size < 30) await setTimeout(5);

  await program.end('SIGKILL');
  await Promise.all(workers);
  unfinished.destroy();
  killed.destroy();

  await stop();
  s3 = await startS3({ folder: data, log: { write: (line) => log.push(line) } });
  client = clientOf(s3.url);
  for (const [key, bytes] of acknowledged) expect((await get(key)).equals(bytes)).toBe(true);
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
  // A request without a response may be stored, but then completely.
  for (const { Size } of Contents) expect(Size).toBe(200_000);
  expect(readdirSync(join(data, 'files'))).toHaveLength(Contents.length);
  await s3.stop();
  rmSync(data, { recursive: true });
  await start();
});
