import {
  ConditionalCheckFailedException,
  ProvisionedThroughputExceededException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  type DynamoDBDocumentClient,
  type QueryCommandInput,
  type TransactWriteCommandInput,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { randomUUID } from 'node:crypto';
import { isContentionReason, isTransient, repeatWhileContended } from './contention.ts';
import { sortKey, type ItemKey } from './keys.ts';

/** An item as it is stored, not yet looked at. */
export type Item = Readonly<Record<string, unknown>>;

export type Update = Omit<UpdateCommandInput, 'TableName'>;
export type Query = Omit<QueryCommandInput, 'TableName' | 'ConsistentRead'>;

type WithoutTable<Action> = Action extends object ? Omit<Action, 'TableName'> : never;
type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];
/** One action of a transaction, on this table. */
export type TransactAction = {
  readonly [Action in keyof TransactItem]: WithoutTable<NonNullable<TransactItem[Action]>>;
};

/**
 * The result of a {@link Table.transactGuarded}: which condition failed, the guard's or another, or that others kept
 * conflicting.
 */
export type GuardedOutcome = 'applied' | 'guard-failed' | 'condition-failed' | 'conflict';

/** Most actions in one transaction ("TransactWriteItems" in the DynamoDB API reference). */
export const transactionLimit = 100;
/** Most keys in one BatchGetItem. */
const batchGetLimit = 100;

const throttled = { message: 'No key of a batch was processed.', $metadata: {} };

/** One table, its requests repeated while others are in the way. Every read is strongly consistent unless it says not. */
export class Table {
  readonly #documents: DynamoDBDocumentClient;
  readonly #name: string;

  constructor(documents: DynamoDBDocumentClient, name: string) {
    this.#documents = documents;
    this.#name = name;
  }

  /**
   * One UpdateItem with a condition.
   *
   * @returns the new item, or, where the condition did not hold, the item as it was (`undefined` where there is none)
   */
  async update(update: Update): Promise<{ readonly held: boolean; readonly item: Item | undefined }> {
    const command = new UpdateCommand({
      ...update,
      TableName: this.#name,
      ReturnValues: 'ALL_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      const { Attributes: item } = await repeatWhileContended(() => this.#documents.send(command));
      return { held: true, item };
    } catch (error) {
      // The document client translates answers but not errors: the item that comes with this one is still marshalled.
      if (error instanceof ConditionalCheckFailedException)
        return { held: false, item: error.Item && unmarshall(error.Item) };
      throw error;
    }
  }

  /** One transaction; `false` where a condition did not hold. Sent again after a lost answer, it acts once. */
  async transact(actions: readonly TransactAction[]): Promise<boolean> {
    const command = this.#transaction(actions);
    try {
      await repeatWhileContended(() => this.#documents.send(command));
      return true;
    } catch (error) {
      const failed =
        error instanceof TransactionCanceledException &&
        error.CancellationReasons?.some(({ Code: reason }) => reason === 'ConditionalCheckFailed');
      if (failed === true) return false;
      throw error;
    }
  }

  /**
   * One transaction of a guard, which all else depends on, and of actions that the caller can also write fewer at a time.
   *
   * @param maxConflicts - conflicts over the items of the actions before it gives up. A conflict over the guard's item alone
   *   does not count: smaller transactions would only mean more of them.
   */
  async transactGuarded(
    guard: TransactAction,
    actions: readonly TransactAction[],
    maxConflicts: number,
  ): Promise<GuardedOutcome> {
    const command = this.#transaction([guard, ...actions]);
    let conflicts = 0;
    const gaveUp = new Error('Other requests are in the way of too many actions at once.');
    try {
      await repeatWhileContended(async () => {
        try {
          await this.#documents.send(command);
        } catch (error) {
          const [, ...reasons] = cancellationReasons(error);
          const isConflict = isTransient(error) && reasons.some(isContentionReason);
          if (isConflict) conflicts += 1;
          throw isConflict && conflicts >= maxConflicts ? gaveUp : error;
        }
      });
      return 'applied';
    } catch (error) {
      if (error === gaveUp) return 'conflict';
      const failed = cancellationReasons(error).indexOf('ConditionalCheckFailed');
      if (failed === -1) throw error;
      return failed === 0 ? 'guard-failed' : 'condition-failed';
    }
  }

  /** Has one token however often it is sent. */
  #transaction(actions: readonly TransactAction[]): TransactWriteCommand {
    return new TransactWriteCommand({
      ClientRequestToken: randomUUID(),
      TransactItems: actions.map(
        (action) =>
          Object.fromEntries(
            Object.entries(action).map(([kind, parameters]) => [kind, { ...parameters, TableName: this.#name }]),
          ) as TransactItem,
      ),
    });
  }

  /**
   * The items with these keys that exist, in no order: BatchGetItems of 100 in parallel. One returns 16 MB at most; what
   * it leaves over is read by another.
   */
  async get(keys: readonly ItemKey[]): Promise<readonly Item[]> {
    const batches: ItemKey[][] = [];
    for (let start = 0; start < keys.length; start += batchGetLimit)
      batches.push(keys.slice(start, start + batchGetLimit));
    return (await Promise.all(batches.map((batch) => this.#getBatch(batch)))).flat();
  }

  async #getBatch(keys: readonly ItemKey[]): Promise<readonly Item[]> {
    const found: Item[] = [];
    let rest: Record<string, unknown>[] = keys.map((key) => ({ ...key }));
    while (rest.length > 0) {
      const command: BatchGetCommand = new BatchGetCommand({
        RequestItems: { [this.#name]: { Keys: rest, ConsistentRead: true } },
      });
      const answer = await repeatWhileContended(async () => {
        const { Responses: read, UnprocessedKeys: left } = await this.#documents.send(command);
        const batch = { items: read?.[this.#name] ?? [], left: left?.[this.#name]?.Keys ?? [] };
        // Nothing but unprocessed keys is how this action says that it is throttled.
        if (batch.items.length === 0 && batch.left.length > 0)
          throw new ProvisionedThroughputExceededException(throttled);
        return batch;
      });
      found.push(...answer.items);
      rest = answer.left;
    }
    return found;
  }

  /**
   * The items of a query, page after page of a megabyte, until there are enough.
   *
   * @param enough - number of items that suffice
   * @param maxPages - maximum number of pages, for a filter that few items pass
   * @param consistent - `false` only for a global index, which has no other kind of read
   * @returns the items, and the key of the last item that was read if more may follow it
   */
  async query(
    query: Query,
    {
      enough = Number.POSITIVE_INFINITY,
      maxPages = Number.POSITIVE_INFINITY,
      consistent = true,
    }: { readonly enough?: number; readonly maxPages?: number; readonly consistent?: boolean } = {},
  ): Promise<{ readonly items: readonly Item[]; readonly lastKey: Item | undefined }> {
    const found: Item[] = [];
    let from: Record<string, unknown> | undefined;
    let pages = 0;
    do {
      const command: QueryCommand = new QueryCommand({
        ...query,
        TableName: this.#name,
        ConsistentRead: consistent,
        ExclusiveStartKey: from,
      });
      const answer = await repeatWhileContended(() => this.#documents.send(command));
      found.push(...(answer.Items ?? []));
      from = answer.LastEvaluatedKey;
      pages += 1;
    } while (from !== undefined && found.length < enough && pages < maxPages);
    return { items: found, lastKey: from };
  }
}

/** The sort key of an item that was read, for telling the kinds of items of a partition apart. */
export const sortKeyOf = (item: Item): string => String(item[sortKey]);

/** Why a transaction was canceled: a code for each of its actions, none for any other error. */
const cancellationReasons = (error: unknown): readonly (string | undefined)[] =>
  error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []).map(({ Code }) => Code) : [];
