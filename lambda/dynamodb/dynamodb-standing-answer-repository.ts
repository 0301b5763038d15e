import type { Actor } from '../domain/actor.ts';
import type { ProjectId } from '../domain/ids.ts';
import type { StandingAnswerRepository } from '../domain/repositories/standing-answer-repository.ts';
import type { StandingAnswer, StandingAnswers } from '../domain/standing-answer.ts';
import { names, values } from './expression.ts';
import { standingAnswersFromItem, standingAnswersItem } from './items/standing-answers-item.ts';
import { standingAnswersKey } from './keys.ts';
import type { Table, TransactAction } from './table.ts';

/** Standing answers in the table: one item per project, so that an offer reads those of its member by key. */
export class DynamoDbStandingAnswerRepository implements StandingAnswerRepository {
  readonly #table: Table;
  readonly #additionalActions: readonly TransactAction[];

  /**
   * @param additionalActions - actions that every write applies in the same transaction, each with its own condition
   */
  constructor(table: Table, additionalActions: readonly TransactAction[] = []) {
    this.#table = table;
    this.#additionalActions = additionalActions;
  }

  async find(projectId: ProjectId): Promise<StandingAnswers> {
    const [item] = await this.#table.get([standingAnswersKey(projectId)]);
    return standingAnswersFromItem(item);
  }

  replace(
    projectId: ProjectId,
    before: StandingAnswers,
    after: readonly StandingAnswer[],
    actor: Actor,
  ): Promise<boolean> {
    const answers = new Map(after.map((answer) => [answer.owner, answer]));
    const unchangedSinceRead =
      before.version === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: '#version = :read_version',
            ExpressionAttributeNames: names('version'),
            ExpressionAttributeValues: values({ read_version: before.version }),
          };
    return this.#table.transact(() => [
      {
        Put: {
          Item: standingAnswersItem(projectId, { version: before.version + 1, answers }, actor),
          ...unchangedSinceRead,
        },
      },
      ...this.#additionalActions,
    ]);
  }
}
