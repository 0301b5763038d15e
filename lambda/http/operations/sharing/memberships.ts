import { invalidRequest } from '../../../domain/errors.ts';
import type { ChangeExpiry } from '../../../use-cases/members/change-expiry.ts';
import type { LeaveImage } from '../../../use-cases/members/leave-image.ts';
import type { ListMembers } from '../../../use-cases/members/list-members.ts';
import { imageIdOf, objectBody } from '../../api-request.ts';
import { noContent, ok, okTagged } from '../../api-response.ts';
import { defineOperation } from '../../operation.ts';
import { assertKnownFields } from '../../requests/known-fields.ts';
import { knownParameters } from '../../requests/query-parameters.ts';
import { sharingMembersView, sharingMemberView } from '../../views/sharing/sharing-member-view.ts';
import { memberTag } from '../../views/member-view.ts';
import { expectedMember, memberToChange } from '../members.ts';

/** The operations on memberships with their ends: the list, and an end by the owner at a time or by the member. */
export const membershipOperations = {
  listMemberships: defineOperation<ListMembers>({
    route: 'GET /sharing/v1/images/{image_id}/members',
    summary: 'List the members of an image with the ends of their memberships',
    role: 'reader',
    body: 'none',
    success: [200, 'sharing-members-view'],
    faults: ['image-not-found', 'image-not-shared'],
    handle: (listMembers) => async (request) => {
      const imageId = imageIdOf(request);
      knownParameters(request.query, []);
      return ok(sharingMembersView(await listMembers({ imageId, caller: request.caller })));
    },
  }),

  changeExpiry: defineOperation<ChangeExpiry>({
    route: 'PUT /sharing/v1/images/{image_id}/members/{member_id}/expiry',
    summary: 'Set or remove the end of a membership',
    role: 'member',
    body: 'json',
    bodySchema: {
      type: 'object',
      required: ['expires_at'],
      properties: { expires_at: { type: ['null', 'string'], description: 'Time in UTC, or null for no end' } },
      additionalProperties: false,
    },
    precondition: 'member',
    success: [200, 'sharing-member-view'],
    faults: ['image-not-found', 'not-permitted', 'image-not-shared', 'member-not-found', 'project-full'],
    handle: (changeExpiry) => async (request) => {
      const body = objectBody(request);
      assertKnownFields(body, ['expires_at']);
      if (!('expires_at' in body)) {
        throw invalidRequest('The body must have "expires_at": a time in UTC such as 2027-03-31T12:00:00Z, or null.');
      }
      const membership = await changeExpiry({
        ...memberToChange(request),
        expiresAt: body['expires_at'],
      });
      return okTagged(sharingMemberView(membership), memberTag(membership));
    },
  }),

  leaveImage: defineOperation<LeaveImage>({
    route: 'DELETE /sharing/v1/memberships/{image_id}',
    summary: "End the project's own membership",
    role: 'member',
    body: 'none',
    precondition: 'member',
    success: [204],
    faults: ['image-not-found', 'not-permitted', 'member-not-found'],
    handle: (leaveImage) => async (request) => {
      await leaveImage({ imageId: imageIdOf(request), caller: request.caller, expected: expectedMember(request) });
      return noContent();
    },
  }),
} as const;
