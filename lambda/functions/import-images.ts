import { loadConfig } from './config.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { imageDataHandler } from '../events/image-data-handler.ts';
import { parseAllowedSources } from '../image-source/allowed-sources.ts';
import { openImport } from '../image-source/open-import.ts';
import { createLog } from '../runtime/log.ts';
import { logMessages } from '../runtime/log-messages.ts';
import { createImageDataStore } from '../s3/image-data-store.ts';
import { S3ImageStore } from '../s3/s3-image-store.ts';
import { createRunImport } from '../use-cases/images/run-import.ts';

const config = loadConfig(process.env, [
  'stackName',
  'tableName',
  'imageBucketName',
  'imageEndpoint',
  'importLimits',
  'allowedSources',
]);
const allowedSources = parseAllowedSources(config.allowedSources);
const { importLimits, imageBucketName: bucket, imageEndpoint: endpoint } = config;
const clock = () => new Date();
const log = createLog(config.stackName);
const store = createImageDataStore({
  objects: new S3ImageStore({ bucket, endpoint }),
  maxBytes: importLimits.maxBytes,
  open: (uri) => openImport(uri, { ...importLimits, allowedSources }),
});

/** Runs imports of image data and deletes the data of deleted images. */
export const handler = imageDataHandler({
  runImport: createRunImport({
    images: new DynamoDbImageRepository(connectTable(config.tableName), clock),
    store,
    clock,
    onGivenUp: (error) => log({ level: 'error', message: logMessages.importGivenUp, cause: String(error) }),
  }),
  store,
  log,
});
