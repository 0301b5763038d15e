import type { StreamSource } from './event-sources.ts';
import type { EventStore } from './event-store.ts';
import { failedItemIds, type InvokeFunction } from './invoke-function.ts';

/**
 * Returns the name of the queue for the redriven dead letters of a stream. A stream accepts no records, so a redriven
 * batch waits in this queue until its function is invoked again.
 *
 * @param deadLetterQueue - name of the stream's dead-letter queue
 */
export const redriveQueueOf = (deadLetterQueue: string): string => `${deadLetterQueue} sent back`;

export interface RedrivenBatchPollerOptions {
  readonly store: EventStore;
  readonly source: StreamSource;
  readonly invoke: InvokeFunction;
}

/** Invokes a stream's function with batches that were redriven from its dead-letter queue. */
export class RedrivenBatchPoller {
  readonly #options: RedrivenBatchPollerOptions;

  constructor(options: RedrivenBatchPollerOptions) {
    this.#options = options;
  }

  /**
   * Invokes the function with the next redriven batch. Returns the batch to the dead-letter queue if the invocation or
   * a record fails; deletes it otherwise.
   *
   * @returns true if there was a redriven batch
   */
  async poll(): Promise<boolean> {
    const { store, source, invoke } = this.#options;
    const [message] = store.pollQueue(redriveQueueOf(source.deadLetterQueue), 1);
    if (message === undefined) return false;
    const result = await invoke(message.body);
    if (result === undefined || failedItemIds(result).length > 0) store.move(message.id, source.deadLetterQueue);
    else store.delete(message.id);
    return true;
  }
}
