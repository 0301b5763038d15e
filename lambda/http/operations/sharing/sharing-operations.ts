import { bulkOperations } from './bulk.ts';
import { membershipOperations } from './memberships.ts';
import { standingAnswerOperations } from './standing-answers.ts';

/** The operations of the sharing API, which extends the Image API below /sharing/v1. */
export const sharingOperations = {
  ...bulkOperations,
  ...standingAnswerOperations,
  ...membershipOperations,
} as const;
