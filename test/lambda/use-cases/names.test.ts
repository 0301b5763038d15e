import { expect, test } from '@jest/globals';
import { createAnswerOffer } from '../../../lambda/use-cases/answer-offer.ts';
import { createCreateImage } from '../../../lambda/use-cases/create-image.ts';
import { createDeleteImage } from '../../../lambda/use-cases/delete-image.ts';
import { createImportImage } from '../../../lambda/use-cases/import-image.ts';
import { createListImages } from '../../../lambda/use-cases/list-images.ts';
import { createListMembers } from '../../../lambda/use-cases/list-members.ts';
import { createOfferImage } from '../../../lambda/use-cases/offer-image.ts';
import { createDownloadImage, createShowImage } from '../../../lambda/use-cases/show-image.ts';
import { createRunImport } from '../../../lambda/use-cases/run-import.ts';
import { createSetImageActivation } from '../../../lambda/use-cases/set-image-activation.ts';
import { createShowMember } from '../../../lambda/use-cases/show-member.ts';
import { createUpdateImage } from '../../../lambda/use-cases/update-image.ts';
import { createWithdrawOffer } from '../../../lambda/use-cases/withdraw-offer.ts';

const unused = {} as never;

test.each([
  ['answerOffer', createAnswerOffer(unused, unused, unused)],
  ['createImage', createCreateImage(unused, unused, unused)],
  ['deleteImage', createDeleteImage(unused)],
  ['downloadImage', createDownloadImage(unused, unused)],
  ['importImage', createImportImage(unused)],
  ['runImport', createRunImport(unused)],
  ['setImageActivation', createSetImageActivation(unused, unused, unused)],
  ['listImages', createListImages(unused, unused, unused)],
  ['listMembers', createListMembers(unused)],
  ['offerImage', createOfferImage(unused)],
  ['showImage', createShowImage(unused)],
  ['showMember', createShowMember(unused)],
  ['updateImage', createUpdateImage(unused, unused)],
  ['withdrawOffer', createWithdrawOffer(unused, unused, unused)],
] as readonly (readonly [string, (request: never) => unknown])[])('stack traces name %s', (name, useCase) => {
  expect(useCase.name).toBe(name);
});
