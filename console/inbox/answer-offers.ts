import { Problem, problemOf } from '../api/problem.ts';
import { maxEntries, type SharingApi } from '../api/sharing-api.ts';
import type { Member, MemberStatus, Offer } from '../api/types.ts';
import { plural } from '../components/format.ts';
import { quotedName } from '../components/ids.tsx';

/** An offer whose status is now the answer, and its membership after the answer. */
interface AnsweredOffer extends Offer {
  readonly member: Member | undefined;
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
      results = await api.answer(chunk.map(({ offer, status }) => ({ image_id: offer.image.id, status })));
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
      const { code, member, error, message } = results[index] ?? { code: 500 };
      if (code === 200) answered.push({ ...offer, status, member });
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
 * Sets the former status of offers again, except those that the project has answered again meanwhile.
 *
 * @param projectId - the project of the session
 * @param former - the status before the answers
 * @throws Problem if a membership cannot be read; then nothing was changed
 */
export async function undoAnswers(
  api: SharingApi,
  projectId: string,
  answered: readonly AnsweredOffer[],
  former: MemberStatus,
): Promise<AnswerOutcome> {
  const unchanged: AnsweredOffer[] = [];
  const changed: AnsweredOffer[] = [];
  for (let start = 0; start < answered.length; start += maxParallelReadings) {
    const chunk = answered.slice(start, start + maxParallelReadings);
    const isUnchanged = await Promise.all(chunk.map((offer) => isStillAnswered(api, projectId, offer)));
    for (const [index, offer] of chunk.entries()) (isUnchanged[index] === true ? unchanged : changed).push(offer);
  }
  const outcome = await answerOffers(
    api,
    unchanged.map((offer) => ({ offer, status: former })),
  );
  const problem = new Problem('refused', 'Your project has answered again meanwhile, and this answer stays.');
  return { ...outcome, failed: [...outcome.failed, ...changed.map((offer) => ({ offer, problem }))] };
}

/** Maximum number of memberships that are read in parallel. */
const maxParallelReadings = 20;

async function isStillAnswered(api: SharingApi, projectId: string, { image, member }: AnsweredOffer): Promise<boolean> {
  try {
    const current = await api.showMembership(image.id, projectId);
    return (['status', 'created_at', 'updated_at'] as const).every((field) => current[field] === member?.[field]);
  } catch (error) {
    // The answer itself has the reason.
    if (error instanceof Problem && (error.kind === 'missing' || error.kind === 'refused')) return true;
    throw error;
  }
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
