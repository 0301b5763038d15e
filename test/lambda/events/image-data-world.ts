import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { SQSRecord } from 'aws-lambda';
import { startS3 } from '../../../infra/local/s3/start-s3.ts';
import { localCredentials, localRegion } from '../../../infra/local/template/template-values.ts';
import type { ImageDataStore } from '../../../lambda/domain/image-data.ts';
import { documentClient } from '../../../lambda/dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../../../lambda/dynamodb/dynamodb-image-repository.ts';
import { Table } from '../../../lambda/dynamodb/table.ts';
import { imageDataHandler, maxImageDataReceiveCount } from '../../../lambda/events/image-data-handler.ts';
import { deletionMessage, importMessage } from '../../../lambda/events/image-data-messages.ts';
import { defaultImportLimits, variables } from '../../../lambda/functions/config.ts';
import { parseAllowedSources } from '../../../lambda/image-source/allowed-sources.ts';
import { openImport } from '../../../lambda/image-source/open-import.ts';
import { createImageDataStore } from '../../../lambda/s3/image-data-store.ts';
import { S3ImageStore } from '../../../lambda/s3/s3-image-store.ts';
import { createRunImport } from '../../../lambda/use-cases/images/run-import.ts';
import { createTestTable, type TestTable } from '../../support/engine.ts';
import { startEngineProxy, type EngineProxy } from '../../support/engine-proxy.ts';
import { startService, type Service, type TestResponse } from '../../support/service.ts';
import { serveSource, type SourceServer } from '../image-source/serve-source.ts';
import { startConsumer, type Consumer } from './consumer.ts';

const bucket = 'images';

/** A source that responds to each path. */
type SourceContent = Parameters<typeof serveSource>[0];

/** The API, the stream consumer and the worker of image data on a table and a bucket of their own. */
export interface ImageDataWorld {
  readonly table: TestTable;
  /** Proxy between the worker and the engine. */
  readonly proxy: EngineProxy;
  readonly service: Service;
  /** Consumer of the table's stream. */
  readonly notifications: Consumer;
  readonly source: SourceServer;
  /** The response of the source. Default: the path as text. */
  content: SourceContent;
  /** Addresses of host names. Other names are resolved by the system. */
  readonly addresses: Map<string, readonly string[]>;
  /** Runs between the copy of an import and its end. */
  afterCopy: () => Promise<unknown>;
  /** Replaces the store of the worker; `undefined` selects the bucket. */
  store: Partial<ImageDataStore>;
  readonly logged: Readonly<Record<string, unknown>>[];
  /** Returns the URL of a path of the source. */
  url(path?: string): string;
  /** Creates an image of the project alpha that can be imported. */
  create(attributes?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Requests an import as the owner. */
  import(id: string, uri?: string): Promise<TestResponse>;
  show(id: string): Promise<TestResponse>;
  download(id: string, as: string): Promise<TestResponse>;
  /** Returns the messages that the stream has produced since the last call. */
  messages(): Promise<readonly string[]>;
  /** Delivers messages as one batch. Returns the messages that SQS would deliver again. */
  deliver(messages: readonly string[], receiveCount?: number): Promise<readonly string[]>;
  /** Delivers everything that the stream has produced until there is no more, and each failed message again. */
  settle(): Promise<void>;
  /** Returns the keys of all objects. */
  objects(): Promise<readonly string[]>;
  /** Replaces the bytes of an object. */
  tamper(objectKey: string, bytes: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens an image data world. A test file can have one only, because it can have one service only. */
export async function openImageDataWorld(): Promise<ImageDataWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'image-data-'));
  const s3 = await startS3({ folder, log: process.stderr });
  const table = await createTestTable();
  const proxy = await startEngineProxy(table.endpoint);
  const source = await serveSource((request, response) => world.content(request, response));
  const allowed = `127.0.0.1:${source.port}`;
  const service = await startService(table.endpoint, table.tableName, 128, {
    [variables.identity]: 'dev',
    [variables.allowedSources]: allowed,
    [variables.imageEndpoint]: s3.url,
  });
  const notifications = await startConsumer(table);
  const client = new S3Client({ endpoint: s3.url, forcePathStyle: true });
  const addresses = new Map<string, readonly string[]>();
  const clock = () => new Date();
  const documents = documentClient({ endpoint: proxy.endpoint, region: localRegion, credentials: localCredentials });
  const images = new DynamoDbImageRepository(new Table(documents, table.tableName), clock);
  const bucketStore = createImageDataStore({
    objects: new S3ImageStore({ bucket, endpoint: s3.url }),
    maxBytes: 100_000,
    open: (uri) =>
      openImport(uri, {
        ...defaultImportLimits,
        maxBytes: 100_000,
        allowedSources: parseAllowedSources(allowed),
        resolve: (host) =>
          Promise.resolve(
            (addresses.get(host) ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
          ),
      }),
  });
  const store: ImageDataStore = {
    copy: async (...parameters) => {
      const data = await (world.store.copy ?? bucketStore.copy)(...parameters);
      await world.afterCopy();
      return data;
    },
    delete: (objectKey) => (world.store.delete ?? bucketStore.delete)(objectKey),
  };
  const logged: Readonly<Record<string, unknown>>[] = [];
  const handler = imageDataHandler({
    runImport: createRunImport({ images, store, clock, onGivenUp: (error) => void logged.push({ givenUp: error }) }),
    store,
    log: (line) => void logged.push(line),
  });

  const world: ImageDataWorld = {
    ...{ table, proxy, service, notifications, source, addresses, logged },
    content: (request, response) => void response.end(request.url),
    afterCopy: () => Promise.resolve(),
    store: {},
    url: (path = '/data') => `http://127.0.0.1:${source.port}${path}`,
    create: async (attributes = {}) => {
      const body = { disk_format: 'raw', container_format: 'bare', ...attributes };
      return (await service.request('POST', '/v2/images', { as: 'alpha:member', body })).body.id;
    },
    import: (id, uri = world.url()) =>
      service.request('POST', `/v2/images/${id}/import`, {
        as: 'alpha:member',
        body: { method: { name: 'web-download', uri } },
      }),
    show: (id) => service.request('GET', `/v2/images/${id}`, { as: 'alpha:member' }),
    download: (id, as) => service.request('GET', `/v2/images/${id}/file`, { as }),
    messages: async () => {
      await notifications.drain();
      return [
        ...notifications.startedImports.splice(0).map(importMessage),
        ...notifications.deletedObjects.splice(0).map(deletionMessage),
      ];
    },
    deliver: async (messages, receiveCount = 1) => {
      const records = messages.map((body) => ({
        messageId: randomUUID(),
        body,
        attributes: { ApproximateReceiveCount: String(receiveCount) },
      }));
      const event = { Records: records as unknown as SQSRecord[] };
      const { batchItemFailures } = await handler(event, { getRemainingTimeInMillis: () => 30_000 });
      const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
      return records.filter(({ messageId }) => failed.includes(messageId)).map(({ body }) => body);
    },
    settle: async () => {
      for (let messages = await world.messages(); messages.length > 0; messages = await world.messages()) {
        for (let receiveCount = 1; messages.length > 0 && receiveCount <= maxImageDataReceiveCount; receiveCount += 1)
          messages = await world.deliver(messages, receiveCount);
      }
    },
    objects: async () => {
      const { Contents: contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      return contents.map(({ Key: key = '' }) => key);
    },
    tamper: async (objectKey, bytes) => {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: objectKey, Body: bytes }));
    },
    close: async () => {
      notifications.close();
      client.destroy();
      await source.stop();
      await s3.stop();
      await proxy.stop();
      await table.drop();
      rmSync(folder, { recursive: true });
    },
  };
  return world;
}
