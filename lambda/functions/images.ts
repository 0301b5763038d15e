import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { loadConfig } from './config.ts';
import type { ImageId } from '../domain/ids.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageListRepository } from '../dynamodb/dynamodb-image-list-repository.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { apiHandler } from '../http/api-handler.ts';
import { imageDataOperations } from '../http/operations/image-data.ts';
import { imageOperations } from '../http/operations/images.ts';
import { pageSize } from '../http/views/image-view.ts';
import { parseAllowedSources } from '../image-source/allowed-sources.ts';
import { parseSourceUrl } from '../image-source/source-url.ts';
import { signDownloadUrl } from '../s3/sign-download-url.ts';
import { createTokenVerifier } from '../identity/create-token-verifier.ts';
import { readSecret } from './read-secret.ts';
import { functionTelemetry } from './telemetry.ts';
import { createCreateImage } from '../use-cases/images/create-image.ts';
import { createDeleteImage } from '../use-cases/images/delete-image.ts';
import { createListImages } from '../use-cases/images/list-images.ts';
import { createImportImage } from '../use-cases/images/import-image.ts';
import { createSetImageActivation } from '../use-cases/images/set-image-activation.ts';
import { createDownloadImage, createShowImage } from '../use-cases/images/show-image.ts';
import { createUpdateImage } from '../use-cases/images/update-image.ts';

const config = loadConfig(process.env, [
  'stackName',
  'tableName',
  'identity',
  'publicUrl',
  'imageBucketName',
  'imageEndpoint',
  'allowedSources',
]);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const lists = new DynamoDbImageListRepository(table, clock);
// Lambda sets these variables; an execution environment keeps its credentials.
const {
  AWS_REGION: region = '',
  AWS_ACCESS_KEY_ID: accessKeyId = '',
  AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
  AWS_SESSION_TOKEN: sessionToken,
} = process.env;
const credentials = { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined };
const allowedSources = parseAllowedSources(config.allowedSources);
const downloadImage = createDownloadImage(images, (key, method) =>
  signDownloadUrl({
    method,
    key,
    bucket: config.imageBucketName,
    endpoint: config.imageEndpoint,
    region,
    credentials,
    now: clock(),
  }),
);
const updateImage = createUpdateImage(images, clock);

/** Serves images. */
export const handler = apiHandler(
  { ...imageOperations, ...imageDataOperations },
  {
    listImages: createListImages(images, lists, pageSize),
    createImage: createCreateImage(images, clock, () => uuidv7() as ImageId),
    showImage: createShowImage(images),
    updateImage,
    deleteImage: createDeleteImage(images),
    addTag: updateImage,
    removeTag: updateImage,
    downloadImage,
    inspectImageData: downloadImage,
    importImage: createImportImage({
      images,
      clock,
      newJobId: randomUUID,
      assertIsPossibleSource: (uri) => parseSourceUrl(uri, allowedSources),
    }),
    deactivateImage: createSetImageActivation(images, clock, 'deactivated'),
    reactivateImage: createSetImageActivation(images, clock, 'active'),
  },
  {
    identity: createTokenVerifier(config, readSecret),
    telemetry: functionTelemetry(config.stackName),
    publicUrl: config.publicUrl,
  },
);
