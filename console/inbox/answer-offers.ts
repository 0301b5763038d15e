import { Problem, problemOf } from '../api/problem.ts';
import { maxEntries, type SharingApi } from '../api/sharing-api.ts';
import type { MemberStatus, Offer } from '../api/types.ts';
import { plural } from '../components/format.ts';
import { quotedName } from '../components/ids.tsx';

/** Results of answers to several offers. */
export interface AnswerOutcome {
  /** Offers whose status is now the answer, with their new entity tags. */
  readonly answered: readonly Offer[];
  /** Offers that do not exist any more. */
  readonly withdrawn: readonly Offer[];
  /** Offers whose status is unchanged or unknown, with the reason. */
  readonly failed: readonly { readonly offer: Offer; readonly problem: Problem }[];
}

/**
 * Sets the status of offers that have not changed since they were read, in requests of up to 100 entries, one after the
 * other. Stops at the first request that fails, and reports its problem for all entries that have no result.
 *
 * @throws Problem of the first request, if it failed as a whole
 */
export async function answerOffers(
  api: SharingApi,
  offers: readonly Offer[],
  status: MemberStatus,
): Promise<AnswerOutcome> {
  const answered: Offer[] = [];
  const withdrawn: Offer[] = [];
  const failed: { offer: Offer; problem: Problem }[] = [];
  for (let start = 0; start < offers.length; start += maxEntries) {
    const chunk = offers.slice(start, start + maxEntries);
    let results;
    try {
      results = await api.answer(chunk.map(({ image, etag }) => ({ image_id: image.id, status, if_match: etag })));
    } catch (error) {
      if (start === 0 || !(error instanceof Problem)) throw error;
      if (error.kind === 'signed-out') {
        const done = describeOutcome({ answered, withdrawn, failed }, status);
        throw new Problem('signed-out', `${done} The other answers were not sent. ${error.message}`);
      }
      const notSent = new Problem('temporary', 'This answer was not sent. Try again.');
      offers
        .slice(start)
        .forEach((offer, index) => failed.push({ offer, problem: index < maxEntries ? error : notSent }));
      break;
    }
    for (const [index, offer] of chunk.entries()) {
      const { code, etag = '', error, message } = results[index] ?? { code: 500 };
      if (code === 200) answered.push({ ...offer, status, etag });
      else {
        const problem = problemOf({ status: code, error, message }, true);
        if (problem.kind === 'missing') withdrawn.push(offer);
        else failed.push({ offer, problem });
      }
    }
  }
  return { answered, withdrawn, failed };
}

const participles: Readonly<Record<MemberStatus, string>> = {
  accepted: 'Accepted',
  rejected: 'Rejected',
  pending: 'Moved to Waiting:',
};

/** Returns the sentences that tell the user what happened to the offers. @param status - the answer */
export function describeOutcome({ answered, withdrawn, failed }: AnswerOutcome, status: MemberStatus): string {
  const sentences: string[] = [];
  if (answered.length > 0) sentences.push(`${participles[status]} ${subjectOf(answered)}.`);
  if (withdrawn.length > 0) {
    const verb = withdrawn.length === 1 ? 'was' : 'were';
    sentences.push(
      `No longer offered to your project, so nothing was changed: ${subjectOf(withdrawn)} ${verb} removed from the list.`,
    );
  }
  for (const [message, group] of Map.groupBy(failed, ({ problem }) => problem.message)) {
    sentences.push(`Not done for ${subjectOf(group.map(({ offer }) => offer))}: ${message}`);
  }
  return sentences.join(' ');
}

const subjectOf = (offers: readonly Offer[]): string => {
  const [first] = offers;
  return first !== undefined && offers.length === 1 ? quotedName(first.image) : plural(offers.length, 'image');
};
