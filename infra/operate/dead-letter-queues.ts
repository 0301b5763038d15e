import { UsageError } from '../usage-error.ts';

/** A message that could not be handled. */
export interface DeadLetter {
  /** The message's. */
  readonly id: string;
  /** The name of the dead-letter queue that it lies in. */
  readonly queue: string;
  /** When it was first sent. */
  readonly sentAt: Date;
  /** As it was put aside. */
  readonly body: string;
  /** Text by name, as it was put aside with it. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Warning {
  readonly sentence: string;
  /** Whether something went wrong. */
  readonly isFault: boolean;
}

/** The dead-letter queues of the local server or of a deployed stack. */
export interface DeadLetterQueues {
  /** What lies in them, the oldest of each queue first. */
  list(): Promise<readonly DeadLetter[]>;
  /** What there is to say of the letters besides, once they were looked at. */
  warnings(): readonly Warning[];
  /**
   * Sends one back to where it came from and takes it out of its queue, in this order: cut off in between, it is handled
   * twice, which does no harm.
   *
   * @throws LetterStays where this one cannot be sent back, Refusal where none can
   */
  redrive(letter: DeadLetter): Promise<void>;
  /** Lets go of what was looked at and not sent back. @throws Refusal if it cannot */
  close(): Promise<void>;
}

/** Why a letter cannot be sent back, where others can. */
export class CannotRedriveError extends UsageError {}

/** What EventBridge says of an event that it put aside ("Using dead-letter queues" in the EventBridge user guide). */
const eventBridgeAttributes = {
  ruleArn: 'RULE_ARN',
  errorCode: 'ERROR_CODE',
  errorMessage: 'ERROR_MESSAGE',
  exhausted: 'EXHAUSTED_RETRY_CONDITION',
} as const;

/** Why a message was put aside, in a sentence. */
export function failureReason({ attributes, body }: Pick<DeadLetter, 'attributes' | 'body'>): string {
  if (attributes['reason'] !== undefined) return attributes['reason'];
  const { ruleArn, errorCode, errorMessage, exhausted } = eventBridgeAttributes;
  if (attributes[ruleArn] !== undefined) {
    const known = [attributes[errorCode], attributes[errorMessage] ?? attributes[exhausted]].filter(Boolean).join(': ');
    return `EventBridge could not deliver it: ${known || 'it does not say why'}`;
  }
  const batch = parseDiscardedBatch(body);
  if (batch !== undefined) {
    return `the function failed until the batch was given up (${batch.condition}); its log says what went wrong`;
  }
  return 'received too often without success; the log says what went wrong';
}

/** The bus of the rule that could not deliver an event, by its name; undefined for what was put aside by anything else. */
export function sourceBus({ attributes }: Pick<DeadLetter, 'attributes'>): string | undefined {
  // arn:aws:events:<region>:<account>:rule/<bus>/<rule>; on the account's default bus without its name.
  const [, rule] = /:rule\/(.+)$/.exec(attributes[eventBridgeAttributes.ruleArn] ?? '') ?? [];
  return rule?.includes('/') === true ? rule.slice(0, rule.lastIndexOf('/')) : rule && 'default';
}

/** A batch of a stream that was given up: which records, and not the records themselves. */
export interface DiscardedBatch {
  readonly streamArn: string;
  readonly shardId: string;
  /** The sequence numbers of its first and last record. */
  readonly first: string;
  readonly last: string;
  readonly condition: string;
}

/**
 * What Lambda puts into the queue for a batch of a DynamoDB stream ("Retain discarded batches" in the Lambda developer
 * guide), or undefined where the message is something else.
 */
export function parseDiscardedBatch(body: string): DiscardedBatch | undefined {
  const { DDBStreamBatchInfo: info, requestContext: context } = fieldsOf(body) as {
    readonly DDBStreamBatchInfo?: Readonly<Record<string, unknown>>;
    readonly requestContext?: Readonly<Record<string, unknown>>;
  };
  if (info === undefined) return undefined;
  const [streamArn, shardId, first, last] = ['streamArn', 'shardId', 'startSequenceNumber', 'endSequenceNumber'].map(
    (name) => String(info[name]),
  ) as [string, string, string, string];
  return { streamArn, shardId, first, last, condition: String(context?.['condition']) };
}

/** The records that the function put aside itself, or undefined where the message is something else. */
export function parseRecords(body: string): readonly unknown[] | undefined {
  const { Records: records } = fieldsOf(body);
  return Array.isArray(records) ? (records as readonly unknown[]) : undefined;
}

/** The fields of the JSON object that a message is; none where it is something else. */
export function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(body) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
