import { invalidRequest } from '../../domain/errors.ts';
import { parseProjectId, projectIdForm, requireMemberId, type ImageId, type ProjectId } from '../../domain/ids.ts';
import { memberStatuses, type MembershipState } from '../../domain/membership.ts';
import type { AnswerOffer, MemberToChange } from '../../use-cases/members/answer-offer.ts';
import type { ListMembers } from '../../use-cases/members/list-members.ts';
import type { OfferImage } from '../../use-cases/members/offer-image.ts';
import type { ShowMember } from '../../use-cases/members/show-member.ts';
import type { WithdrawOffer } from '../../use-cases/members/withdraw-offer.ts';
import { imageIdOf, objectBody, type ApiRequest } from '../api-request.ts';
import { noContent, ok, okTagged, okUnlessMatched } from '../api-response.ts';
import { defineOperation } from '../operation.ts';
import { membersView, memberTag, memberView, parseMemberTag } from '../views/member-view.ts';
import { projectIdSchema } from '../views/project-id-schema.ts';

const membersPath = '/{version}/images/{image_id}/members';
const memberPath = `${membersPath}/{member_id}`;

/** The operations on the members of an image (Image API v2, "Sharing"). */
export const memberOperations = {
  /** Ignores the query, as the Image service does. */
  listMembers: defineOperation<ListMembers>({
    route: `GET ${membersPath}`,
    summary: 'List the members of an image',
    role: 'reader',
    body: 'none',
    success: [200, 'members-view'],
    faults: ['image-not-found', 'image-not-shared'],
    handle: (listMembers) => async (request) =>
      ok(membersView(await listMembers({ imageId: imageIdOf(request), caller: request.caller }))),
  }),

  offerImage: defineOperation<OfferImage>({
    route: `POST ${membersPath}`,
    summary: 'Offer an image to a project',
    role: 'member',
    body: 'json',
    bodySchema: {
      type: 'object',
      properties: {
        member_id: { ...projectIdSchema, description: 'Id of the project' },
        member: { ...projectIdSchema, description: 'Id of the project; former name of "member_id"', deprecated: true },
      },
      anyOf: [{ required: ['member_id'] }, { required: ['member'] }],
    },
    success: [200, 'member-view'],
    faults: [
      'image-not-found',
      'not-permitted',
      'image-not-shared',
      'member-exists',
      'member-quota-exceeded',
      'project-full',
    ],
    handle: (offerImage) => async (request) => {
      const memberId = requestedMemberId(request);
      const member = await offerImage({ memberId, imageId: imageIdOf(request), caller: request.caller });
      return okTagged(memberView(member), memberTag(member));
    },
  }),

  showMember: defineOperation<ShowMember>({
    route: `GET ${memberPath}`,
    summary: 'Show a member of an image',
    role: 'reader',
    body: 'none',
    precondition: 'member',
    success: [200, 'member-view'],
    faults: ['image-not-found', 'member-not-found'],
    handle: (showMember) => async (request) => {
      const member = await showMember({ ...memberOf(request), caller: request.caller });
      return okUnlessMatched(request, memberView(member), memberTag(member));
    },
  }),

  answerOffer: defineOperation<AnswerOffer>({
    route: `PUT ${memberPath}`,
    summary: 'Answer an offer: set the status of a member',
    role: 'member',
    body: 'json',
    bodySchema: {
      type: 'object',
      required: ['status'],
      properties: { status: { type: 'string', enum: memberStatuses } },
    },
    precondition: 'member',
    success: [200, 'member-view'],
    faults: [
      'image-not-found',
      'not-permitted',
      'image-not-shared',
      'member-not-found',
      'invalid-member-status',
      'project-full',
    ],
    handle: (answerOffer) => async (request) => {
      const status = requestedStatus(request);
      const member = await answerOffer({ status, ...memberToChange(request) });
      return okTagged(memberView(member), memberTag(member));
    },
  }),

  withdrawOffer: defineOperation<WithdrawOffer>({
    route: `DELETE ${memberPath}`,
    summary: 'Withdraw an offer: remove a member',
    role: 'member',
    body: 'none',
    precondition: 'member',
    success: [204],
    faults: ['image-not-found', 'not-permitted', 'image-not-shared', 'member-not-found'],
    handle: (withdrawOffer) => async (request) => {
      await withdrawOffer(memberToChange(request));
      return noContent();
    },
  }),
} as const;

/** Returns the image and the project of the path. @throws SharingError if one of them has no valid id */
function memberOf(request: ApiRequest): { readonly imageId: ImageId; readonly memberId: ProjectId } {
  const imageId = imageIdOf(request);
  return { imageId, memberId: requireMemberId(imageId, request.path['member_id'] ?? '') };
}

/** Returns the member, the caller and the expected state of the member of a request that changes it. */
export const memberToChange = (request: ApiRequest): MemberToChange => ({
  ...memberOf(request),
  caller: request.caller,
  expected: expectedMember(request),
});

/** Returns the state of the member that a request expects, or `undefined` for any state. */
export const expectedMember = ({ ifMatch }: ApiRequest): MembershipState | undefined =>
  ifMatch && parseMemberTag(ifMatch);

/** Returns the status of the body unchecked: its value is validated after the caller. */
function requestedStatus(request: ApiRequest): unknown {
  const body = objectBody(request);
  if (!('status' in body)) {
    throw invalidRequest('The body must have a "status": "pending", "accepted" or "rejected".');
  }
  return body['status'];
}

/** Returns the project id of `member_id`, or of the deprecated `member`. */
function requestedMemberId(request: ApiRequest): ProjectId {
  const body = objectBody(request);
  const text = 'member_id' in body ? body['member_id'] : body['member'];
  const memberId = typeof text === 'string' ? parseProjectId(text) : undefined;
  if (memberId === undefined) {
    throw invalidRequest(`The body must have a "member_id": ${projectIdForm}.`);
  }
  return memberId;
}
