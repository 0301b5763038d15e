import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

/** Size and hashes of stored image data, in hexadecimal, as the Image API shows them. */
export interface StoredImageData {
  readonly size: number;
  /** MD5. */
  readonly checksum: string;
  /** SHA-512. */
  readonly osHashValue: string;
}

export interface StoreOptions {
  /** Maximum number of bytes of the content; it determines the size of the parts. */
  readonly maxBytes: number;
  /** Is called with the number of bytes that S3 has acknowledged, which only increases. */
  readonly onProgress?: (storedBytes: number) => void;
}

/** Names of the bucket and of another S3 to use instead of Amazon S3. */
export interface S3ImageStoreSettings {
  readonly bucket: string;
  /** URL of another S3, which gets the bucket in the path; undefined for Amazon S3. */
  readonly endpoint?: string | undefined;
}

/** Size of a part unless the maximum size requires larger ones. S3 requires 5 MiB. */
const minPartBytes = 8 * 1024 * 1024;

/** Maximum number of parts of an object ("Amazon S3 multipart upload limits"). */
const maxParts = 10_000;

/** Number of parts that are sent in parallel. With the part that is being read, this bounds the memory. */
const parallelParts = 3;

/** Image data in a bucket of S3. */
export class S3ImageStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor({ bucket, endpoint }: S3ImageStoreSettings) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      // The signature contains a SHA-256 of each part, so S3 already refuses changed bytes.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: 2_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    });
  }

  /**
   * Stores content under a key in one pass and returns its size and its hashes. Reads the content only as fast as S3
   * accepts it; the memory for the content is at most four parts.
   *
   * Nothing is visible under the key until all bytes are stored. If storing fails, the content is destroyed and the
   * upload aborted. An upload that cannot be aborted is left to the lifecycle rule of the bucket. If only the last
   * response of S3 was lost, the object exists: delete the key after every error.
   *
   * @throws RangeError if the content has more than `maxBytes`
   * @throws Error of the content or of S3
   */
  async store(key: string, content: AsyncIterable<Uint8Array>, options: StoreOptions): Promise<StoredImageData> {
    const hashes = { md5: createHash('md5'), sha512: createHash('sha512') };
    const partBytes = Math.max(minPartBytes, Math.ceil(options.maxBytes / maxParts));
    const upload = new Upload(this.#client, { Bucket: this.#bucket, Key: key }, options.onProgress);
    let size = 0;
    try {
      for await (const part of inParts(content, partBytes)) {
        size += part.length;
        if (size > options.maxBytes) throw new RangeError(`The content must have at most ${options.maxBytes} bytes.`);
        await upload.add(part, part.length < partBytes);
        hashes.md5.update(part);
        hashes.sha512.update(part);
      }
      await upload.complete();
    } catch (error) {
      await upload.abort();
      throw error;
    }
    return { size, checksum: hashes.md5.digest('hex'), osHashValue: hashes.sha512.digest('hex') };
  }

  /** Deletes an object. Deleting an object that does not exist has no effect. */
  async delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
  }
}

/**
 * Yields content in parts of the same size. Only the last part is shorter, and there always is such a part, which may
 * be empty.
 */
async function* inParts(content: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Buffer> {
  let part = Buffer.allocUnsafeSlow(partBytes);
  let used = 0;
  for await (const chunk of content) {
    for (let offset = 0; offset < chunk.length;) {
      const copied = Math.min(chunk.length - offset, partBytes - used);
      part.set(chunk.subarray(offset, offset + copied), used);
      used += copied;
      offset += copied;
      if (used === partBytes) {
        yield part;
        part = Buffer.allocUnsafeSlow(partBytes);
        used = 0;
      }
    }
  }
  yield part.subarray(0, used);
}

/** Parts that are sent in parallel to one object. */
class Upload {
  readonly #client: S3Client;
  readonly #object: { readonly Bucket: string; readonly Key: string };
  readonly #onProgress: (storedBytes: number) => void;
  readonly #failure = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #parts: CompletedPart[] = [];
  #uploadId: string | undefined;
  #partCount = 0;
  #storedBytes = 0;

  constructor(
    client: S3Client,
    object: { readonly Bucket: string; readonly Key: string },
    onProgress: (storedBytes: number) => void = () => undefined,
  ) {
    this.#client = client;
    this.#object = object;
    this.#onProgress = onProgress;
  }

  /**
   * Sends a part as soon as fewer than {@link parallelParts} are running.
   *
   * @throws Error if an earlier part failed
   */
  async add(part: Buffer, isLast: boolean): Promise<void> {
    // An object of less than one part needs one call instead of three.
    const isOnly = isLast && this.#partCount === 0;
    if (part.length === 0 && !isOnly) return;
    if (!isOnly) this.#uploadId ??= await this.#start();
    while (this.#running.size >= parallelParts) await Promise.race(this.#running);
    this.#failure.signal.throwIfAborted();
    this.#partCount += 1;
    const sending = (isOnly ? this.#put(part) : this.#sendPart(part, this.#partCount)).then(
      () => {
        this.#storedBytes += part.length;
        this.#onProgress(this.#storedBytes);
      },
      (error: unknown) => this.#failure.abort(error),
    );
    const running = sending.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Makes the object visible after all parts are stored. */
  async complete(): Promise<void> {
    await Promise.all(this.#running);
    this.#failure.signal.throwIfAborted();
    if (this.#uploadId === undefined) return;
    const parts = this.#parts.sort((left, right) => (left.PartNumber ?? 0) - (right.PartNumber ?? 0));
    await this.#client.send(
      new CompleteMultipartUploadCommand({
        ...this.#object,
        UploadId: this.#uploadId,
        MultipartUpload: { Parts: parts },
      }),
    );
  }

  /** Stops all parts and removes those that are stored. Never fails, so that the first error stays the reason. */
  async abort(): Promise<void> {
    this.#failure.abort();
    // A part that is still running could be stored after the upload is aborted.
    await Promise.all(this.#running);
    if (this.#uploadId === undefined) return;
    await this.#client
      .send(new AbortMultipartUploadCommand({ ...this.#object, UploadId: this.#uploadId }))
      .catch(() => undefined);
  }

  async #start(): Promise<string> {
    const { UploadId: uploadId } = await this.#client.send(new CreateMultipartUploadCommand(this.#object));
    if (uploadId === undefined) throw new Error('The response of S3 must have an UploadId.');
    return uploadId;
  }

  async #put(part: Buffer): Promise<void> {
    await this.#client.send(new PutObjectCommand({ ...this.#object, Body: part }), this.#abortable);
  }

  async #sendPart(part: Buffer, number: number): Promise<void> {
    const { ETag: tag } = await this.#client.send(
      new UploadPartCommand({ ...this.#object, UploadId: this.#uploadId, PartNumber: number, Body: part }),
      this.#abortable,
    );
    this.#parts.push({ PartNumber: number, ETag: tag });
  }

  get #abortable() {
    return { abortSignal: this.#failure.signal };
  }
}
