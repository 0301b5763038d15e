import type { Writable } from 'node:stream';
import type { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { deliverRecords } from './deliver-records.ts';
import type { StreamSource } from './event-sources.ts';
import type { EventStore } from './event-store.ts';
import type { InvokeFunction } from './invoke-function.ts';
import { StreamProgress } from './stream-progress.ts';
import { findRecordAfter, StreamReader } from '../dynamodb/stream-reader.ts';

export interface StreamPollerOptions {
  readonly streams: DynamoDBStreamsClient;
  readonly streamArn: string;
  readonly store: EventStore;
  readonly source: StreamSource;
  /** Identifies the poller's position in the store. */
  readonly positionKey: string;
  readonly invoke: InvokeFunction;
  /** Receives a line each time the poller stalls. */
  readonly log: Writable;
  /** Stops the delivery of records when aborted. */
  readonly signal: AbortSignal;
}

/**
 * Invokes a function with the records of the table's stream, as Lambda's event source mapping for DynamoDB does. Its
 * position is in the store, so it continues after the last processed record when the process restarts.
 */
export class StreamPoller {
  readonly #options: StreamPollerOptions;
  readonly #progress: StreamProgress;
  #reader: StreamReader;

  constructor(options: StreamPollerOptions) {
    this.#options = options;
    this.#reader = this.#openReader();
    this.#progress = new StreamProgress(() =>
      findRecordAfter(options.streams, options.streamArn, this.#savedPosition()),
    );
  }

  /**
   * Reads one batch of records and delivers it. Opens the stream again if the reader makes no progress.
   *
   * @returns true if the stream had records
   */
  async poll(): Promise<boolean> {
    const { store, source, positionKey, invoke, signal } = this.#options;
    try {
      const records = await this.#reader.next(source.batchSize);
      await deliverRecords(records, {
        source,
        invoke,
        onProcessed: (sequenceNumber) => store.savePosition(positionKey, sequenceNumber),
        onDiscard: (discarded, reason) =>
          store.send(source.deadLetterQueue, JSON.stringify({ Records: discarded }), { reason }),
        signal,
      });
      await this.#reopenIfStalled(records.length);
      return records.length > 0;
    } catch (error) {
      // The reader is past records that were read but not processed.
      this.#reader = this.#openReader();
      throw error;
    }
  }

  async #reopenIfStalled(recordCount: number): Promise<void> {
    const missed = await this.#progress.afterPoll(recordCount);
    if (missed === undefined) return;
    const { source, log } = this.#options;
    log.write(
      `The stream poller of ${source.functionId} makes no progress: its polls return no records, but a probe of the stream finds record ${missed} after position ${this.#savedPosition() ?? 'none'}; it opens the stream again.\n`,
    );
    this.#reader = this.#openReader();
  }

  #openReader(): StreamReader {
    const { streams, streamArn } = this.#options;
    return new StreamReader(streams, streamArn, this.#savedPosition());
  }

  #savedPosition(): string | undefined {
    const { store, positionKey } = this.#options;
    return store.positionIn(positionKey);
  }
}
