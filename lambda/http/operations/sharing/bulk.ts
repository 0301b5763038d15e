import { invalidRequest } from '../../../domain/errors.ts';
import { parseProjectId, projectIdForm, requireImageId, requireMemberId } from '../../../domain/ids.ts';
import { memberStatuses, type Membership, type MembershipState } from '../../../domain/membership.ts';
import { currentDeadline, reportError } from '../../../runtime/request-context.ts';
import type { AnswerOffer } from '../../../use-cases/members/answer-offer.ts';
import type { OfferImage } from '../../../use-cases/members/offer-image.ts';
import type { WithdrawOffer } from '../../../use-cases/members/withdraw-offer.ts';
import { runEntries, type EntryResult } from '../../../use-cases/sharing/run-entries.ts';
import { ok, type ApiResponse } from '../../api-response.ts';
import { parseIfMatch } from '../../entity-tag.ts';
import { faultOf } from '../../faults.ts';
import { defineOperation, type Json } from '../../operation.ts';
import { bulkEntries, maxEntries, type BulkEntry } from '../../requests/bulk-entries.ts';
import { memberTag, parseMemberTag } from '../../views/member-view.ts';
import { sharingMemberView } from '../../views/sharing/sharing-member-view.ts';

// A wrong value concerns one entry only, so that the schema of the request does not exclude it.
const imageId: Json = { type: 'string', description: 'Id of the image' };
const memberId: Json = { type: 'string', description: 'Id of the project' };
const status: Json = { type: 'string', description: memberStatuses.join(', ') };
const expiresAt: Json = { type: ['null', 'string'], description: 'Time in UTC, or null for no end' };
const ifMatch: Json = {
  type: ['null', 'string'],
  description: 'Entity tag of the membership that the entry expects, or null for any state',
};

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
    bodySchema: bodySchema('answers', { image_id: imageId, status, if_match: ifMatch }, ['image_id', 'status']),
    success: [200, 'sharing-results-view'],
    faults: ['not-permitted'],
    handle: (answerOffer) => async (request) => {
      const entries = bulkEntries(request, 'answers', {
        ids: ['image_id'],
        required: ['status'],
        optional: ['if_match'],
      });
      const { caller } = request;
      return bulkResponse(
        await runEntries({ entries, caller, deadline: deadline() }, (entry) =>
          answerOffer({
            imageId: requireImageId(entry.imageId),
            memberId: caller.projectId,
            status: entry.values['status'],
            caller,
            expected: expectedMember(entry),
          }),
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
    bodySchema: bodySchema('withdrawals', { image_id: imageId, member_id: memberId, if_match: ifMatch }, [
      'image_id',
      'member_id',
    ]),
    success: [200, 'sharing-results-view'],
    faults: ['not-permitted'],
    handle: (withdrawOffer) => async (request) => {
      const entries = bulkEntries(request, 'withdrawals', { ids: ['image_id', 'member_id'], optional: ['if_match'] });
      const { caller } = request;
      return bulkResponse(
        await runEntries({ entries, caller, deadline: deadline() }, async (entry) => {
          const imageId = requireImageId(entry.imageId);
          const memberId = requireMemberId(imageId, entry.memberId);
          await withdrawOffer({ imageId, memberId, caller, expected: expectedMember(entry) });
          return undefined;
        }),
      );
    },
  }),
} as const;

/** Returns the state of the membership that an entry expects, or `undefined` for any state. */
function expectedMember({ values: { if_match: tag } }: BulkEntry): MembershipState | undefined {
  return typeof tag === 'string' ? parseMemberTag(parseIfMatch(tag, 'if_match')) : undefined;
}

const deadline = (): number => currentDeadline() ?? Number.POSITIVE_INFINITY;

/** Returns the results of a bulk request: its own status is 200 even if entries were refused. */
function bulkResponse(results: readonly EntryResult<Membership | undefined>[]): ApiResponse {
  return ok({ results: results.map(resultView), schema: '/sharing/v1/schemas/results' });
}

function resultView(result: EntryResult<Membership | undefined>) {
  if ('value' in result) {
    const { value } = result;
    return value === undefined
      ? { code: 204 }
      : { code: 200, etag: memberTag(value), member: sharingMemberView(value) };
  }
  const { status, code, message } = faultOf(result.error);
  if (status >= 500 && code !== 'not-started') reportError(result.error);
  return { code: status, error: code, message };
}
