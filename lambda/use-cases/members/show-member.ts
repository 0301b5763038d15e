import { memberNotFound } from '../../domain/errors.ts';
import type { ImageRepository } from '../../domain/repositories/image-repository.ts';
import type { Membership } from '../../domain/membership.ts';
import { assertImageIsVisible, assertMemberIsVisible } from '../../domain/sharing-rules.ts';
import type { MemberRequest } from './answer-offer.ts';

export type ShowMember = (request: MemberRequest) => Promise<Membership>;

/** Returns one membership. An image that is not shared has no members, even for its owner. */
export const createShowMember = (images: ImageRepository): ShowMember =>
  async function showMember({ caller, imageId, memberId }) {
    const sharing = await images.find(imageId, [caller.projectId, memberId]);
    const image = assertImageIsVisible(caller, sharing);
    if (image.visibility !== 'shared') throw memberNotFound(imageId, memberId);
    return assertMemberIsVisible(caller, sharing, memberId);
  };
