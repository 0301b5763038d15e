import type { Membership } from '../domain/membership.ts';
import { imageNotFound, memberNotFound } from '../domain/errors.ts';
import { parseImageId, parseProjectId } from '../domain/ids.ts';
import type { ImageRepository } from '../domain/image-repository.ts';
import { assertImageIsVisible, assertMemberIsVisible } from '../domain/sharing-rules.ts';
import type { MemberRequest } from './answer-offer.ts';

export type ShowMember = (request: Omit<MemberRequest, 'via'>) => Promise<Membership>;

/** One membership. Where the image is not shared there is none to show, for its owner neither. */
export const createShowMember =
  (images: ImageRepository): ShowMember =>
  async ({ caller, ...ids }) => {
    const imageId = parseImageId(ids.imageId);
    const memberId = parseProjectId(ids.memberId);
    if (imageId === undefined) throw imageNotFound(ids.imageId);
    if (memberId === undefined) throw memberNotFound(ids.imageId, ids.memberId);
    const sharing = await images.find(imageId, [caller.projectId, memberId]);
    const image = assertImageIsVisible(caller, sharing);
    if (image.visibility !== 'shared') throw memberNotFound(imageId, memberId);
    return assertMemberIsVisible(caller, image, sharing, memberId);
  };
