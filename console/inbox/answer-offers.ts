import { Problem, problemOf } from '../api/problem.ts';
import { maxEntries, type SharingApi } from '../api/sharing-api.ts';
import type { MemberStatus, Offer } from '../api/types.ts';
import { plural } from '../components/format.ts';
import { quotedName } from '../components/ids.tsx';

/** An offer whose status is now the answer. */
interface AnsweredOffer extends Offer {
  /** Entity tag of the membership after the answer. */
  readonly etag: string | undefined;
}

/** Results of answers to several offers. */
export interface AnswerOutcome {
  readonly answered: readonly AnsweredOffer[];
  /** Offers that do not exist any more. */
  readonly withdrawn: readonly Offer[];
  /** Offers whose status is unchanged or unknown, with the reason. */
  readonly failed: readonly { readonly offer: Offer; readonly problem: Problem }[];
}

/** An offer and the status to set. */
export interface OfferAnswer {
  readonly offer: Offer;
  readonly status: MemberStatus;
  /** Entity tag of the membership to answer; undefined for any state. */
  readonly etag?: string | undefined;
}

/**
 * Answers offers in requests of up to 100 entries, one after the other. Stops at the first request that fails, and reports
 * its problem for all entries that have no result.
 *
 * @throws Problem of the first request, if it failed as a whole
 */
export async function answerOffers(api: SharingApi, answers: readonly OfferAnswer[]): Promise<AnswerOutcome> {
  const answered: AnsweredOffer[] = [];
  const withdrawn: Offer[] = [];
  const failed: { offer: Offer; problem: Problem }[] = [];
  for (let start = 0; start < answers.length; start += maxEntries) {
    const chunk = answers.slice(start, start + maxEntries);
    let results;
    try {
      results = await api.answer(
        chunk.map(({ offer, status, etag }) => ({ image_id: offer.image.id, status, if_match: etag })),
      );
    } catch (error) {
      if (start === 0 || !(error instanceof Problem)) throw error;
      if (error.kind === 'signed-out') {
        const done = describeOutcome({ answered, withdrawn, failed }, chunk[0]?.status ?? 'pending');
        throw new Problem('signed-out', `${done} The other answers were not sent. ${error.message}`);
      }
      const notSent = new Problem('temporary', 'This answer was not sent. Try again.');
      answers
        .slice(start)
        .forEach(({ offer }, index) => failed.push({ offer, problem: index < maxEntries ? error : notSent }));
      break;
    }
    for (const [index, { offer, status }] of chunk.entries()) {
      const { code, etag, error, message } = results[index] ?? { code: 500 };
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

/**
 * Sets the former status of offers again, except those whose membership has changed since the answer.
 *
 * @param former - the status before the answers
 * @throws Problem of the first request, if it failed as a whole
 */
export const undoAnswers = (
  api: SharingApi,
  answered: readonly AnsweredOffer[],
  former: MemberStatus,
): Promise<AnswerOutcome> =>
  answerOffers(
    api,
    answered.map((offer) => ({ offer, status: former, etag: offer.etag })),
  );

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
