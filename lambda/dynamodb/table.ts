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
import { outcomeUnknown, SharingError } from '../domain/errors.ts';
import { isContentionReason, retryOnContention, temporaryFailureOf } from './retry-on-contention.ts';
import { names, values } from './expression.ts';
import { sortKey, type ItemKey } from './keys.ts';

/** An item as it is stored, not yet looked at. */
export type Item = Readonly<Record<string, unknown>>;

/** An update of one item, alone or in a transaction. */
export type Update = Omit<UpdateCommandInput, 'TableName' | 'Key' | 'UpdateExpression'> & {
  readonly Key: ItemKey;
  readonly UpdateExpression: `SET ${string}`;
};
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

/**
 * The attribute that tells which UpdateItem was the last to be applied to an item. A transaction leaves it; one that
 * makes another thing of an item has to remove it.
 */
export const writeIdAttribute = 'write_id';

const throttled = { message: 'No key of a batch was processed.', $metadata: {} };

type UpdateResult =
  { readonly applied: true; readonly item: Item } | { readonly applied: false; readonly item: Item | undefined };

/** One table, its requests repeated while others are in the way. Every read is strongly consistent unless it says not. */
export class Table {
  readonly #documents: DynamoDBDocumentClient;
  readonly #name: string;

  constructor(documents: DynamoDBDocumentClient, name: string) {
    this.#documents = documents;
    this.#name = name;
  }

  /**
   * Applies one UpdateItem if its condition holds, at most once: an attempt that was not confirmed is not repeated.
   *
   * @param build - makes the update of an attempt, so that each can carry the time at which it is made
   * @returns the new item, or, if the condition failed, the item as it was (`undefined` if there is none). If only a
   *   later read confirms that the update was applied, the item as it was read, which transactions may have changed
   * @throws SharingError `outcome-unknown` if nothing tells whether the update was applied
   */
  async update(build: () => Update): Promise<UpdateResult> {
    const writeId = randomUUID();
    let key: ItemKey | undefined;
    try {
      const { Attributes: item } = await retryOnContention('write', () => {
        const update = build();
        key = update.Key;
        return this.#documents.send(this.#updateCommand(update, writeId));
      });
      if (item === undefined) throw outcomeUnknown(new Error('The response has no item.'));
      return { applied: true, item };
    } catch (error) {
      // The document client translates answers but not errors: the item that comes with this one is still marshalled.
      if (error instanceof ConditionalCheckFailedException)
        return { applied: false, item: error.Item && unmarshall(error.Item) };
      if (key === undefined || !(error instanceof SharingError && error.code === 'outcome-unknown')) throw error;
      const [item] = await this.get([key]).catch(() => []);
      if (item?.[writeIdAttribute] !== writeId) throw error;
      return { applied: true, item };
    }
  }

  #updateCommand({ UpdateExpression: expression, ...update }: Update, writeId: string): UpdateCommand {
    return new UpdateCommand({
      ...update,
      UpdateExpression: expression.replace('SET', 'SET #write_id = :write_id,'),
      ExpressionAttributeNames: { ...update.ExpressionAttributeNames, ...names(writeIdAttribute) },
      ExpressionAttributeValues: { ...update.ExpressionAttributeValues, ...values({ [writeIdAttribute]: writeId }) },
      TableName: this.#name,
      ReturnValues: 'ALL_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
  }

  /**
   * Applies one transaction if its conditions hold, at most once: every attempt has the same token, by which the
   * database knows a transaction that it has applied.
   *
   * @returns whether the transaction was applied; `false` if a condition failed
   * @throws SharingError `outcome-unknown` if an attempt was not confirmed and no later one was applied
   */
  async transact(actions: readonly TransactAction[]): Promise<boolean> {
    const command = this.#transaction(actions);
    try {
      await retryOnContention('idempotent-write', () => this.#documents.send(command));
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
      await retryOnContention('idempotent-write', async () => {
        try {
          await this.#documents.send(command);
        } catch (error) {
          const [, ...reasons] = cancellationReasons(error);
          const isConflict = temporaryFailureOf(error) === 'contention' && reasons.some(isContentionReason);
          if (isConflict) conflicts += 1;
          throw isConflict && conflicts >= maxConflicts ? gaveUp : error;
        }
      });
      return 'applied';
    } catch (error) {
      // After an unconfirmed attempt too: the caller reads the items again, which tells what was applied.
      const reason = error instanceof SharingError ? error.cause : error;
      if (reason === gaveUp) return 'conflict';
      if (reason !== error && cancellationReasons(reason).includes('ConditionalCheckFailed')) return 'condition-failed';
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
      const answer = await retryOnContention('read', async () => {
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
      const answer = await retryOnContention('read', () => this.#documents.send(command));
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
