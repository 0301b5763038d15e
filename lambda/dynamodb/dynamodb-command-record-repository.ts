import type { Clock } from '../domain/clock.ts';
import {
  CommandAlreadyRecordedError,
  type CommandRecord,
  type CommandRecordRepository,
  type CommandOutcome,
  type RecordingRepositories,
} from '../domain/repositories/command-record-repository.ts';
import { sharingErrorCodes } from '../domain/errors.ts';
import type { MembershipRepository } from '../domain/repositories/membership-repository.ts';
import { DynamoDbMembershipRepository } from './dynamodb-membership-repository.ts';
import { DynamoDbStandingAnswerRepository } from './dynamodb-standing-answer-repository.ts';
import { assignments, names, values } from './expression.ts';
import { itemReader } from './items/item-reader.ts';
import { commandKey, itemFormat, timeToLive, type ItemKey } from './keys.ts';
import type { Item, Table, Update } from './table.ts';

/** Retention of a record: longer than a command can wait in its queue (4 days) and its dead-letter queue (14 days). */
const retentionSeconds = 30 * 24 * 3600;

/** Command records in the table: one item per command. The item expires. */
export class DynamoDbCommandRecordRepository implements CommandRecordRepository {
  readonly #table: Table;
  readonly #clock: Clock;

  /** @param clock - sets the expiry of new records */
  constructor(table: Table, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  repositoriesFor(commandRecord: CommandRecord): RecordingRepositories {
    const actions = [{ Update: this.#recording(commandRecord, { outcome: 'done' }) }];
    const inner = new DynamoDbMembershipRepository(this.#table, actions);
    const standingAnswers = new DynamoDbStandingAnswerRepository(this.#table, actions);
    const unlessRecorded = async <Result>(result: Result, isRefused: boolean): Promise<Result> => {
      if (isRefused && (await this.#isRecorded(commandRecord))) throw new CommandAlreadyRecordedError();
      return result;
    };
    const memberships: MembershipRepository = {
      answer: async (answer) => {
        const result = await inner.answer(answer);
        return unlessRecorded(result, result === 'condition-failed');
      },
      offer: async (offer) => {
        const result = await inner.offer(offer);
        return unlessRecorded(result, result === undefined);
      },
      withdraw: async (withdrawal) => {
        const result = await inner.withdraw(withdrawal);
        return unlessRecorded(result, !result);
      },
      leave: async (leave) => {
        const result = await inner.leave(leave);
        return unlessRecorded(result, !result);
      },
      changeExpiry: async (change) => {
        const result = await inner.changeExpiry(change);
        return unlessRecorded(result, result === undefined);
      },
      // It ends what has expired anyway and is no effect of the command.
      expire: (membership) => new DynamoDbMembershipRepository(this.#table).expire(membership),
    };
    return {
      memberships,
      standingAnswers: {
        find: (projectId) => standingAnswers.find(projectId),
        replace: async (...change) => {
          const result = await standingAnswers.replace(...change);
          return unlessRecorded(result, !result);
        },
      },
    };
  }

  async reserve(commandRecord: CommandRecord): Promise<boolean> {
    const { applied, item } = await this.#table.update(() => this.#recording(commandRecord, { outcome: 'started' }));
    return applied || item === undefined || itemReader(item).string('digest') === commandRecord.digest;
  }

  async recordOutcome(commandRecord: CommandRecord, outcome: CommandOutcome): Promise<CommandOutcome | undefined> {
    const { item } = await this.#table.update(() => this.#recording(commandRecord, outcome));
    if (item === undefined)
      throw new Error(`The record of command ${commandRecord.id} was deleted while it was written.`);
    // Another command that is not completed has no outcome yet.
    return itemReader(item).string('digest') === commandRecord.digest ? outcomeFrom(item) : undefined;
  }

  async #isRecorded(commandRecord: CommandRecord): Promise<boolean> {
    const [item] = await this.#table.get([keyOf(commandRecord)]);
    if (item === undefined) return false;
    const read = itemReader(item);
    if (read.string('outcome') === 'done' || read.string('digest') !== commandRecord.digest) return true;
    return read.string('outcome') === 'refused' && read.number('redrives') >= commandRecord.redriveCount;
  }

  /**
   * Returns the update that records an outcome unless one is recorded. The same command replaces its reservation, and a
   * redrive its recorded refusal.
   */
  #recording(commandRecord: CommandRecord, outcome: CommandOutcome | { readonly outcome: 'started' }): Update {
    const record = {
      format: itemFormat,
      digest: commandRecord.digest,
      redrives: commandRecord.redriveCount,
      error: null,
      message: null,
      ...outcome,
      [timeToLive]: Math.floor(this.#clock().getTime() / 1000) + retentionSeconds,
    };
    return {
      Key: keyOf(commandRecord),
      UpdateExpression: `SET ${assignments(record)}`,
      ConditionExpression:
        'attribute_not_exists(pk) OR (#digest = :digest AND (#outcome = :started OR (#outcome = :refused AND #redrives < :redrives)))',
      ExpressionAttributeNames: names(...Object.keys(record)),
      ExpressionAttributeValues: values({ ...record, started: 'started', refused: 'refused' }),
    };
  }
}

const keyOf = ({ projectId, id, entry }: CommandRecord): ItemKey => commandKey(projectId, id, entry);

function outcomeFrom(item: Item): CommandOutcome {
  const read = itemReader(item);
  return read.oneOf('outcome', ['done', 'refused']) === 'done'
    ? { outcome: 'done' }
    : { outcome: 'refused', error: read.oneOf('error', sharingErrorCodes), message: read.string('message') };
}
