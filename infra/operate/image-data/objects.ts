import { DeleteObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';

/** An object of a bucket. */
export interface BucketObject {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /** Time when the upload began. */
  readonly modifiedAt: Date;
}

/** Number of objects that are deleted in parallel. */
const concurrency = 20;

/** Yields the objects whose keys begin with a prefix, in pages of at most 1,000. */
export async function* listObjects(
  client: S3Client,
  bucket: string,
  prefix = '',
): AsyncGenerator<readonly BucketObject[]> {
  for await (const { Contents: objects = [] } of paginateListObjectsV2(
    { client },
    { Bucket: bucket, Prefix: prefix },
  )) {
    yield objects.map(({ Key: key = '', Size: size = 0, LastModified: modifiedAt = new Date() }) => ({
      ...{ key, size, modifiedAt },
    }));
  }
}

/** Deletes objects. A repetition has no effect. */
export async function deleteObjects(
  client: S3Client,
  bucket: string,
  objects: readonly Pick<BucketObject, 'key'>[],
): Promise<void> {
  for (let start = 0; start < objects.length; start += concurrency) {
    await Promise.all(
      objects
        .slice(start, start + concurrency)
        .map(({ key }) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))),
    );
  }
}
