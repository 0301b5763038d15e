import type { CreateImage } from '../../use-cases/create-image.ts';
import type { DeleteImage } from '../../use-cases/delete-image.ts';
import type { ListImages } from '../../use-cases/list-images.ts';
import type { ShowImage } from '../../use-cases/show-image.ts';
import type { UpdateImage } from '../../use-cases/update-image.ts';
import { invalidRequest, tagNotFound } from '../../domain/errors.ts';
import type { ApiOperation } from '../api-handler.ts';
import { objectBody, type ApiRequest } from '../api-request.ts';
import { created, noContent, ok } from '../api-response.ts';
import { assertIsValid, imageBody } from '../requests/image-body.ts';
import { imageListQuery } from '../requests/image-list-query.ts';
import { imagePatch } from '../requests/image-patch.ts';
import { imagePath, imagesView, imageView } from '../views/image-view.ts';

/** POST /v2/images. */
export const createImageOperation =
  (createImage: CreateImage): ApiOperation =>
  async (request) => {
    const image = await createImage({ ...imageBody(objectBody(request)), caller: request.caller, via: 'http' });
    return created(imageView(image), `${request.baseUrl}${imagePath(image)}`);
  };

/** GET /v2/images/{image_id}. */
export const showImageOperation =
  (showImage: ShowImage): ApiOperation =>
  async (request) =>
    ok(imageView(await showImage({ imageId: imageIdOf(request), caller: request.caller })));

/** GET /v2/images. */
export const listImagesOperation =
  (listImages: ListImages): ApiOperation =>
  async ({ query, caller }) =>
    ok(imagesView(await listImages(imageListQuery(query, caller)), query));

/** PATCH /v2/images/{image_id}. */
export const updateImageOperation =
  (updateImage: UpdateImage): ApiOperation =>
  async (request) => {
    const change = imagePatch(request.body, request.mediaType);
    return ok(
      imageView(await updateImage({ imageId: imageIdOf(request), change, caller: request.caller, via: 'http' })),
    );
  };

/** DELETE /v2/images/{image_id}. */
export const deleteImageOperation =
  (deleteImage: DeleteImage): ApiOperation =>
  async (request) => {
    await deleteImage({ imageId: imageIdOf(request), caller: request.caller, via: 'http' });
    return noContent();
  };

/** GET /v2/images/{image_id}/file: an image without data has none to download. */
export const downloadImageOperation =
  (downloadImage: ShowImage): ApiOperation =>
  async (request) => {
    await downloadImage({ imageId: imageIdOf(request), caller: request.caller });
    return noContent();
  };

/** PUT /v2/images/{image_id}/tags/{tag}: adds a tag, if the image has it not yet. */
export const addTagOperation =
  (updateImage: UpdateImage): ApiOperation =>
  async (request) => {
    const tag = tagOf(request);
    assertIsValid('tags', [tag]);
    await updateImage({
      imageId: imageIdOf(request),
      change: (image) => (image.tags.includes(tag) ? image : { ...image, tags: [...image.tags, tag] }),
      caller: request.caller,
      via: 'http',
    });
    return noContent();
  };

/** DELETE /v2/images/{image_id}/tags/{tag}. */
export const removeTagOperation =
  (updateImage: UpdateImage): ApiOperation =>
  async (request) => {
    const tag = tagOf(request);
    await updateImage({
      imageId: imageIdOf(request),
      change: (image) => {
        if (!image.tags.includes(tag)) throw tagNotFound(tag);
        return { ...image, tags: image.tags.filter((each) => each !== tag) };
      },
      caller: request.caller,
      via: 'http',
    });
    return noContent();
  };

const imageIdOf = ({ path }: ApiRequest): string => path['image_id'] ?? '';

function tagOf({ path }: ApiRequest): string {
  const tag = path['tag'] ?? '';
  if (tag === '') throw invalidRequest('A tag is 1 to 255 characters.');
  return tag;
}
