import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { IAMClient } from '@aws-sdk/client-iam';
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { serveSource, type SourceServer } from '../lambda/image-source/serve-source.ts';
import type { Answer, Emulator } from './emulator.ts';
import type { Outputs } from './events.ts';
import { grantsOf, without } from './grants.ts';

const owner = 'dev:alice:project-a:member';
const consumer = 'dev:bob:project-b:member';

/** More than one part of an upload to S3. */
const imageBytes = randomBytes(20 * 1024 * 1024);

/** A source of imports on loopback. */
export interface ImportSource {
  /** URL of image data. */
  readonly imageUrl: string;
  /** URL of image data whose connection ends after one part of an upload. */
  readonly cutOffUrl: string;
  stop(): Promise<void>;
}

/** Starts a source of imports. */
export async function startImportSource(): Promise<ImportSource> {
  const server: SourceServer = await serveSource(({ url }, response) => {
    if (url !== '/image' && url !== '/cut-off') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': imageBytes.length });
    if (url === '/image') return void response.end(imageBytes);
    response.write(imageBytes.subarray(0, imageBytes.length / 2), () => response.destroy());
  });
  const origin = `http://127.0.0.1:${server.port}`;
  return { imageUrl: `${origin}/image`, cutOffUrl: `${origin}/cut-off`, stop: () => server.stop() };
}

/** The image data of a deployed stack. */
export interface DeployedImageData {
  /** Sends a request with a JSON body. */
  readonly send: (token: string, method: string, path: string, body?: object) => Promise<Answer>;
  /** Creates an image with both formats and returns its id. */
  readonly newImage: () => Promise<string>;
  readonly startImport: (id: string, uri: string) => Promise<void>;
  /** Returns the keys of the objects of an image. */
  readonly objectKeys: (id: string) => Promise<readonly string[]>;
  /** Returns the number of incomplete uploads of an image. */
  readonly incompleteUploads: (id: string) => Promise<number>;
}

/** Connects to the image data of a deployed stack. */
export function connectImageData(emulator: Emulator, { ApiUrl, ImageBucketName }: Outputs): DeployedImageData {
  const s3 = new S3Client({ ...emulator.client, forcePathStyle: true });
  const send: DeployedImageData['send'] = (token, method, path, body) =>
    emulator.ask(
      ApiUrl,
      method,
      path,
      {
        'x-auth-token': token,
        ...(body !== undefined && {
          'content-type': method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json',
        }),
      },
      body && JSON.stringify(body),
    );
  return {
    send,
    newImage: async () => {
      const id = randomUUID();
      const image = { id, name: 'imported', disk_format: 'raw', container_format: 'bare' };
      assert.equal((await send(owner, 'POST', '/v2/images', image)).status, 201);
      return id;
    },
    startImport: async (id, uri) => {
      const method = { name: 'web-download', uri };
      const { status, body } = await send(owner, 'POST', `/v2/images/${id}/import`, { method });
      assert.equal(status, 202, body);
    },
    objectKeys: async (id) => {
      const { Contents: objects = [] } = await s3.send(
        new ListObjectsV2Command({ Bucket: ImageBucketName, Prefix: `images/${id}/` }),
      );
      return objects.map(({ Key: key }) => key!);
    },
    incompleteUploads: async (id) => {
      const { Uploads: uploads = [] } = await s3.send(
        new ListMultipartUploadsCommand({ Bucket: ImageBucketName, Prefix: `images/${id}/` }),
      );
      return uploads.length;
    },
  };
}

/**
 * Tests that a deployed stack imports image data, that a member downloads it by the signed URL, and that the data is
 * deleted with its image.
 */
export async function testImageData(
  { send, newImage, startImport, objectKeys, incompleteUploads }: DeployedImageData,
  { imageUrl, cutOffUrl }: ImportSource,
  iam: IAMClient,
  log: (line: string) => void,
): Promise<void> {
  const show = async (id: string) =>
    JSON.parse((await send(owner, 'GET', `/v2/images/${id}`)).body) as Readonly<Record<string, unknown>>;

  const id = await newImage();
  await startImport(id, imageUrl);
  await waitUntil(async () => (await show(id))['status'] === 'active', `image ${id} is active`);
  const image = await show(id);
  const hash = createHash('sha512').update(imageBytes).digest('hex');
  assert.deepEqual([image['size'], image['os_hash_value']], [imageBytes.length, hash]);
  assert.equal((await objectKeys(id)).length, 1);
  log('an import through the stream and the queue makes an image active, with size and hash');

  assert.equal((await send(consumer, 'GET', `/v2/images/${id}/file`)).status, 404);
  assert.equal((await send(owner, 'POST', `/v2/images/${id}/members`, { member: 'project-b' })).status, 200);
  const accepted = { status: 'accepted' };
  assert.equal((await send(consumer, 'PUT', `/v2/images/${id}/members/project-b`, accepted)).status, 200);
  const signedUrl = async (method: 'GET' | 'HEAD'): Promise<string> => {
    const { status, headers, body } = await send(consumer, method, `/v2/images/${id}/file`);
    assert.equal(status, 302, body);
    return String(headers['location']);
  };
  // As every client of OpenStack does, with the token of the API.
  const headers = { 'x-auth-token': consumer };
  const download = await fetch(await signedUrl('GET'), { headers });
  assert.deepEqual([download.status, download.headers.get('content-type')], [200, 'application/octet-stream']);
  assert.ok(Buffer.from(await download.arrayBuffer()).equals(imageBytes));
  const range = await fetch(await signedUrl('GET'), { headers: { ...headers, range: 'bytes=10-19' } });
  assert.equal(range.status, 206);
  assert.ok(Buffer.from(await range.arrayBuffer()).equals(imageBytes.subarray(10, 20)));
  const head = await fetch(await signedUrl('HEAD'), { method: 'HEAD', headers });
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(imageBytes.length)]);
  log('a member downloads the data, and a range of it, by the signed URL');

  const changed = new URL(await signedUrl('GET'));
  changed.pathname = `${changed.pathname}-other`;
  assert.equal((await fetch(changed)).status, 403);
  const read = (await grantsOf(iam, 'Images')).find(({ action }) => action.startsWith('s3:'));
  assert.equal(read?.action, 's3:GetObject');
  const refused = await without(iam, read, async () => fetch(await signedUrl('GET'), { headers }));
  assert.equal(refused.status, 403);
  log('a changed URL is 403, and so is the URL of Images without s3:GetObject');

  const failing = await newImage();
  await startImport(failing, cutOffUrl);
  await waitUntil(async () => (await show(failing))['status'] === 'queued', `image ${failing} is queued again`);
  assert.match(String((await show(failing))['os_glance_import_error']), /^[A-Z].*\.$/);
  assert.deepEqual([await objectKeys(failing), await incompleteUploads(failing)], [[], 0]);
  log('an import whose source is cut off fails, and leaves no object');

  assert.equal((await send(owner, 'DELETE', `/v2/images/${id}`)).status, 204);
  await waitUntil(async () => (await objectKeys(id)).length === 0, `the object of image ${id} is deleted`);
  log('the deletion of the image deletes its object');
}

async function waitUntil(condition: () => Promise<boolean>, expectation: string): Promise<void> {
  for (const deadline = Date.now() + 180_000; !(await condition());) {
    assert.ok(Date.now() < deadline, `After three minutes it is not true that ${expectation}.`);
    await pause(200);
  }
}
