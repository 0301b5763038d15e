import type { StandingAnswer } from '../../../domain/standing-answer.ts';

/** Returns the view of a standing answer. */
export const standingAnswerView = ({ owner, status, createdAt, updatedAt }: StandingAnswer) => ({
  owner,
  status,
  created_at: createdAt,
  updated_at: updatedAt,
  schema: '/sharing/v1/schemas/standing-answer',
});

/** Returns the view of all standing answers of a project. */
export const standingAnswersView = (answers: readonly StandingAnswer[]) => ({
  standing_answers: answers.map(standingAnswerView),
  schema: '/sharing/v1/schemas/standing-answers',
});
