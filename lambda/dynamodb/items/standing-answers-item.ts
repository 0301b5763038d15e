import type { Actor } from '../../domain/actor.ts';
import { parseTimestamp } from '../../domain/clock.ts';
import type { ProjectId } from '../../domain/ids.ts';
import { standingStatuses, type StandingAnswer, type StandingAnswers } from '../../domain/standing-answer.ts';
import { actorAttribute } from './image-item.ts';
import { itemReader } from './item-reader.ts';
import { itemFormat, ownerFromStandingAnswerName, standingAnswerName, standingAnswersKey } from '../keys.ts';
import type { Item } from '../table.ts';

/** Returns the item with the standing answers of a project. */
export const standingAnswersItem = (
  projectId: ProjectId,
  { version, answers }: StandingAnswers,
  actor: Actor,
): Record<string, unknown> => ({
  ...standingAnswersKey(projectId),
  format: itemFormat,
  version,
  answers: Object.fromEntries(
    [...answers.values()].map(({ owner, status, createdAt, updatedAt }) => [
      standingAnswerName(owner),
      { status, created_at: createdAt, updated_at: updatedAt },
    ]),
  ),
  updated_by: actorAttribute(actor),
});

/**
 * Returns the standing answers of an item; none without an item.
 *
 * @throws Error if the item is malformed
 */
export function standingAnswersFromItem(item: Item | undefined): StandingAnswers {
  if (item === undefined) return { version: 0, answers: new Map() };
  const read = itemReader(item);
  const stored = read.map('answers');
  const answers = stored.keys().map((name): StandingAnswer => {
    const answer = stored.map(name);
    const owner = ownerFromStandingAnswerName(name);
    if (owner === undefined) throw new Error(`The standing answers have the name ${name}, which is no project.`);
    return {
      owner,
      status: answer.oneOf('status', standingStatuses),
      createdAt: answer.parsed('created_at', 'a timestamp', parseTimestamp),
      updatedAt: answer.parsed('updated_at', 'a timestamp', parseTimestamp),
    };
  });
  return { version: read.number('version'), answers: new Map(answers.map((answer) => [answer.owner, answer])) };
}
