import { invalidRequest } from '../../../domain/errors.ts';
import { parseProjectId, projectIdForm, requireImageId, requireMemberId } from '../../../domain/ids.ts';
import type { Membership } from '../../../domain/membership.ts';
import { memberStatuses } from '../../../domain/membership.ts';
import { currentDeadline, reportError } from '../../../runtime/request-context.ts';
import type { AnswerOffer } from '../../../use-cases/members/answer-offer.ts';
import type { OfferImage } from '../../../use-cases/members/offer-image.ts';
import type { WithdrawOffer } from '../../../use-cases/members/withdraw-offer.ts';
import { runEntries, type EntryResult } from '../../../use-cases/sharing/run-entries.ts';
import { ok, type ApiResponse } from '../../api-response.ts';
import { faultOf } from '../../faults.ts';
import { defineOperation, type Json } from '../../operation.ts';
import { bulkEntries, maxEntries } from '../../requests/bulk-entries.ts';
import { sharingMemberView } from '../../views/sharing/sharing-member-view.ts';

// A wrong value concerns one entry only, so that the schema of the request does not exclude it.
const imageId: Json = { type: 'string', description: 'Id of the image' };
const memberId: Json = { type: 'string', description: 'Id of the project' };
const status: Json = { type: 'string', description: memberStatuses.join(', ') };
const expiresAt: Json = { type: ['null', 'string'], description: 'Time in UTC, or null for no end' };

/** Returns the schema of a body with a list of entries. */
const bodySchema = (name: string, properties: Json, required: readonly string[]): Json => ({
  type: 'object',
  required: [name],
  properties: {
    [name]: {
      type: 'array',
      minItems: 1,
      maxItems: maxEntries,
      items: { type: 'object', required, properties, additionalProperties: false },
    },
  },
  additionalProperties: false,
});

/** The operations on up to 100 memberships, each with a result of its own. */
export const bulkOperations = {
  answerOffers: defineOperation<AnswerOffer>({
    route: 'POST /sharing/v1/answers',
    summary: 'Answer offers to the project',
    role: 'member',
    body: 'json',
    bodySchema: bodySchema('answers', { image_id: imageId, status }, ['image_id', 'status']),
    success: [200, 'sharing-results-view'],
    faults: ['not-permitted'],
    handle: (answerOffer) => async (request) => {
      const entries = bulkEntries(request, 'answers', { ids: ['image_id'], required: ['status'] });
      const { caller } = request;
      return bulkResponse(
        await runEntries({ entries, caller, deadline: deadline() }, ({ imageId: id, values: { status } }) =>
          answerOffer({ imageId: requireImageId(id), memberId: caller.projectId, status, caller }),
        ),
      );
    },
  }),

  offerImages: defineOperation<OfferImage>({
    route: 'POST /sharing/v1/offers',
    summary: 'Offer images to projects',
    role: 'member',
    body: 'json',
    bodySchema: bodySchema('offers', { image_id: imageId, member_id: memberId, expires_at: expiresAt }, [
      'image_id',
      'member_id',
    ]),
    success: [200, 'sharing-results-view'],
    faults: ['not-permitted'],
    handle: (offerImage) => async (request) => {
      const entries = bulkEntries(request, 'offers', { ids: ['image_id', 'member_id'], optional: ['expires_at'] });
      const { caller } = request;
      return bulkResponse(
        await runEntries(
          { entries, caller, deadline: deadline() },
          ({ imageId: id, memberId: text, values: { expires_at: expiresAt } }) => {
            const memberId = parseProjectId(text);
            if (memberId === undefined) throw invalidRequest(`"member_id" must be ${projectIdForm}.`);
            return offerImage({ imageId: requireImageId(id), memberId, expiresAt, caller });
          },
        ),
      );
    },
  }),

  withdrawOffers: defineOperation<WithdrawOffer>({
    route: 'POST /sharing/v1/withdrawals',
    summary: 'Withdraw offers',
    role: 'member',
    body: 'json',
    bodySchema: bodySchema('withdrawals', { image_id: imageId, member_id: memberId }, ['image_id', 'member_id']),
    success: [200, 'sharing-results-view'],
    faults: ['not-permitted'],
    handle: (withdrawOffer) => async (request) => {
      const entries = bulkEntries(request, 'withdrawals', { ids: ['image_id', 'member_id'] });
      const { caller } = request;
      return bulkResponse(
        await runEntries({ entries, caller, deadline: deadline() }, async ({ imageId: id, memberId: text }) => {
          const checkedId = requireImageId(id);
          await withdrawOffer({ imageId: checkedId, memberId: requireMemberId(checkedId, text), caller });
          return undefined;
        }),
      );
    },
  }),
} as const;

const deadline = (): number => currentDeadline() ?? Number.POSITIVE_INFINITY;

/** Returns the results of a bulk request: its own status is 200 even if entries were refused. */
function bulkResponse(results: readonly EntryResult<Membership | undefined>[]): ApiResponse {
  return ok({ results: results.map(resultView), schema: '/sharing/v1/schemas/results' });
}

function resultView(result: EntryResult<Membership | undefined>) {
  if ('value' in result) {
    return result.value === undefined ? { code: 204 } : { code: 200, member: sharingMemberView(result.value) };
  }
  const { status, code, message } = faultOf(result.error);
  if (status >= 500 && code !== 'not-started') reportError(result.error);
  return { code: status, error: code, message };
}
