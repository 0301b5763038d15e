import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { listenOnFreePort } from '../listen.ts';
import { ObjectFiles, type StoredObject } from './object-files.ts';
import { readBody } from './request-body.ts';
import { noSuchKey, noSuchUpload, notImplemented, S3Error } from './s3-error.ts';
import { verifySignature } from './verify-signature.ts';

export interface S3Options {
  /** Folder of the objects. It is created if it does not exist. Only one server may use it. */
  readonly folder: string;
  /** Receives a line for each request that failed because of an error of the server. */
  readonly log: { write(text: string): unknown };
}

/** A local S3. */
export interface LocalS3 {
  /** URL on 127.0.0.1. */
  readonly url: string;
  /** Stops the server without waiting for running requests. */
  stop(): Promise<void>;
}

/** A verified request. */
interface S3Request {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: IncomingMessage['headers'];
  /** The bytes of the object, checked against their hash and checksums. */
  readonly body: () => AsyncIterable<Buffer>;
}

/** A response without a body, with XML, or with bytes of an object. */
interface S3Response {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly xml?: string;
  readonly bytes?: AsyncIterable<Buffer>;
}

/** Query parameters without an effect on the response, and those that the operations read. */
const knownParameters =
  /^(x-amz-.*|x-id|response-content-type|list-type|prefix|max-keys|continuation-token|start-after|uploads|uploadId|partNumber)$/i;

const minPartBytes = 5 * 1024 * 1024;
const maxPartNumber = 10_000;
const maxPageKeys = 1000;
const defaultContentType = 'binary/octet-stream';

/**
 * Starts an S3 for the local server on a free port of 127.0.0.1, with the buckets in the path. Every bucket exists.
 *
 * It supports objects (put, get with a range, head, delete, list) and uploads in parts, with signatures of version 4 by
 * the local credentials in the header or the query, and with checksums. Other requests get S3's error NotImplemented.
 * An acknowledged object or part survives a kill, and an incomplete upload is not visible.
 */
export async function startS3({ folder, log }: S3Options): Promise<LocalS3> {
  const files = new ObjectFiles(folder);
  // A large part may take long, and a client may keep an idle connection for some time.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (request, response) => {
    respond(files, request, response).catch((error: unknown) => {
      sendError(request, response, error);
      // A client that closes the connection is no failure of the server.
      if (!(error instanceof S3Error) && !request.destroyed && !response.destroyed) {
        log.write(`S3: ${request.method} ${request.url?.split('?')[0]} failed: ${String(error)}\n`);
      }
    });
  });
  const { url, stop } = await listenOnFreePort(server);
  return {
    url,
    stop: async () => {
      await stop();
      files.close();
    },
  };
}

async function respond(files: ObjectFiles, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = verifiedRequest(message);
  const { status = 200, headers, xml, bytes } = await execute(files, request);
  response.writeHead(status, {
    'x-amz-request-id': randomUUID(),
    ...(xml !== undefined && { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) }),
    ...headers,
  });
  if (bytes === undefined) response.end(xml);
  else await pipeline(Readable.from(bytes, { objectMode: false }), response);
}

function verifiedRequest(message: IncomingMessage): S3Request {
  const { method = '', url = '', headers } = message;
  const [rawPath = '', rawQuery = ''] = url.split(/\?(.*)/s);
  const path = decode(rawPath);
  // Unlike a form, a query of S3 has no "+" for a space.
  const query = rawQuery
    .split('&')
    .filter((parameter) => parameter !== '')
    .map((parameter) => parameter.split(/=(.*)/s))
    .map(([name = '', value = '']) => [decode(name), decode(value)] as const);
  const payloadHash = verifySignature({ method, path, query, headers }, new Date());
  const [, bucket = '', key = ''] = /^\/([^/]+)(?:\/(.*))?$/s.exec(path) ?? [];
  if (bucket === '') throw notImplemented('requests without a bucket in the path');
  for (const [name] of query) if (!knownParameters.test(name)) throw notImplemented(`the parameter "${name}"`);
  return {
    ...{ method, bucket, key, headers },
    query: new Map(query),
    body: () => readBody(message, headers, payloadHash),
  };
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new S3Error(400, 'InvalidURI', "Couldn't parse the specified URI.");
  }
}

function execute(files: ObjectFiles, request: S3Request): S3Response | Promise<S3Response> {
  const { method, bucket, key, query } = request;
  if (key === '') {
    if (method === 'GET' && query.get('list-type') === '2') return listObjects(files, request);
    throw notImplemented(`${method} of a bucket without "list-type=2"`);
  }
  if (request.headers['x-amz-copy-source'] !== undefined) throw notImplemented('copies');
  if (request.headers['if-match'] !== undefined || request.headers['if-none-match'] !== undefined) {
    throw notImplemented('conditions');
  }
  const uploadId = query.get('uploadId');
  switch (`${method}${uploadId === undefined ? '' : ' upload'}`) {
    case 'GET':
    case 'HEAD':
      return readObject(files, request);
    case 'PUT':
      return putObject(files, request);
    case 'DELETE':
      files.delete(bucket, key);
      return { status: 204 };
    case 'POST':
      if (query.has('uploads')) return startUpload(files, request);
      throw notImplemented('POST of an object without "uploads"');
    case 'PUT upload':
      return putPart(files, request, uploadId!);
    case 'POST upload':
      return completeUpload(files, request, uploadId!);
    case 'DELETE upload':
      if (!files.abortUpload(uploadId!, bucket, key)) throw noSuchUpload();
      return { status: 204 };
    default:
      throw notImplemented(`${method} with these parameters`);
  }
}

async function putObject(files: ObjectFiles, { bucket, key, headers, body }: S3Request): Promise<S3Response> {
  const file = await files.write(body());
  files.put(bucket, key, headers['content-type'] ?? defaultContentType, file);
  return { headers: { etag: `"${file.md5}"` } };
}

function readObject(files: ObjectFiles, { method, bucket, key, query, headers }: S3Request): S3Response {
  const object = files.find(bucket, key);
  if (object === undefined) throw noSuchKey();
  const range = parseRange(headers.range, object.size);
  const { start, end } = range ?? { start: 0, end: object.size - 1 };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      'accept-ranges': 'bytes',
      'content-length': end - start + 1,
      'content-type': query.get('response-content-type') ?? object.contentType,
      etag: `"${object.tag}"`,
      'last-modified': new Date(object.modifiedAt).toUTCString(),
      ...(range !== undefined && { 'content-range': `bytes ${start}-${end}/${object.size}` }),
    },
    ...(method === 'GET' && { bytes: files.read(bucket, key, start, end) }),
  };
}

/** Parses a range of bytes. As in S3, several ranges and malformed ranges are ignored. */
function parseRange(header: string | undefined, size: number) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (start > end) throw new S3Error(416, 'InvalidRange', 'The requested range is not satisfiable');
  return { start, end };
}

function listObjects(files: ObjectFiles, { bucket, query }: S3Request): S3Response {
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token');
  const after = token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
  const limit = Math.min(Number(query.get('max-keys') ?? maxPageKeys), maxPageKeys);
  const objects = files.list(bucket, prefix, after, limit + 1);
  const page = objects.slice(0, limit);
  const isTruncated = objects.length > page.length && page.length > 0;
  return {
    xml: xmlDocument(
      'ListBucketResult',
      ...[
        element('Name', bucket),
        element('Prefix', prefix),
        element('MaxKeys', limit),
        element('KeyCount', page.length),
      ],
      element('IsTruncated', String(isTruncated)),
      ...(isTruncated ? [element('NextContinuationToken', Buffer.from(page.at(-1)!.key).toString('base64url'))] : []),
      ...page.map(listEntry),
    ),
  };
}

const listEntry = ({ key, size, tag, modifiedAt }: StoredObject): string =>
  `<Contents>${element('Key', key)}${element('LastModified', new Date(modifiedAt).toISOString())}${element('ETag', `"${tag}"`)}${element('Size', size)}</Contents>`;

function startUpload(files: ObjectFiles, { bucket, key, headers }: S3Request): S3Response {
  const id = files.startUpload(bucket, key, headers['content-type'] ?? defaultContentType);
  return {
    xml: xmlDocument(
      'InitiateMultipartUploadResult',
      ...[element('Bucket', bucket), element('Key', key), element('UploadId', id)],
    ),
  };
}

async function putPart(files: ObjectFiles, request: S3Request, uploadId: string): Promise<S3Response> {
  const { bucket, key, query, body } = request;
  const number = Number(query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > maxPartNumber) {
    throw new S3Error(
      400,
      'InvalidArgument',
      `Part number must be an integer between 1 and ${maxPartNumber}, inclusive`,
    );
  }
  if (files.findUpload(uploadId, bucket, key) === undefined) throw noSuchUpload();
  const file = await files.write(body());
  if (!files.putPart(uploadId, bucket, key, number, file)) {
    files.discard(file);
    throw noSuchUpload();
  }
  return { headers: { etag: `"${file.md5}"` } };
}

async function completeUpload(files: ObjectFiles, request: S3Request, uploadId: string): Promise<S3Response> {
  const { bucket, key, body } = request;
  const requested = parseParts(await text(Readable.from(body())));
  const upload = files.findUpload(uploadId, bucket, key);
  // The response to an earlier request may be lost.
  if (upload === undefined && !files.isCompleted(uploadId, bucket, key)) throw noSuchUpload();
  if (upload !== undefined) {
    const parts = requested.map(({ number, tag }, index) => {
      const part = upload.parts.get(number);
      if (part?.md5 !== tag) throw new S3Error(400, 'InvalidPart', `Part ${number} was not found or has another ETag.`);
      if (index > 0 && number <= requested[index - 1]!.number) {
        throw new S3Error(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
      }
      if (part.size < minPartBytes && index < requested.length - 1) {
        throw new S3Error(
          400,
          'EntityTooSmall',
          `Part ${number} is smaller than the minimum of ${minPartBytes} bytes.`,
        );
      }
      return part;
    });
    if (parts.length === 0) throw new S3Error(400, 'MalformedXML', 'The list of parts must not be empty.');
    const hash = createHash('md5');
    for (const { md5 } of parts) hash.update(md5, 'hex');
    const object = {
      key,
      size: parts.reduce((sum, { size }) => sum + size, 0),
      tag: `${hash.digest('hex')}-${parts.length}`,
      contentType: upload.contentType,
    };
    files.completeUpload(uploadId, bucket, object, new Set(requested.map(({ number }) => number)));
  }
  return {
    xml: xmlDocument(
      'CompleteMultipartUploadResult',
      ...[element('Bucket', bucket), element('Key', key), element('ETag', `"${files.find(bucket, key)!.tag}"`)],
    ),
  };
}

function parseParts(xml: string): readonly { readonly number: number; readonly tag: string }[] {
  return [...xml.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    number: Number(/<PartNumber>\s*(\d+)\s*<\/PartNumber>/.exec(part)?.[1]),
    tag: (/<ETag>(.*?)<\/ETag>/s.exec(part)?.[1] ?? '').replaceAll(/&quot;|&#34;|["\s]/g, ''),
  }));
}

/** Responds with an error, or closes the connection if a response has begun. */
function sendError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const { status, code, message } =
    error instanceof S3Error
      ? error
      : new S3Error(500, 'InternalError', 'We encountered an internal error. Please try again.');
  const resource = request.url?.split('?')[0] ?? '';
  const xml = xmlDocument('Error', element('Code', code), element('Message', message), element('Resource', resource));
  // A client that is still sending would not read the response.
  request.resume();
  response.writeHead(status, { 'content-type': 'application/xml', 'x-amz-request-id': randomUUID() });
  response.end(request.method === 'HEAD' ? undefined : xml);
}

const xmlDocument = (root: string, ...elements: readonly string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${elements.join('')}</${root}>`;

const element = (name: string, content: string | number): string =>
  `<${name}>${String(content).replaceAll(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`)}</${name}>`;
