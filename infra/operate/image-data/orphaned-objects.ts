import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { setTimeout as pause } from 'node:timers/promises';
import type { ImageId } from '../../../lambda/domain/ids.ts';
import { imageFromItem } from '../../../lambda/dynamodb/items/image-item.ts';
import { imageKey } from '../../../lambda/dynamodb/keys.ts';
import { imageDataPrefix, imageIdOfKey } from '../../../lambda/s3/image-data-key.ts';
import { UsageError } from '../../usage-error.ts';
import { type BucketObject, deleteObjects, listObjects } from './objects.ts';

/** The bucket of image data and the table of a stack. */
export interface ImageDataStack {
  readonly s3: S3Client;
  readonly dynamodb: DynamoDBClient;
  readonly bucket: string;
  readonly tableName: string;
}

/** A page of the objects of the bucket. */
interface ObjectPage {
  /** Number of objects that were read. */
  readonly objectCount: number;
  /** The objects that are the data of no image. */
  readonly orphaned: readonly BucketObject[];
}

/** Maximum number of keys of a BatchGetItem. */
const maxKeys = 100;

/** Number of attempts to read records that DynamoDB did not process. */
const maxAttempts = 8;

/** The output of a command. */
export interface Output {
  /** Receives each line of the result. */
  readonly result: (line: string) => void;
  /** Receives a line about the progress after each page. */
  readonly progress: (line: string) => void;
}

/**
 * Lists the objects that are the data of no image, with their total. The memory is that of one page of 1,000 objects.
 *
 * @param before - a day ago or earlier: an import may still activate a younger object
 * @returns their number
 * @throws UsageError if the record of an image is malformed, because its data is unknown then
 */
export async function listOrphanedObjects(
  stack: ImageDataStack,
  before: Date,
  { result, progress }: Output,
): Promise<number> {
  let [read, count, bytes] = [0, 0, 0];
  for await (const { objectCount, orphaned } of findOrphanedObjects(stack, before)) {
    for (const { key, size, modifiedAt } of orphaned) {
      result(`${modifiedAt.toISOString()}  ${String(size).padStart(14)}  ${key}`);
      count += 1;
      bytes += size;
    }
    read += objectCount;
    progress(`${read} objects read …`);
  }
  result(`${count} of ${read} objects in ${stack.bucket} are the data of no image: ${bytes} bytes.`);
  return count;
}

/**
 * Deletes the objects that are the data of no image. It finds them again, because their keys may exceed the memory.
 *
 * @param before - the time of the list
 * @throws UsageError if the record of an image is malformed, because its data is unknown then
 */
export async function deleteOrphanedObjects(
  stack: ImageDataStack,
  before: Date,
  { result, progress }: Output,
): Promise<void> {
  let deleted = 0;
  try {
    for await (const { orphaned } of findOrphanedObjects(stack, before)) {
      await deleteObjects(stack.s3, stack.bucket, orphaned);
      deleted += orphaned.length;
      progress(`${deleted} objects deleted …`);
    }
  } finally {
    result(`${deleted} deleted.`);
  }
}

async function* findOrphanedObjects(
  { s3, dynamodb, bucket, tableName }: ImageDataStack,
  before: Date,
): AsyncGenerator<ObjectPage> {
  for await (const objects of listObjects(s3, bucket, imageDataPrefix)) {
    const imageIds = new Map<string, ImageId>();
    for (const { key, modifiedAt } of objects) {
      const imageId = imageIdOfKey(key);
      if (imageId !== undefined && modifiedAt < before) imageIds.set(key, imageId);
    }
    // The records are read after the objects, so that the record of each of these objects is already complete.
    const used = await readObjectKeys(dynamodb, tableName, [...new Set(imageIds.values())]);
    yield {
      objectCount: objects.length,
      orphaned: objects.filter(({ key }) => imageIds.has(key) && !used.has(key)),
    };
  }
}

/** Returns the keys of the data of these images. */
async function readObjectKeys(
  dynamodb: DynamoDBClient,
  tableName: string,
  imageIds: readonly ImageId[],
): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (let start = 0; start < imageIds.length; start += maxKeys) {
    let Keys = imageIds.slice(start, start + maxKeys).map((imageId) => marshall(imageKey(imageId)));
    for (let attempt = 1; Keys.length > 0; attempt += 1) {
      if (attempt > maxAttempts) throw new UsageError('DynamoDB throttles the table; try again later.');
      if (attempt > 1) await pause(50 * 2 ** attempt);
      const { Responses: found, UnprocessedKeys: unprocessed } = await dynamodb.send(
        new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys, ConsistentRead: true } } }),
      );
      for (const item of found?.[tableName] ?? []) {
        const key = objectKeyOf(unmarshall(item));
        if (key !== undefined) used.add(key);
      }
      Keys = unprocessed?.[tableName]?.Keys ?? [];
    }
  }
  return used;
}

function objectKeyOf(item: Readonly<Record<string, unknown>>): string | undefined {
  try {
    return imageFromItem(item)?.data?.objectKey;
  } catch (error) {
    throw new UsageError(
      `The record of the image ${String(item['id'])} is malformed (${(error as Error).message}); correct it before you delete objects.`,
      { cause: error },
    );
  }
}
