import type { QueueSource } from './event-sources.ts';
import type { EventStore, QueueMessage } from './event-store.ts';
import { failedItemIds, type InvokeFunction } from './invoke-function.ts';
import { localAccount, localRegion } from '../template/template-values.ts';

export interface QueuePollerOptions {
  readonly store: EventStore;
  readonly source: QueueSource;
  readonly invoke: InvokeFunction;
}

/** Invokes a function with the messages of its queue, as Lambda's event source mapping for SQS does. */
export class QueuePoller {
  readonly #options: QueuePollerOptions;

  constructor(options: QueuePollerOptions) {
    this.#options = options;
  }

  /**
   * Receives one batch of messages and invokes the function. Deletes the messages that the function does not report as
   * failed; the others become visible again after the visibility timeout.
   *
   * @returns true if the queue had messages
   */
  async poll(): Promise<boolean> {
    const { store, source, invoke } = this.#options;
    const messages = store.pollQueue(source.queue, source.batchSize);
    if (messages.length === 0) return false;
    const result = await invoke(JSON.stringify({ Records: messages.map(toLambdaRecord) }));
    if (result === undefined) return true;
    const failedIds = failedItemIds(result);
    for (const { id } of messages) if (!failedIds.includes(id)) store.delete(id);
    return true;
  }
}

/** Returns a message in the format of Lambda's SQS event. */
const toLambdaRecord = ({ id, queue, body, attributes, sentAt, receiveCount }: QueueMessage) => ({
  messageId: id,
  receiptHandle: id,
  body,
  attributes: {
    ApproximateReceiveCount: String(receiveCount),
    SentTimestamp: String(sentAt),
    SenderId: 'local',
    ApproximateFirstReceiveTimestamp: String(sentAt),
  },
  messageAttributes: Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, { stringValue: value, dataType: 'String' }]),
  ),
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: `arn:aws:sqs:${localRegion}:${localAccount}:${queue}`,
  awsRegion: localRegion,
});
