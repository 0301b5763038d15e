import { v7 as uuidv7 } from 'uuid';
import { loadConfig } from './config.ts';
import type { ImageId } from '../domain/ids.ts';
import { connectTable } from '../dynamodb/connect-table.ts';
import { DynamoDbImageListRepository } from '../dynamodb/dynamodb-image-list-repository.ts';
import { DynamoDbImageRepository } from '../dynamodb/dynamodb-image-repository.ts';
import { apiHandler } from '../http/api-handler.ts';
import {
  addTagOperation,
  createImageOperation,
  deleteImageOperation,
  downloadImageOperation,
  listImagesOperation,
  removeTagOperation,
  showImageOperation,
  updateImageOperation,
} from '../http/operations/images.ts';
import { patchMediaTypes } from '../http/requests/image-patch.ts';
import { pageSize } from '../http/views/image-view.ts';
import { routes } from '../http/routes.ts';
import { createTokenVerifier } from '../identity/token-verifier.ts';
import { log } from '../runtime/log.ts';
import { readSecret } from './read-secret.ts';
import { createCreateImage } from '../use-cases/create-image.ts';
import { createDeleteImage } from '../use-cases/delete-image.ts';
import { createListImages } from '../use-cases/list-images.ts';
import { createDownloadImage, createShowImage } from '../use-cases/show-image.ts';
import { createUpdateImage } from '../use-cases/update-image.ts';

const config = loadConfig(process.env, ['tableName', 'identity', 'publicUrl']);
const clock = () => new Date();
const table = connectTable(config.tableName);
const images = new DynamoDbImageRepository(table, clock);
const lists = new DynamoDbImageListRepository(table);
const updateImage = createUpdateImage(images, clock);

/** The images. */
export const handler = apiHandler(
  routes.images,
  {
    listImages: { operation: listImagesOperation(createListImages(images, lists, pageSize)), body: 'none' },
    createImage: {
      operation: createImageOperation(createCreateImage(images, clock, () => uuidv7() as ImageId)),
      body: 'json',
    },
    showImage: { operation: showImageOperation(createShowImage(images)), body: 'none' },
    updateImage: { operation: updateImageOperation(updateImage), body: Object.keys(patchMediaTypes) },
    deleteImage: { operation: deleteImageOperation(createDeleteImage(images)), body: 'none' },
    addTag: { operation: addTagOperation(updateImage), body: 'ignored' },
    removeTag: { operation: removeTagOperation(updateImage), body: 'none' },
    downloadImage: { operation: downloadImageOperation(createDownloadImage(images)), body: 'none' },
  },
  { identity: createTokenVerifier(config, readSecret), log, publicUrl: config.publicUrl },
);
