import { UsageError } from '../../usage-error.ts';

/** A message that failed permanently. */
export interface DeadLetter {
  /** Id of the message. */
  readonly id: string;
  /** Name of the dead-letter queue. */
  readonly queue: string;
  /** Time when it was first sent. */
  readonly sentAt: Date;
  readonly body: string;
  /** Message attributes by name. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A message for the user about a list of dead letters, such as that it is incomplete. */
export interface Warning {
  readonly sentence: string;
  /** True if the warning is about a failure, which sets the exit code. */
  readonly isFailure: boolean;
}

/** The dead-letter queues of the local server or of a deployed stack. */
export interface DeadLetterQueues {
  /** Lists the dead letters by queue, the oldest of each queue first. */
  list(): Promise<readonly DeadLetter[]>;
  /** Returns the warnings of `list`. */
  warnings(): readonly Warning[];
  /**
   * Returns a listed dead letter to its source and removes it from its queue, in this order: after an interruption it
   * is processed twice, which is safe.
   *
   * @throws CannotRedriveError if this dead letter cannot be redriven, UsageError if none can
   */
  redrive(deadLetter: DeadLetter): Promise<void>;
  /**
   * Makes the remaining listed dead letters visible to other consumers again and releases all resources.
   *
   * @throws UsageError if a dead letter stays hidden
   */
  close(): Promise<void>;
}

/** A dead letter cannot be redriven, but others can. */
export class CannotRedriveError extends UsageError {}

/** Message attributes that EventBridge adds to a dead letter ("Using dead-letter queues" in its user guide). */
const eventBridgeAttributes = {
  ruleArn: 'RULE_ARN',
  errorCode: 'ERROR_CODE',
  errorMessage: 'ERROR_MESSAGE',
  exhausted: 'EXHAUSTED_RETRY_CONDITION',
} as const;

/** Returns the reason of the failure as a sentence. */
export function failureReason({ attributes, body }: Pick<DeadLetter, 'attributes' | 'body'>): string {
  if (attributes['reason'] !== undefined) return attributes['reason'];
  const { ruleArn, errorCode, errorMessage, exhausted } = eventBridgeAttributes;
  if (attributes[ruleArn] !== undefined) {
    const details = [attributes[errorCode], attributes[errorMessage] ?? attributes[exhausted]].filter(Boolean);
    return `EventBridge could not deliver the event: ${details.join(': ') || 'it gave no reason'}`;
  }
  const batch = parseDiscardedBatch(body);
  if (batch !== undefined) {
    return `the function failed until Lambda discarded the batch (${batch.condition}); see the log of the function`;
  }
  return 'all attempts failed; see the log of the function';
}

/** Returns the name of the bus whose rule could not deliver the event, or undefined for other dead letters. */
export function sourceBus({ attributes }: Pick<DeadLetter, 'attributes'>): string | undefined {
  // arn:aws:events:<region>:<account>:rule/<bus>/<rule>; the default bus has no name in it.
  const [, rule] = /:rule\/(.+)$/.exec(attributes[eventBridgeAttributes.ruleArn] ?? '') ?? [];
  if (rule === undefined) return undefined;
  return rule.includes('/') ? rule.slice(0, rule.lastIndexOf('/')) : 'default';
}

/** Reference to a stream batch that Lambda discarded after its last retry. It does not contain the records. */
export interface DiscardedBatch {
  readonly streamArn: string;
  readonly shardId: string;
  /** Sequence numbers of the first and the last record. */
  readonly first: string;
  readonly last: string;
  readonly condition: string;
}

/**
 * Parses the message that Lambda sends for a discarded batch of a DynamoDB stream ("Retain discarded batches" in the
 * Lambda developer guide). Returns undefined for other messages.
 */
export function parseDiscardedBatch(body: string): DiscardedBatch | undefined {
  const { DDBStreamBatchInfo: info, requestContext: context } = parseJsonObject(body) as {
    readonly DDBStreamBatchInfo?: Readonly<Record<string, unknown>>;
    readonly requestContext?: Readonly<Record<string, unknown>>;
  };
  if (info === undefined) return undefined;
  return {
    streamArn: String(info['streamArn']),
    shardId: String(info['shardId']),
    first: String(info['startSequenceNumber']),
    last: String(info['endSequenceNumber']),
    condition: String(context?.['condition']),
  };
}

/** Parses the records of a dead letter that the stream consumer sent. Returns undefined for other messages. */
export function parseRecords(body: string): readonly unknown[] | undefined {
  const { Records: records } = parseJsonObject(body);
  return Array.isArray(records) ? (records as readonly unknown[]) : undefined;
}

/** Parses a JSON object. Returns an empty object for any other text. */
export function parseJsonObject(body: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(body) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
