import { answerScenarios } from './answers.ts';
import { creationScenarios } from './creations.ts';
import { deletionScenarios } from './deletions.ts';
import { disclosureScenarios } from './disclosure.ts';
import { expiryScenarios } from './expiry.ts';
import { importScenarios } from './imports.ts';
import { memberPreconditionScenarios } from './member-preconditions.ts';
import { offerScenarios } from './offers.ts';
import { pendingChangeScenarios } from './pending-changes.ts';
import { pendingDeletionScenarios } from './pending-deletions.ts';
import { imagePreconditionScenarios } from './image-preconditions.ts';
import { standingAnswerScenarios } from './standing-answers.ts';
import { updateScenarios } from './updates.ts';
import { leavingScenarios, withdrawalScenarios } from './withdrawals.ts';
import type { Scenario } from './scenario.ts';

/** Every scenario of the promises P1 to P5, in an order that puts related scenarios together. */
export const allScenarios: readonly Scenario[] = [
  ...answerScenarios,
  ...offerScenarios,
  ...withdrawalScenarios,
  ...memberPreconditionScenarios,
  ...leavingScenarios,
  ...expiryScenarios,
  ...standingAnswerScenarios,
  ...creationScenarios,
  ...updateScenarios,
  ...importScenarios,
  ...deletionScenarios,
  ...imagePreconditionScenarios,
  ...pendingChangeScenarios,
  ...pendingDeletionScenarios,
  ...disclosureScenarios,
];
