import { actorOf, type Caller } from '../../domain/caller.ts';
import { timestamp, type Clock } from '../../domain/clock.ts';
import { invalidRequest, standingAnswerLimitExceeded, standingAnswerNotFound } from '../../domain/errors.ts';
import type { ProjectId } from '../../domain/ids.ts';
import type { StandingAnswerRepository } from '../../domain/repositories/standing-answer-repository.ts';
import { assertCallerMayList, assertCallerMayChangeShares } from '../../domain/sharing-rules.ts';
import {
  isStandingStatus,
  maxStandingAnswers,
  type StandingAnswer,
  type StandingAnswers,
} from '../../domain/standing-answer.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

/** A request about the standing answer of the caller's project to offers of one owner. */
interface StandingAnswerRequest {
  readonly owner: ProjectId;
  readonly caller: Caller;
}

export type ListStandingAnswers = (request: { readonly caller: Caller }) => Promise<readonly StandingAnswer[]>;
export type ShowStandingAnswer = (request: StandingAnswerRequest) => Promise<StandingAnswer>;
export type SetStandingAnswer = (
  request: StandingAnswerRequest & { readonly status: unknown },
) => Promise<StandingAnswer>;
export type RemoveStandingAnswer = (request: StandingAnswerRequest) => Promise<void>;

/** Returns the standing answers of the caller's project, by owner. */
export const createListStandingAnswers = (standingAnswers: StandingAnswerRepository): ListStandingAnswers =>
  async function listStandingAnswers({ caller }) {
    assertCallerMayList(caller);
    const { answers } = await standingAnswers.find(caller.projectId);
    return [...answers.values()].toSorted((a, b) => (a.owner < b.owner ? -1 : 1));
  };

/** Returns one standing answer. @throws SharingError `standing-answer-not-found` */
export const createShowStandingAnswer = (standingAnswers: StandingAnswerRepository): ShowStandingAnswer =>
  async function showStandingAnswer({ caller, owner }) {
    assertCallerMayList(caller);
    return answerTo(owner, await standingAnswers.find(caller.projectId));
  };

/**
 * Decides on all offers of an owner that begin after this. It changes no membership. The same status again writes
 * nothing.
 *
 * @throws SharingError `standing-answer-limit-exceeded`, or `invalid-request` for the caller's own project
 */
export const createSetStandingAnswer = (standingAnswers: StandingAnswerRepository, clock: Clock): SetStandingAnswer =>
  async function setStandingAnswer({ caller, owner, status }) {
    const actor = actorOf(caller);
    assertCallerMayChangeShares(caller);
    if (owner === caller.projectId) {
      throw invalidRequest('The owner of a standing answer must be another project than that of the request.');
    }
    if (!isStandingStatus(status)) throw invalidRequest('The field "status" must be "accepted" or "rejected".');

    return retryOnConflict(async () => {
      const before = await standingAnswers.find(caller.projectId);
      const existing = before.answers.get(owner);
      if (existing?.status === status) return existing;
      if (existing === undefined && before.answers.size >= maxStandingAnswers) {
        throw standingAnswerLimitExceeded(maxStandingAnswers);
      }
      const at = timestamp(clock());
      const answer: StandingAnswer = { owner, status, createdAt: existing?.createdAt ?? at, updatedAt: at };
      const after = [...new Map(before.answers).set(owner, answer).values()];
      return (await standingAnswers.replace(caller.projectId, before, after, actor)) ? answer : undefined;
    });
  };

/** Removes a standing answer: later offers of the owner are pending. @throws SharingError `standing-answer-not-found` */
export const createRemoveStandingAnswer = (standingAnswers: StandingAnswerRepository): RemoveStandingAnswer =>
  async function removeStandingAnswer({ caller, owner }) {
    const actor = actorOf(caller);
    assertCallerMayChangeShares(caller);

    await retryOnConflict(async () => {
      const before = await standingAnswers.find(caller.projectId);
      answerTo(owner, before);
      const after = [...before.answers.values()].filter((answer) => answer.owner !== owner);
      return (await standingAnswers.replace(caller.projectId, before, after, actor)) ? true : undefined;
    });
  };

function answerTo(owner: ProjectId, { answers }: StandingAnswers): StandingAnswer {
  const answer = answers.get(owner);
  if (answer === undefined) throw standingAnswerNotFound(owner);
  return answer;
}
