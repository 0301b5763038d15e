import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isUpload, type Case, type Suite } from './player.ts';

/** The recorded sequences of the reference server. */
export const suite = JSON.parse(readFileSync(join(import.meta.dirname, 'cases.json'), 'utf8')) as Suite;

/** The cases that are played: all of them. */
export const playedCases = suite.cases;

/** Tests if a case uploads image data, which the player replaces by an import. */
export const uploadsData = ({ steps }: Case): boolean =>
  steps.some((step) => 'request' in step && isUpload(step.request));
