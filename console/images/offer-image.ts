import { Problem, problemOf } from '../api/problem.ts';
import { maxEntries } from '../api/sharing-api.ts';
import type { BulkResult, MemberStatus } from '../api/types.ts';
import { plural } from '../components/format.ts';
import { joinGroups } from '../components/ids.tsx';

/**
 * Parses the ids of projects, separated by spaces, commas or new lines. A repeated id counts once.
 *
 * @param owner - project of the image
 * @throws Problem if there is no id, more than a request can have, or that of the owner, who cannot answer an offer
 */
export function parseProjectIds(text: string, owner: string): readonly string[] {
  const ids = [...new Set(joinGroups(text).match(/[^\s,]+/g) ?? [])];
  if (ids.length === 0 || ids.length > maxEntries) {
    const message = `The field "Projects" must have 1 to ${maxEntries} project ids; it has ${ids.length}.`;
    throw new Problem('refused', message);
  }
  if (ids.includes(owner)) {
    const message = 'Your project owns this image. Remove its id.';
    throw new Problem('refused', message);
  }
  return ids;
}

/** Results of offers of one image to several projects. */
export interface OfferOutcome {
  /** A sentence for each kind of result. */
  readonly text: string;
  /** Projects that did not get an offer, or possibly not. */
  readonly failed: readonly string[];
}

/** Describes the results of offers. @param results - a result for each project, in their order */
export function describeOffers(projects: readonly string[], results: readonly BulkResult[]): OfferOutcome {
  const groups = Map.groupBy(projects, (_project, index) => sentenceOf(results[index] ?? { code: 500 }));
  return {
    text: [...groups].map(([sentence, group]) => sentence.replace('*', () => subjectOf(group))).join(' '),
    failed: projects.filter((_project, index) => results[index]?.member === undefined),
  };
}

const standingAnswer = (status: MemberStatus) => `Offered to *, and ${status} by a standing answer.`;

/** Returns the sentence about a result, with `*` in place of the projects. */
function sentenceOf({ code, member, error, message }: BulkResult): string {
  if (member !== undefined) return member.status === 'pending' ? 'Offered to *.' : standingAnswer(member.status);
  if (code === 409) return 'Not offered to *: already a member.';
  const problem = problemOf({ status: code, error, message }, true);
  return `${problem.kind === 'outcome-unknown' ? 'Not confirmed for' : 'Not offered to'} *: ${problem.message.replaceAll('"member_id"', 'the id')}`;
}

/** Number of projects that a sentence names. */
const maxNamed = 5;

const subjectOf = (projects: readonly string[]): string =>
  projects.length > maxNamed ? plural(projects.length, 'project') : projects.join(', ');
