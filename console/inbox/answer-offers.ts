import { Problem, problemOf } from '../api/problem.ts';
import { maxEntries, type SharingApi } from '../api/sharing-api.ts';
import type { MemberStatus, Offer } from '../api/types.ts';
import { plural } from '../components/format.ts';
import { nameOf } from '../components/ids.tsx';

/** Results of answers to several offers. */
export interface AnswerOutcome {
  /** Offers whose status is now the answer. */
  readonly answered: readonly Offer[];
  /** Offers that do not exist any more. */
  readonly withdrawn: readonly Offer[];
  /** Offers whose status is unchanged or unknown, with the reason. */
  readonly failed: readonly { readonly offer: Offer; readonly problem: Problem }[];
}

/** An offer and the status to set. */
export interface OfferAnswer {
  readonly offer: Offer;
  readonly status: MemberStatus;
}

/**
 * Answers offers in requests of up to 100 entries, one after the other. Stops at the first request that fails, and reports
 * its problem for all entries that have no result.
 *
 * @throws Problem of the first request, if it failed as a whole
 */
export async function answerOffers(api: SharingApi, answers: readonly OfferAnswer[]): Promise<AnswerOutcome> {
  const answered: Offer[] = [];
  const withdrawn: Offer[] = [];
  const failed: { offer: Offer; problem: Problem }[] = [];
  for (let start = 0; start < answers.length; start += maxEntries) {
    const chunk = answers.slice(start, start + maxEntries);
    let results;
    try {
      results = await api.answer(chunk.map(({ offer, status }) => ({ image_id: offer.image.id, status })));
    } catch (error) {
      if (start === 0 || !(error instanceof Problem)) throw error;
      const notSent = new Problem('temporary', 'This answer was not sent. Try again.');
      answers
        .slice(start)
        .forEach(({ offer }, index) => failed.push({ offer, problem: index < maxEntries ? error : notSent }));
      break;
    }
    for (const [index, { offer, status }] of chunk.entries()) {
      const { code, error, message } = results[index] ?? { code: 500 };
      if (code === 200) answered.push({ ...offer, status });
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
      `Withdrawn by the owner meanwhile, so nothing was changed: ${subjectOf(withdrawn)} ${verb} removed from the list.`,
    );
  }
  for (const [message, group] of Map.groupBy(failed, ({ problem }) => problem.message)) {
    sentences.push(`Not done for ${subjectOf(group.map(({ offer }) => offer))}: ${message}`);
  }
  return sentences.join(' ');
}

const subjectOf = (offers: readonly Offer[]): string => {
  const [first] = offers;
  return first !== undefined && offers.length === 1 ? nameOf(first.image) : plural(offers.length, 'image');
};
