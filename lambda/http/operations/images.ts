import { sortDirections, sortKeys } from '../../domain/image-filter.ts';
import { visibilities } from '../../domain/image.ts';
import { memberStatuses } from '../../domain/membership.ts';
import { invalidRequest, tagNotFound } from '../../domain/errors.ts';
import type { ImageToChange } from '../../use-cases/images/change-image.ts';
import type { CreateImage } from '../../use-cases/images/create-image.ts';
import type { DeleteImage } from '../../use-cases/images/delete-image.ts';
import type { ListImages } from '../../use-cases/images/list-images.ts';
import type { ShowImage } from '../../use-cases/images/show-image.ts';
import type { UpdateImage } from '../../use-cases/images/update-image.ts';
import { imageIdOf, objectBody, type ApiRequest } from '../api-request.ts';
import { created, noContent, ok, okTagged, okUnlessMatched } from '../api-response.ts';
import { importMethod } from '../views/import-view.ts';
import { defineOperation, queryParameter, type Json } from '../operation.ts';
import { assertIsValid, imageBody } from '../requests/image-body.ts';
import { imageListQuery } from '../requests/image-list-query.ts';
import { imagePatch, patchMediaTypes } from '../requests/image-patch.ts';
import { imagePath, imagesView, imageTag, imageView } from '../views/image-view.ts';
import { imageSchema } from '../views/image-schema.ts';
import { writableImageProperties } from '../views/writable-image-properties.ts';

const imagesPath = '/{version}/images';
/** Path of an image in a route. */
export const imageItemPath = `${imagesPath}/{image_id}`;
const tagPath = `${imageItemPath}/tags/{tag}`;

/** Header with which the openstack command line and SDK recognize that images can be imported. */
const importMethodsHeader = { 'openstack-image-import-methods': importMethod };

const text: Json = { type: 'string' };
const flag: Json = { type: 'string', enum: ['true', 'false'] };

/** The operations on images (Image API v2, "Images" and "Image tags"). */
export const imageOperations = {
  listImages: defineOperation<ListImages>({
    route: `GET ${imagesPath}`,
    summary: 'List images',
    role: 'reader',
    body: 'none',
    query: [
      queryParameter('limit', 'Maximum number of images in a page; values above 1000 count as 1000', {
        type: 'integer',
        minimum: 0,
        default: 25,
      }),
      queryParameter('marker', 'Id of the last image of the previous page', text),
      queryParameter(
        'visibility',
        'Visibility of the images; by default all except community images of other projects',
        {
          type: 'string',
          enum: [...visibilities, 'all'],
        },
      ),
      queryParameter('member_status', "Status of the caller's memberships", {
        type: 'string',
        enum: [...memberStatuses, 'all'],
        default: 'accepted',
      }),
      queryParameter('owner', 'Project that owns the images', text),
      queryParameter('os_hidden', 'true lists hidden images only', flag),
      queryParameter('protected', 'true lists images that are protected against deletion', flag),
      ...['name', 'status', 'id', 'container_format', 'disk_format'].map((name) =>
        queryParameter(name, '<value>, eq:<value>, or in:<value>,<value>', text),
      ),
      ...['created_at', 'updated_at'].map((name) =>
        queryParameter(name, 'ISO 8601 time, optionally after eq:, neq:, gt:, gte:, lt: or lte:', text),
      ),
      queryParameter('tag', 'Tag of the images; if repeated, the images have all tags', { type: 'array', items: text }),
      queryParameter('sort', 'Keys with directions, such as name:asc,created_at:desc', text),
      queryParameter('sort_key', 'Sort key', { type: 'array', items: { type: 'string', enum: sortKeys } }),
      queryParameter('sort_dir', 'Sort direction, one for each sort_key or one for all', {
        type: 'array',
        items: { type: 'string', enum: sortDirections },
      }),
      {
        ...queryParameter('properties', 'Any other parameter filters by the custom property of that name', {
          type: 'object',
          additionalProperties: text,
        }),
        style: 'form',
        explode: true,
      },
    ],
    success: [200, 'images-view'],
    faults: ['not-permitted'],
    handle:
      (listImages) =>
      async ({ query, caller }) =>
        ok(imagesView(await listImages(imageListQuery(query, caller)), query)),
  }),

  createImage: defineOperation<CreateImage>({
    route: `POST ${imagesPath}`,
    summary: 'Register an image',
    role: 'member',
    body: 'json',
    bodySchema: {
      type: 'object',
      properties: {
        ...writableImageProperties,
        id: imageSchema.properties.id,
        owner: { ...writableImageProperties['owner'], type: ['null', 'string'] },
      },
      propertyNames: { minLength: 1, maxLength: 255, not: { const: '__proto__' } },
      additionalProperties: imageSchema.additionalProperties,
    },
    success: [201, 'image-view'],
    faults: ['not-permitted', 'attribute-read-only', 'image-exists', 'image-too-large', 'project-full'],
    handle: (createImage) => async (request) => {
      const image = await createImage({ ...imageBody(objectBody(request)), caller: request.caller });
      const headers = { ...importMethodsHeader, etag: imageTag(image) };
      return created(imageView(image), `${request.baseUrl}${imagePath(image)}`, headers);
    },
  }),

  showImage: defineOperation<ShowImage>({
    route: `GET ${imageItemPath}`,
    summary: 'Show an image',
    role: 'reader',
    body: 'none',
    precondition: 'image',
    success: [200, 'image-view'],
    faults: ['image-not-found'],
    handle: (showImage) => async (request) => {
      const image = await showImage({ imageId: imageIdOf(request), caller: request.caller });
      return okUnlessMatched(request, imageView(image), imageTag(image));
    },
  }),

  updateImage: defineOperation<UpdateImage>({
    route: `PATCH ${imageItemPath}`,
    summary: 'Change an image',
    role: 'member',
    body: Object.keys(patchMediaTypes),
    bodySchema: Object.fromEntries(
      Object.entries(patchMediaTypes).map(([mediaType, form]) => [mediaType, { $ref: `#/components/schemas/${form}` }]),
    ),
    precondition: 'image',
    success: [200, 'image-view'],
    faults: [
      ...(['image-not-found', 'not-permitted', 'attribute-read-only'] as const),
      ...(['property-not-found', 'image-too-large', 'project-full', 'unsupported-media-type'] as const),
    ],
    handle: (updateImage) => async (request) => {
      const change = imagePatch(request.body, request.mediaType);
      const image = await updateImage({ ...imageToChange(request), change });
      return okTagged(imageView(image), imageTag(image));
    },
  }),

  deleteImage: defineOperation<DeleteImage>({
    route: `DELETE ${imageItemPath}`,
    summary: 'Delete an image and its memberships',
    role: 'member',
    body: 'none',
    precondition: 'image',
    success: [204],
    faults: ['image-not-found', 'not-permitted', 'image-protected'],
    handle: (deleteImage) => async (request) => {
      await deleteImage(imageToChange(request));
      return noContent();
    },
  }),

  addTag: defineOperation<UpdateImage>({
    route: `PUT ${tagPath}`,
    summary: 'Add a tag to an image',
    role: 'member',
    body: 'ignored',
    precondition: 'image',
    success: [204],
    faults: ['image-not-found', 'not-permitted', 'image-too-large'],
    handle: (updateImage) => async (request) => {
      const tag = tagOf(request);
      assertIsValid('tags', [tag]);
      await updateImage({
        ...imageToChange(request),
        change: (image) => (image.tags.includes(tag) ? image : { ...image, tags: [...image.tags, tag] }),
      });
      return noContent();
    },
  }),

  removeTag: defineOperation<UpdateImage>({
    route: `DELETE ${tagPath}`,
    summary: 'Remove a tag from an image',
    role: 'member',
    body: 'none',
    precondition: 'image',
    success: [204],
    faults: ['image-not-found', 'not-permitted', 'tag-not-found'],
    handle: (updateImage) => async (request) => {
      const tag = tagOf(request);
      await updateImage({
        ...imageToChange(request),
        change: (image) => {
          if (!image.tags.includes(tag)) throw tagNotFound(tag);
          return { ...image, tags: image.tags.filter((existing) => existing !== tag) };
        },
      });
      return noContent();
    },
  }),
} as const;

/** Returns the image, the caller and the expected state of the image of a request that changes it. */
function imageToChange(request: ApiRequest): ImageToChange {
  const { caller, ifMatch } = request;
  return {
    imageId: imageIdOf(request),
    caller,
    isExpected: ifMatch && ((image) => imageTag(image) === ifMatch),
  };
}

function tagOf({ path }: ApiRequest): string {
  const tag = path['tag'] ?? '';
  if (tag === '') throw invalidRequest('A tag must have 1 to 255 characters.');
  return tag;
}
