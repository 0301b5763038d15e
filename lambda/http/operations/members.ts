import { invalidRequest } from '../../domain/errors.ts';
import { parseProjectId, type ProjectId } from '../../domain/ids.ts';
import type { AnswerOffer } from '../../use-cases/answer-offer.ts';
import type { ListMembers } from '../../use-cases/list-members.ts';
import type { OfferImage } from '../../use-cases/offer-image.ts';
import type { ShowMember } from '../../use-cases/show-member.ts';
import type { WithdrawOffer } from '../../use-cases/withdraw-offer.ts';
import type { ApiOperation } from '../api-handler.ts';
import { objectBody, type ApiRequest } from '../api-request.ts';
import { noContent, ok } from '../api-response.ts';
import { memberView, membersView } from '../views/member-view.ts';

/** PUT /v2/images/{image_id}/members/{member_id}: the member answers an offer. */
export const answerOfferOperation =
  (answerOffer: AnswerOffer): ApiOperation =>
  async (request) => {
    const membership = await answerOffer({
      ...memberPath(request),
      status: requestedStatus(request),
      caller: request.caller,
      via: 'http',
    });
    return ok(memberView(membership));
  };

/** POST /v2/images/{image_id}/members: the owner offers the image to a project. */
export const offerImageOperation =
  (offerImage: OfferImage): ApiOperation =>
  async (request) => {
    const membership = await offerImage({
      ...imagePath(request),
      memberId: requestedMemberId(request),
      caller: request.caller,
      via: 'http',
    });
    return ok(memberView(membership));
  };

/** DELETE /v2/images/{image_id}/members/{member_id}: the owner takes an offer back. */
export const withdrawOfferOperation =
  (withdrawOffer: WithdrawOffer): ApiOperation =>
  async (request) => {
    await withdrawOffer({ ...memberPath(request), caller: request.caller, via: 'http' });
    return noContent();
  };

/** GET /v2/images/{image_id}/members/{member_id}. */
export const showMemberOperation =
  (showMember: ShowMember): ApiOperation =>
  async (request) =>
    ok(memberView(await showMember({ ...memberPath(request), caller: request.caller })));

/** GET /v2/images/{image_id}/members; any query is ignored. */
export const listMembersOperation =
  (listMembers: ListMembers): ApiOperation =>
  async (request) =>
    ok(membersView(await listMembers({ ...imagePath(request), caller: request.caller })));

const imagePath = ({ path }: ApiRequest) => ({ imageId: path['image_id'] ?? '' });
const memberPath = ({ path }: ApiRequest) => ({ imageId: path['image_id'] ?? '', memberId: path['member_id'] ?? '' });

/** The status that a body names, whatever it is: its value is looked at after the caller. */
function requestedStatus(request: ApiRequest): unknown {
  const body = objectBody(request);
  if (!('status' in body))
    throw invalidRequest('The body has to name a "status": "pending", "accepted" or "rejected".');
  return body['status'];
}

/** The project that a body names, by `member_id` or by `member`, which is deprecated. */
function requestedMemberId(request: ApiRequest): ProjectId {
  const body = objectBody(request);
  const named = 'member_id' in body ? body['member_id'] : body['member'];
  const memberId = typeof named === 'string' ? parseProjectId(named) : undefined;
  if (memberId === undefined) {
    throw invalidRequest(
      'The body has to name a "member_id": a project id of 1 to 255 characters without "/", "?" and control characters.',
    );
  }
  return memberId;
}
