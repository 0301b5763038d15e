import { sortDirections } from '../../../domain/image-filter.ts';
import { offerSortKeys, type ListOffers } from '../../../use-cases/sharing/list-offers.ts';
import { ok } from '../../api-response.ts';
import { defineOperation, queryParameter } from '../../operation.ts';
import { offerLimits, offerListQuery, offerStatuses } from '../../requests/sharing-list-query.ts';
import { projectIdSchema } from '../../views/project-id-schema.ts';
import { offersView } from '../../views/sharing/offer-view.ts';

/** The operation on the offers of other projects to the caller's project. */
export const offerOperations = {
  listOffers: defineOperation<ListOffers>({
    route: 'GET /sharing/v1/offers',
    summary: 'List the images that other projects offer to the project',
    role: 'reader',
    body: 'none',
    query: [
      queryParameter('status', 'Status of the offers', { type: 'string', enum: offerStatuses, default: 'pending' }),
      queryParameter('owner', 'Project that owns the images', projectIdSchema),
      queryParameter('name_prefix', 'Beginning of the names of the images', {
        type: 'string',
        minLength: 1,
        maxLength: 255,
      }),
      queryParameter('os_hidden', 'true lists hidden images only', {
        type: 'string',
        enum: ['true', 'false'],
        default: 'false',
      }),
      queryParameter('sort', 'Creation of the image or time of the offer; without a direction the newest first', {
        type: 'string',
        enum: offerSortKeys.flatMap((key) => [key, ...sortDirections.map((direction) => `${key}:${direction}`)]),
        default: 'created_at:desc',
      }),
      queryParameter(
        'limit',
        `Maximum number of offers in a page; values above ${offerLimits.max} count as ${offerLimits.max}`,
        { type: 'integer', minimum: 0, default: offerLimits.byDefault },
      ),
      queryParameter('marker', 'Id of the last image of the previous page', { type: 'string' }),
    ],
    success: [200, 'sharing-offers-view'],
    faults: ['not-permitted'],
    handle:
      (listOffers) =>
      async ({ query, caller }) =>
        ok(offersView(await listOffers(offerListQuery(query, caller)), query)),
  }),
} as const;
