import type { EventStore } from '../../local/events/event-store.ts';
import { redriveQueueOf } from '../../local/events/events.ts';
import type { DeadLetter, DeadLetterQueues, Warning } from './dead-letter-queues.ts';

/** The dead-letter queues in the data folder of the local server. The server may be running. */
export class LocalDeadLetterQueues implements DeadLetterQueues {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  list(): Promise<readonly DeadLetter[]> {
    const queues = this.#store.queues().filter(({ deadLetters }) => deadLetters === undefined);
    const messages = queues.flatMap(({ name }) => this.#store.messages(name));
    return Promise.resolve(messages.map((message) => ({ ...message, sentAt: new Date(message.sentAt) })));
  }

  warnings(): readonly Warning[] {
    return [];
  }

  redrive({ id, queue }: DeadLetter): Promise<void> {
    const source = this.#store.queues().find(({ deadLetters }) => deadLetters === queue);
    // The dead-letter queue of a stream has no source queue.
    this.#store.move(id, source?.name ?? redriveQueueOf(queue));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#store.close();
    return Promise.resolve();
  }
}
