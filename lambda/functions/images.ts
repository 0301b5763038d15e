import { v7 as uuidv7 } from 'uuid';
import { loadConfig } from './config.ts';
import type { ImageId } from '../domain/ids.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageListRepository } from '../dynamodb/dynamodb-image-list-repository.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { apiHandler } from '../http/api-handler.ts';
import { imageOperations } from '../http/operations/images.ts';
import { pageSize } from '../http/views/image-view.ts';
import { createTokenVerifier } from '../identity/create-token-verifier.ts';
import { readSecret } from './read-secret.ts';
import { functionTelemetry } from './telemetry.ts';
import { createCreateImage } from '../use-cases/create-image.ts';
import { createDeleteImage } from '../use-cases/delete-image.ts';
import { createListImages } from '../use-cases/list-images.ts';
import { createDownloadImage, createShowImage } from '../use-cases/show-image.ts';
import { createUpdateImage } from '../use-cases/update-image.ts';

const config = loadConfig(process.env, ['stackName', 'tableName', 'identity', 'publicUrl']);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const lists = new DynamoDbImageListRepository(table);
const updateImage = createUpdateImage(images, clock);

/** Serves images. */
export const handler = apiHandler(
  imageOperations,
  {
    listImages: createListImages(images, lists, pageSize),
    createImage: createCreateImage(images, clock, () => uuidv7() as ImageId),
    showImage: createShowImage(images),
    updateImage,
    deleteImage: createDeleteImage(images),
    addTag: updateImage,
    removeTag: updateImage,
    downloadImage: createDownloadImage(images),
  },
  {
    identity: createTokenVerifier(config, readSecret),
    telemetry: functionTelemetry(config.stackName),
    publicUrl: config.publicUrl,
  },
);
