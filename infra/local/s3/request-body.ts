import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { unsignedPayload } from '../../../lambda/s3/signature-v4.ts';
import { notImplemented, S3Error } from './s3-error.ts';

/** The payload hash of a body in chunks, with a checksum after them instead of a signature. */
const unsignedChunks = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/** Maximum length of the line before a chunk and of all lines after the chunks. */
const maxLineBytes = 4096;

/** Computes a checksum. */
interface Checksum {
  update(bytes: Buffer): unknown;
  digest(encoding: 'base64'): string;
}

const checksums: Readonly<Record<string, () => Checksum>> = {
  'content-md5': () => createHash('md5'),
  'x-amz-checksum-crc32': () => new Crc32(),
  'x-amz-checksum-sha1': () => createHash('sha1'),
  'x-amz-checksum-sha256': () => createHash('sha256'),
};

/**
 * Yields the bytes of a request's object, without their `aws-chunked` encoding.
 *
 * @param payloadHash - the signed hash of the body, or the constant that replaces it
 * @throws S3Error after the bytes if they do not match the hash, a checksum in a header or a checksum after the chunks
 */
export async function* readBody(
  body: AsyncIterable<Buffer>,
  headers: IncomingHttpHeaders,
  payloadHash: string,
): AsyncGenerator<Buffer> {
  const isChunked = payloadHash === unsignedChunks;
  if (!isChunked && payloadHash.startsWith('STREAMING-')) throw notImplemented(`the payload hash "${payloadHash}"`);
  const expected = new Map(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const trailerNames = isChunked ? (headers['x-amz-trailer']?.toString() ?? '').split(',').filter(Boolean) : [];
  const names = [...expected.keys(), ...trailerNames].filter((name) =>
    /^(content-md5|x-amz-checksum-(?!algorithm|type|mode).*)$/.test(name),
  );
  const computed = names.map((name) => {
    const create = checksums[name];
    if (create === undefined) throw notImplemented(`the checksum "${name}"`);
    return { name, checksum: create() };
  });
  const sha256 = /^[0-9a-f]{64}$/.test(payloadHash) ? createHash('sha256') : undefined;
  if (sha256 === undefined && !isChunked && payloadHash !== unsignedPayload) {
    throw notImplemented(`the payload hash "${payloadHash}"`);
  }

  for await (const chunk of isChunked ? decodeChunks(body, expected) : body) {
    sha256?.update(chunk);
    for (const { checksum } of computed) checksum.update(chunk);
    yield chunk;
  }
  if (sha256 !== undefined && sha256.digest('hex') !== payloadHash) {
    throw new S3Error(
      400,
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  for (const { name, checksum } of computed) {
    if (checksum.digest('base64') === expected.get(name)) continue;
    throw new S3Error(400, 'BadDigest', `The value of "${name}" does not match the bytes that were received.`);
  }
}

/** Yields the bytes of chunks, and adds the lines after the last chunk to the headers. */
async function* decodeChunks(body: AsyncIterable<Buffer>, trailers: Map<string, string>): AsyncGenerator<Buffer> {
  const reader = new BodyReader(body);
  for (;;) {
    const line = await reader.readLine();
    if (!/^[0-9a-f]{1,12}$/i.test(line)) throw malformedChunk();
    const size = Number.parseInt(line, 16);
    if (size === 0) break;
    yield* reader.read(size);
    if ((await reader.readLine()) !== '') throw malformedChunk();
  }
  for (let line = await reader.readLine(); line !== ''; line = await reader.readLine()) {
    const [name = '', ...value] = line.split(':');
    trailers.set(name.toLowerCase().trim(), value.join(':').trim());
  }
}

const malformedChunk = () =>
  new S3Error(400, 'IncompleteBody', 'The request body is not a complete sequence of chunks.');

/** Reads lines and bytes of a body in turn. */
class BodyReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Buffer>) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  /** Returns the bytes until the next CRLF as text. */
  async readLine(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#rest.subarray(0, end).toString('latin1');
        this.#rest = this.#rest.subarray(end + 2);
        return line;
      }
      if (this.#rest.length > maxLineBytes) throw malformedChunk();
      this.#rest = Buffer.concat([this.#rest, await this.#next()]);
    }
  }

  async *read(size: number): AsyncGenerator<Buffer> {
    for (let remaining = size; remaining > 0;) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      const chunk = this.#rest.subarray(0, remaining);
      this.#rest = this.#rest.subarray(chunk.length);
      remaining -= chunk.length;
      if (chunk.length > 0) yield chunk;
    }
  }

  async #next(): Promise<Buffer> {
    const chunk = (await this.#chunks.next()) as IteratorResult<Buffer, undefined>;
    if (chunk.done === true) throw malformedChunk();
    return chunk.value;
  }
}

class Crc32 implements Checksum {
  #value = 0;

  update(bytes: Buffer): void {
    this.#value = crc32(bytes, this.#value);
  }

  digest(): string {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#value);
    return bytes.toString('base64');
  }
}
