import {
  ConditionalCheckFailedException,
  ItemCollectionSizeLimitExceededException,
  ProvisionedThroughputExceededException,
  TransactionCanceledException,
  type ConsumedCapacity,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  type BatchWriteCommand,
  type BatchWriteCommandOutput,
  type DynamoDBDocumentClient,
  type QueryCommandInput,
  type QueryCommandOutput,
  type TransactWriteCommandInput,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { randomUUID } from 'node:crypto';
import { outcomeUnknown, projectFull, SharingError } from '../domain/errors.ts';
import { addConsumedUnits } from '../runtime/request-context.ts';
import { isContentionReason, retryOnContention, temporaryFailureOf } from './retry-on-contention.ts';
import { names, values } from './expression.ts';
import { sortKey, type ItemKey } from './keys.ts';

/** A stored item, not yet validated. */
export type Item = Readonly<Record<string, unknown>>;

/** An update of one item, as a request of its own or in a transaction. */
export type Update = Omit<UpdateCommandInput, 'TableName' | 'Key' | 'UpdateExpression'> & {
  readonly Key: ItemKey;
  readonly UpdateExpression: `SET ${string}`;
};
export type Query = Omit<QueryCommandInput, 'TableName' | 'ConsistentRead'>;

type WithoutTable<Action> = Action extends object ? Omit<Action, 'TableName'> : never;
type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];
/** An action of a transaction on this table. */
export type TransactAction = {
  readonly [Action in keyof TransactItem]: WithoutTable<NonNullable<TransactItem[Action]>>;
};

/**
 * Outcome of {@link Table.transactGuarded}: the transaction was applied, the guard's condition or another condition
 * failed, or too many conflicts occurred.
 */
export type GuardedOutcome = 'applied' | 'guard-failed' | 'condition-failed' | 'conflict';

/** Maximum number of actions in one transaction ("TransactWriteItems" in the DynamoDB API reference). */
export const transactionLimit = 100;
/** Maximum number of keys in one BatchGetItem. */
const batchGetLimit = 100;

/**
 * Attribute that identifies the last UpdateItem that was applied to an item. Transactions do not write it. A
 * transaction that reuses an item for a new membership must remove it.
 */
export const writeIdAttribute = 'write_id';

const throttled = { message: 'No key of a batch was processed.', $metadata: {} };
/** Cancellation reason of an action that would exceed the size limit of an item collection. */
const collectionFullReason = 'ItemCollectionSizeLimitExceeded';

type UpdateResult =
  { readonly applied: true; readonly item: Item } | { readonly applied: false; readonly item: Item | undefined };

/**
 * The table. Requests are repeated after temporary failures until the deadline. Reads are strongly consistent unless
 * stated otherwise.
 */
export class Table {
  readonly #documents: DynamoDBDocumentClient;
  readonly #name: string;

  constructor(documents: DynamoDBDocumentClient, name: string) {
    this.#documents = documents;
    this.#name = name;
  }

  /**
   * Applies one UpdateItem on its condition, at most once: an unconfirmed attempt is not repeated.
   *
   * @param build - creates the update of each attempt, so that each can contain its own time
   * @returns the new item or, if the condition failed, the existing item (`undefined` if none exists). If only a later
   *   read confirms that the update was applied, the item is the one read, which transactions may have changed since
   * @throws SharingError `outcome-unknown` if it is unknown whether the update was applied; `project-full` if the item
   *   collection is full
   */
  async update(build: () => Update): Promise<UpdateResult> {
    const writeId = randomUUID();
    let key: ItemKey | undefined;
    try {
      const { Attributes: item } = await retryOnContention('write', async () => {
        const update = build();
        key = update.Key;
        return countUnits('write', await this.#documents.send(this.#updateCommand(update, writeId)));
      });
      if (item === undefined) throw outcomeUnknown(new Error('The response has no item.'));
      return { applied: true, item };
    } catch (error) {
      if (error instanceof ItemCollectionSizeLimitExceededException) throw projectFull(error);
      // The document client unmarshalls responses but not errors.
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
      ...reportUnits,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
  }

  /**
   * Applies one transaction on its conditions, at most once: an attempt that follows an unconfirmed one has its token, by
   * which the database recognizes a transaction that it has applied.
   *
   * @param build - creates the actions of an attempt, so that each can contain its own time
   * @returns `true` if the transaction was applied, `false` if a condition failed
   * @throws SharingError `outcome-unknown` if an attempt was unconfirmed and no later one was applied; `project-full`
   *   if an item collection is full
   */
  async transact(build: () => readonly TransactAction[]): Promise<boolean> {
    try {
      await this.#sendTransaction(build);
      return true;
    } catch (error) {
      const reasons = cancellationReasons(error);
      if (reasons.includes('ConditionalCheckFailed')) return false;
      throw reasons.includes(collectionFullReason) ? projectFull(error) : error;
    }
  }

  /**
   * Applies one transaction of a guard and further actions. After a conflict the caller can repeat it with fewer
   * actions.
   *
   * @param guard - the action whose failed condition makes all further actions pointless
   * @param build - creates the actions of an attempt, as in {@link transact}
   * @param maxConflicts - number of conflicts over the items of the actions after which the outcome is `conflict`. A
   *   conflict over the guard's item alone does not count, because smaller transactions would cause more of them
   */
  async transactGuarded(
    guard: TransactAction,
    build: () => readonly TransactAction[],
    maxConflicts: number,
  ): Promise<GuardedOutcome> {
    let conflicts = 0;
    const tooManyConflicts = new Error(`The transaction had ${maxConflicts} conflicts with other requests.`);
    try {
      await this.#sendTransaction(
        () => [guard, ...build()],
        (error) => {
          const [, ...reasons] = cancellationReasons(error);
          const isConflict = temporaryFailureOf(error) === 'contention' && reasons.some(isContentionReason);
          if (isConflict) conflicts += 1;
          return isConflict && conflicts >= maxConflicts ? tooManyConflicts : error;
        },
      );
      return 'applied';
    } catch (error) {
      // This also covers unconfirmed attempts: the caller reads the items again and finds what was applied.
      const reason = error instanceof SharingError ? error.cause : error;
      if (reason === tooManyConflicts) return 'conflict';
      if (reason !== error && cancellationReasons(reason).includes('ConditionalCheckFailed')) return 'condition-failed';
      const failed = cancellationReasons(error).indexOf('ConditionalCheckFailed');
      if (failed === -1) throw error;
      return failed === 0 ? 'guard-failed' : 'condition-failed';
    }
  }

  /**
   * Sends a transaction until it is applied or fails. While no attempt can have been applied, each has a new token.
   *
   * @param errorOf - returns the error to handle instead of that of an attempt
   */
  async #sendTransaction(
    build: () => readonly TransactAction[],
    errorOf: (error: unknown) => unknown = (error) => error,
  ): Promise<void> {
    let command: TransactWriteCommand | undefined;
    let mayBeApplied = false;
    await retryOnContention('idempotent-write', async () => {
      command ??= this.#transaction(build());
      try {
        countUnits('write', await this.#documents.send(command));
      } catch (error) {
        mayBeApplied ||= temporaryFailureOf(error) === 'unconfirmed';
        if (!mayBeApplied) command = undefined;
        throw errorOf(error);
      }
    });
  }

  /** Returns the command of a transaction, with a token. */
  #transaction(actions: readonly TransactAction[]): TransactWriteCommand {
    return new TransactWriteCommand({
      ...reportUnits,
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
   * Returns the existing items of these keys, in no order. It sends BatchGetItem calls of 100 keys in parallel. Each
   * returns at most 16 MB; further calls read its unprocessed keys.
   */
  async get(keys: readonly ItemKey[]): Promise<readonly Item[]> {
    const batches: ItemKey[][] = [];
    for (let start = 0; start < keys.length; start += batchGetLimit)
      batches.push(keys.slice(start, start + batchGetLimit));
    return (await Promise.all(batches.map((batch) => this.#getBatch(batch)))).flat();
  }

  async #getBatch(keys: readonly ItemKey[]): Promise<readonly Item[]> {
    const found: Item[] = [];
    let remainingKeys: Record<string, unknown>[] = keys.map((key) => ({ ...key }));
    while (remainingKeys.length > 0) {
      const command: BatchGetCommand = new BatchGetCommand({
        ...reportUnits,
        RequestItems: { [this.#name]: { Keys: remainingKeys, ConsistentRead: true } },
      });
      const batch = await retryOnContention('read', async () => {
        const response = countUnits('read', await this.#documents.send(command));
        const { Responses: responses, UnprocessedKeys: unprocessed } = response;
        const items = responses?.[this.#name] ?? [];
        const unprocessedKeys = unprocessed?.[this.#name]?.Keys ?? [];
        // BatchGetItem reports throttling as a response with unprocessed keys only.
        if (items.length === 0 && unprocessedKeys.length > 0)
          throw new ProvisionedThroughputExceededException(throttled);
        return { items, unprocessedKeys };
      });
      found.push(...batch.items);
      remainingKeys = batch.unprocessedKeys;
    }
    return found;
  }

  /**
   * Sends one BatchWriteItem and returns its response. The caller creates the command, so that only the functions that
   * write batches bundle it.
   */
  async sendBatch(createCommand: (tableName: string) => BatchWriteCommand): Promise<BatchWriteCommandOutput> {
    return countUnits('write', await this.#documents.send(createCommand(this.#name)));
  }

  /**
   * Reads the items of a query in pages of 1 MB until it has enough. The first page of a query with a `Limit` reads so
   * many items, each further page twice as many as the one before.
   *
   * @param enough - number of items that suffice
   * @param maxPages - maximum number of pages, for a filter that excludes most items
   * @param consistent - `false` only for a global index, which has no consistent reads
   * @returns the items, and the key of the last item that was read if more items may follow
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
    let lastKey: Item | undefined = query.ExclusiveStartKey;
    let pages = 0;
    do {
      const page = await this.#queryPage(query, pages, consistent, lastKey);
      found.push(...(page.Items ?? []));
      lastKey = page.LastEvaluatedKey;
      pages += 1;
    } while (lastKey !== undefined && found.length < enough && pages < maxPages);
    return { items: found, lastKey };
  }

  /**
   * Counts the items of a query, in the same pages as {@link query}, until there are enough.
   *
   * @param enough - number of items that suffice
   * @param maxPages - maximum number of pages
   * @returns the number of items, and whether more may follow
   */
  async count(
    query: Query,
    { enough, maxPages }: { readonly enough: number; readonly maxPages: number },
  ): Promise<{ readonly count: number; readonly hasMore: boolean }> {
    let count = 0;
    let lastKey: Item | undefined;
    let pages = 0;
    do {
      const page = await this.#queryPage({ ...query, Select: 'COUNT' }, pages, true, lastKey);
      count += page.Count ?? 0;
      lastKey = page.LastEvaluatedKey;
      pages += 1;
    } while (lastKey !== undefined && count < enough && pages < maxPages);
    return { count, hasMore: lastKey !== undefined };
  }

  /** Reads a page of a query, the first or one after the last key of the page before. */
  #queryPage(query: Query, page: number, consistent: boolean, after: Item | undefined): Promise<QueryCommandOutput> {
    const command = new QueryCommand({
      ...query,
      ...(query.Limit !== undefined && { Limit: query.Limit * 2 ** page }),
      ...reportUnits,
      TableName: this.#name,
      ConsistentRead: consistent,
      ExclusiveStartKey: after,
    });
    return retryOnContention('read', async () => countUnits('read', await this.#documents.send(command)));
  }
}

/** Requests the capacity that a call consumes, in total over the table and its indexes. */
export const reportUnits = { ReturnConsumedCapacity: 'TOTAL' } as const;

/**
 * Adds the units that a response reports to those of the current request, and returns the response.
 *
 * @param kind - kind of the call's units. A transaction that writes reports the units that it reads separately
 */
function countUnits<Response extends { readonly ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[] | undefined }>(
  kind: 'read' | 'write',
  response: Response,
): Response {
  for (const { CapacityUnits: total = 0, ReadCapacityUnits: part = 0 } of [response.ConsumedCapacity ?? []].flat()) {
    const read = kind === 'read' ? total : part;
    addConsumedUnits({ read, write: total - read });
  }
  return response;
}

/** Returns the sort key of an item, which identifies its kind within a partition. */
export const sortKeyOf = (item: Item): string => String(item[sortKey]);

/** Returns the size of items as JSON in bytes, which is at least their size in the table. */
export const bytesOf = (items: readonly Item[]): number =>
  items.reduce((sum, item) => sum + Buffer.byteLength(JSON.stringify(item)), 0);

/** Returns the cancellation code of each action of a canceled transaction; empty for any other error. */
const cancellationReasons = (error: unknown): readonly (string | undefined)[] =>
  error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []).map(({ Code }) => Code) : [];
