import type { EventStore } from '../local/event-store.ts';
import { sentBackFrom } from '../local/events.ts';
import type { DeadLetter, DeadLetterQueues } from './dead-letter.ts';

/** The dead-letter queues in the data folder of the local server, whether it runs or not. */
export class LocalDeadLetters implements DeadLetterQueues {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the store answers at once
  async *letters(): AsyncGenerator<DeadLetter> {
    for (const { name, deadLetters } of this.#store.queues()) {
      if (deadLetters !== undefined) continue;
      for (const message of this.#store.messages(name)) yield { ...message, sentAt: new Date(message.sentAt) };
    }
  }

  sendBack({ id, queue }: DeadLetter): Promise<void> {
    const source = this.#store.queues().find(({ deadLetters }) => deadLetters === queue);
    // What lies in one that no queue has for its dead letters came from the stream.
    this.#store.move(id, source?.name ?? sentBackFrom(queue));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#store.close();
    return Promise.resolve();
  }
}
