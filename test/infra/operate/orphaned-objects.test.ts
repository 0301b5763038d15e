import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LocalS3, startS3 } from '../../../infra/local/s3/start-s3.ts';
import { localCredentials, localRegion } from '../../../infra/local/template/template-values.ts';
import {
  deleteOrphanedObjects,
  type ImageDataStack,
  listOrphanedObjects,
} from '../../../infra/operate/image-data/orphaned-objects.ts';
import type { Actor } from '../../../lambda/domain/actor.ts';
import type { ImageId, ProjectId } from '../../../lambda/domain/ids.ts';
import type { Image } from '../../../lambda/domain/image.ts';
import { imageItem, tombstoneItem } from '../../../lambda/dynamodb/items/image-item.ts';
import { imageDataKey } from '../../../lambda/s3/image-data-key.ts';
import { anImage } from '../../lambda/domain/an-image.ts';
import { createTestTable, type TestTable } from '../../support/engine.ts';

const Bucket = 'images';
const actor: Actor = { projectId: 'alpha' as ProjectId, userId: 'alice', via: 'http' };

let folder: string;
let s3: LocalS3;
let client: S3Client;
let table: TestTable;
let stack: ImageDataStack;
let results: string[];
let progress: string[];

const output = {
  result: (line: string) => void results.push(line),
  progress: (line: string) => void progress.push(line),
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orphaned-objects-'));
  s3 = await startS3({ folder, log: process.stderr });
  client = new S3Client({ endpoint: s3.url, region: localRegion, credentials: localCredentials, forcePathStyle: true });
  table = await createTestTable();
  stack = { s3: client, dynamodb: table.client, bucket: Bucket, tableName: table.tableName };
  results = [];
  progress = [];
});

afterEach(async () => {
  client.destroy();
  await s3.stop();
  await table.drop();
  rmSync(folder, { recursive: true });
});

/** A time after which no object of a test was stored. */
const tomorrow = () => new Date(Date.now() + 60_000);
const newKey = (imageId: string = randomUUID()) => imageDataKey(imageId, randomUUID());
const putObject = (key: string) => client.send(new PutObjectCommand({ Bucket, Key: key, Body: 'data' }));
const putItem = (item: Record<string, unknown>) =>
  table.client.send(
    new PutItemCommand({ TableName: table.tableName, Item: marshall(item, { removeUndefinedValues: true }) }),
  );
const activeImage = (objectKey: string): Image =>
  anImage({
    id: objectKey.split('/')[1] as ImageId,
    status: 'active',
    data: { size: 4, virtualSize: null, checksum: 'md5', hash: 'sha512', objectKey },
  });
const exists = (key: string): Promise<boolean> =>
  client.send(new HeadObjectCommand({ Bucket, Key: key })).then(
    () => true,
    () => false,
  );
const listedKeys = () => results.slice(0, -1).map((line) => line.split(/ +/).at(-1));

test('the data of an image is kept; other attempts, data of deleted images and of unknown images are deleted', async () => {
  const used = newKey();
  const otherAttempt = newKey(used.split('/')[1]);
  const ofDeleted = newKey();
  const unknown = newKey();
  const foreign = ['images/notes.txt', `other/${randomUUID()}/${randomUUID()}`];
  for (const key of [used, otherAttempt, ofDeleted, unknown, ...foreign]) await putObject(key);
  await putItem(imageItem(activeImage(used), actor));
  await putItem(tombstoneItem(activeImage(ofDeleted), new Date(), actor));
  const orphaned = [otherAttempt, ofDeleted, unknown];

  const count = await listOrphanedObjects(stack, tomorrow(), output);

  expect(count).toBe(3);
  expect(listedKeys().toSorted()).toEqual(orphaned.toSorted());
  expect(results.at(-1)).toBe('3 of 5 objects in images are the data of no image: 12 bytes.');

  await deleteOrphanedObjects(stack, tomorrow(), output);

  expect(results.at(-1)).toBe('3 deleted.');
  expect(await Promise.all([used, ...foreign].map(exists))).toEqual([true, true, true]);
  expect(await Promise.all(orphaned.map(exists))).toEqual([false, false, false]);
});

test('an object that is younger than the time is ignored, because an import may still activate it', async () => {
  const key = newKey();
  await putObject(key);
  const before = new Date(Date.now() - 60_000);

  expect(await listOrphanedObjects(stack, before, output)).toBe(0);
  await deleteOrphanedObjects(stack, before, output);

  expect(await exists(key)).toBe(true);
});

test('more objects than one page of the bucket and one read of the table are listed and deleted', async () => {
  const keys = Array.from({ length: 1_050 }, () => newKey());
  for (let start = 0; start < keys.length; start += 50) {
    await Promise.all(keys.slice(start, start + 50).map(putObject));
  }
  const used = keys.filter((_, index) => index % 300 === 0);
  for (const key of used) await putItem(imageItem(activeImage(key), actor));

  expect(await listOrphanedObjects(stack, tomorrow(), output)).toBe(1_050 - used.length);
  expect(progress).toEqual(['1000 objects read …', '1050 objects read …']);

  await deleteOrphanedObjects(stack, tomorrow(), output);
  results = [];
  expect(await listOrphanedObjects(stack, tomorrow(), output)).toBe(0);
  expect(results).toEqual([`0 of ${used.length} objects in images are the data of no image: 0 bytes.`]);
});

test('nothing is deleted if the record of an image is malformed', async () => {
  const key = newKey();
  await putObject(key);
  await putItem({ ...imageItem(activeImage(key), actor), record: 'not JSON' });

  await expect(deleteOrphanedObjects(stack, tomorrow(), output)).rejects.toThrow(
    /^The record of the image [\w-]+ is malformed \(.*\); correct it before you delete objects\.$/,
  );

  expect(await exists(key)).toBe(true);
});
