import { maxOwnImages, type ListOwnImages } from '../../../use-cases/sharing/list-own-images.ts';
import { ok } from '../../api-response.ts';
import { defineOperation, queryParameter } from '../../operation.ts';
import { ownImageListQuery } from '../../requests/sharing-list-query.ts';
import { ownImagesView } from '../../views/sharing/own-image-view.ts';

/** The operation on the images of the caller's project. */
export const ownImageOperations = {
  listOwnImages: defineOperation<ListOwnImages>({
    route: 'GET /sharing/v1/images',
    summary: "List the project's own images with the numbers of their members",
    role: 'reader',
    body: 'none',
    query: [
      queryParameter('os_hidden', 'true lists hidden images only', {
        type: 'string',
        enum: ['true', 'false'],
        default: 'false',
      }),
      queryParameter(
        'limit',
        `Maximum number of images in a page; values above ${maxOwnImages} count as ${maxOwnImages}`,
        { type: 'integer', minimum: 0, default: maxOwnImages },
      ),
      queryParameter('marker', 'Id of the last image of the previous page', { type: 'string' }),
    ],
    success: [200, 'sharing-images-view'],
    faults: ['not-permitted'],
    handle:
      (listOwnImages) =>
      async ({ query, caller }) =>
        ok(ownImagesView(await listOwnImages(ownImageListQuery(query, caller)), query)),
  }),
} as const;
