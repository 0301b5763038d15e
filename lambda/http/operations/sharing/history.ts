import type { ShowHistory } from '../../../use-cases/sharing/show-history.ts';
import { imageIdOf } from '../../api-request.ts';
import { ok } from '../../api-response.ts';
import { defineOperation, queryParameter } from '../../operation.ts';
import { historyLimits, historyQuery } from '../../requests/history-query.ts';
import { projectIdSchema } from '../../views/project-id-schema.ts';
import { historyView } from '../../views/sharing/history-view.ts';

/** The operation on the history of an image. */
export const historyOperations = {
  showHistory: defineOperation<ShowHistory>({
    route: 'GET /sharing/v1/images/{image_id}/history',
    summary: 'List the changes of access to an image, or the members at a time',
    role: 'reader',
    body: 'none',
    query: [
      queryParameter('member_id', 'Project whose memberships are listed', projectIdSchema),
      queryParameter('at', 'Time in UTC; lists the members at this second instead of the changes', {
        type: 'string',
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$',
      }),
      queryParameter(
        'limit',
        `Maximum number of changes or projects in a page; values above ${historyLimits.max} count as ${historyLimits.max}`,
        { type: 'integer', minimum: 0, default: historyLimits.byDefault },
      ),
      queryParameter('marker', 'Marker in the "next" link of the previous page', { type: 'string' }),
    ],
    success: [200, 'sharing-history-or-access-view'],
    faults: ['image-not-found', 'member-not-found'],
    handle: (showHistory) => async (request) => {
      const { query, caller } = request;
      const imageId = imageIdOf(request);
      return ok(historyView(await showHistory(historyQuery(query, imageId, caller)), { imageId, caller, query }));
    },
  }),
} as const;
