import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { caseTitle, type Suite } from './player.ts';

/** The recorded sequences of the reference server. */
export const suite = JSON.parse(readFileSync(join(import.meta.dirname, 'cases.json'), 'utf8')) as Suite;

/** Cases that are not played: the service does not store image data, so no image becomes active or deactivated. */
export const casesThatNeedImageData = [
  'put-target/deactivated image',
  'create-state/active image',
  'create-state/deactivated image',
  'image-data/member downloads while accepted',
  'image-data/stranger downloads',
  'image-data/queued image has no data',
];

/** The cases that are played. */
export const playedCases = suite.cases.filter((recorded) => !casesThatNeedImageData.includes(caseTitle(recorded)));
