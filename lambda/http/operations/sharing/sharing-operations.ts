import { bulkOperations } from './bulk.ts';
import { historyOperations } from './history.ts';
import { membershipOperations } from './memberships.ts';
import { offerOperations } from './offers.ts';
import { ownImageOperations } from './own-images.ts';
import { projectOperations } from './project.ts';
import { standingAnswerOperations } from './standing-answers.ts';

/** The operations of the sharing API, which extends the Image API below /sharing/v1. */
export const sharingOperations = {
  ...projectOperations,
  ...offerOperations,
  ...ownImageOperations,
  ...bulkOperations,
  ...standingAnswerOperations,
  ...membershipOperations,
  ...historyOperations,
} as const;
