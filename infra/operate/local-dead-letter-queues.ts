import type { EventStore } from '../local/events/event-store.ts';
import { redriveQueueOf } from '../local/events/events.ts';
import type { DeadLetter, DeadLetterQueues, Warning } from './dead-letter-queues.ts';

/** The dead-letter queues in the data folder of the local server, whether it runs or not. */
export class LocalDeadLetters implements DeadLetterQueues {
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
    // What lies in one that no queue has for its dead letters came from the stream.
    this.#store.move(id, source?.name ?? redriveQueueOf(queue));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#store.close();
    return Promise.resolve();
  }
}
