import type { Membership } from '../domain/membership.ts';
import { memberNotFound } from '../domain/errors.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import { assertImageIsVisible, assertMemberIsVisible } from '../domain/sharing-rules.ts';
import type { MemberRequest } from './answer-offer.ts';

export type ShowMember = (request: MemberRequest) => Promise<Membership>;

/** One membership. Where the image is not shared there is none to show, for its owner neither. */
export const createShowMember =
  (images: ImageRepository): ShowMember =>
  async ({ caller, imageId, memberId }) => {
    const sharing = await images.find(imageId, [caller.projectId, memberId]);
    const image = assertImageIsVisible(caller, sharing);
    if (image.visibility !== 'shared') throw memberNotFound(imageId, memberId);
    return assertMemberIsVisible(caller, image, sharing, memberId);
  };
