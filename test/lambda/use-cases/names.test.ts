import { expect, test } from '@jest/globals';
import { createAnswerOffer } from '../../../lambda/use-cases/members/answer-offer.ts';
import { createCreateImage } from '../../../lambda/use-cases/images/create-image.ts';
import { createDeleteImage } from '../../../lambda/use-cases/images/delete-image.ts';
import { createExpireMemberships } from '../../../lambda/use-cases/sharing/expire-memberships.ts';
import { createImportImage } from '../../../lambda/use-cases/images/import-image.ts';
import { createListImages } from '../../../lambda/use-cases/images/list-images.ts';
import { createListOffers } from '../../../lambda/use-cases/sharing/list-offers.ts';
import { createListOwnImages } from '../../../lambda/use-cases/sharing/list-own-images.ts';
import { createShowProject } from '../../../lambda/use-cases/sharing/show-project.ts';
import { createListMembers } from '../../../lambda/use-cases/members/list-members.ts';
import { createOfferImage } from '../../../lambda/use-cases/members/offer-image.ts';
import { createDownloadImage, createShowImage } from '../../../lambda/use-cases/images/show-image.ts';
import { createRunImport } from '../../../lambda/use-cases/images/run-import.ts';
import { createSetImageActivation } from '../../../lambda/use-cases/images/set-image-activation.ts';
import { createShowHistory } from '../../../lambda/use-cases/sharing/show-history.ts';
import { createShowMember } from '../../../lambda/use-cases/members/show-member.ts';
import { createUpdateImage } from '../../../lambda/use-cases/images/update-image.ts';
import { createWithdrawOffer } from '../../../lambda/use-cases/members/withdraw-offer.ts';

const unused = {} as never;

test.each([
  ['answerOffer', createAnswerOffer(unused, unused, unused)],
  ['createImage', createCreateImage(unused, unused, unused)],
  ['deleteImage', createDeleteImage(unused)],
  ['downloadImage', createDownloadImage(unused, unused)],
  ['expireMemberships', createExpireMemberships(unused)],
  ['importImage', createImportImage(unused)],
  ['runImport', createRunImport(unused)],
  ['setImageActivation', createSetImageActivation(unused, unused, unused)],
  ['listImages', createListImages(unused, unused, unused)],
  ['listMembers', createListMembers(unused)],
  ['listOffers', createListOffers(unused)],
  ['listOwnImages', createListOwnImages(unused)],
  ['showProject', createShowProject(unused)],
  ['offerImage', createOfferImage(unused)],
  ['showHistory', createShowHistory(unused, unused, 400)],
  ['showImage', createShowImage(unused)],
  ['showMember', createShowMember(unused)],
  ['updateImage', createUpdateImage(unused, unused)],
  ['withdrawOffer', createWithdrawOffer(unused, unused, unused)],
] as readonly (readonly [string, (request: never) => unknown])[])('stack traces name %s', (name, useCase) => {
  expect(useCase.name).toBe(name);
});
