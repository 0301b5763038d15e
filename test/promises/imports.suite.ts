/**
 * Kills the local server with SIGKILL while it imports image data and starts it again on the same data: the image
 * becomes active, with one object.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { localCredentials, localRegion } from '../../infra/local/template/template-values.ts';
import { environmentWithoutSettings, startServerProcess, type ServerProcess } from '../support/local-server.ts';
import { tokenOf } from '../support/service.ts';

const mebibyte = 1024 * 1024;
/** Several parts of an upload. */
const data = randomBytes(40 * mebibyte);
const hash = createHash('sha512').update(data).digest('hex');

const folder = mkdtempSync(join(tmpdir(), 'image-sharing-imports-'));
let source: Server;
/** Responds to the requests to the source. */
let respond: (response: ServerResponse) => void;
let server: ServerProcess | undefined;

beforeAll(async () => {
  source = createServer((_request, response) => {
    response.on('error', () => undefined);
    respond(response);
  });
  await new Promise((resolve) => source.listen(0, '127.0.0.1', () => resolve(undefined)));
});

afterAll(async () => {
  await server?.end('SIGKILL');
  source.closeAllConnections();
  source.close();
  rmSync(folder, { recursive: true });
});

const sendData = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-length': data.length }).end(data);
};

test.each([
  ['before the source responds', 0],
  ['after some parts are stored', 24 * mebibyte],
  ['when all bytes but the last have arrived', data.length - 1],
])(
  'an import that is killed %s is completed after a restart',
  async (_when, sentBytes) => {
    server ??= await startServer();
    const { promise: stalled, resolve: stall } = Promise.withResolvers<undefined>();
    respond = (response) => {
      if (sentBytes === 0) {
        stall(undefined);
        return;
      }
      response.writeHead(200, { 'content-length': data.length });
      response.write(data.subarray(0, sentBytes), () => stall(undefined));
    };
    const { id } = await send(server, 'POST', '', { disk_format: 'raw', container_format: 'bare' });
    const uri = `http://127.0.0.1:${(source.address() as AddressInfo).port}/data`;
    await send(server, 'POST', `/${id}/import`, { method: { name: 'web-download', uri } });
    await stalled;

    await server.end('SIGKILL');
    respond = sendData;
    server = await startServer();

    const image = await waitForEnd(server, id);
    expect(image).toMatchObject({ status: 'active', size: data.length, os_hash_value: hash });
    const { headers } = await fetch(`${server.url}/v2/images/${id}/file`, {
      redirect: 'manual',
      headers: { 'x-auth-token': tokenOf('alpha:member') },
    });
    const url = new URL(headers.get('location')!);
    const downloaded = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(createHash('sha512').update(downloaded).digest('hex')).toBe(hash);
    expect(await objectsOf(url, id)).toEqual([decodeURIComponent(url.pathname).split('/').slice(2).join('/')]);
  },
  120_000,
);

const startServer = (): Promise<ServerProcess> =>
  startServerProcess({ ...environmentWithoutSettings(), PORT: '0', DATA_DIR: folder });

async function send({ url }: ServerProcess, method: string, path: string, body?: unknown): Promise<any> {
  const response = await fetch(`${url}/v2/images${path}`, {
    method,
    headers: { 'x-auth-token': tokenOf('alpha:member'), 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} got ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Waits until the import of an image has ended, and returns the image. */
async function waitForEnd(running: ServerProcess, id: string): Promise<any> {
  for (;;) {
    const image = await send(running, 'GET', `/${id}`);
    if (image.status !== 'importing') return image;
    await setTimeout(50);
  }
}

/** Returns the keys of the objects of an image in the local S3 that a signed URL belongs to. */
async function objectsOf({ origin, pathname }: URL, imageId: string): Promise<readonly string[]> {
  const client = new S3Client({
    ...{ endpoint: origin, region: localRegion, credentials: localCredentials },
    forcePathStyle: true,
  });
  const [, bucket = ''] = pathname.split('/');
  const { Contents: contents = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: `images/${imageId}/` }),
  );
  client.destroy();
  return contents.map(({ Key: key = '' }) => key);
}
