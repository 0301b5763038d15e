/**
 * `npm run dead-letters`: what lies in the dead-letter queues of the local server, and why.
 * `npm run dead-letters -- redrive <id>…` (or `all`) sends it back to where it came from.
 */
import type { EventStore, QueueMessage } from './event-store.ts';
import { sentBackFrom } from './events.ts';
import { openEventStore, runCommand } from './open-event-store.ts';
import { Refusal } from './refusal.ts';

await runCommand(() => {
  const [verb, ...ids] = process.argv.slice(2);
  if (verb !== undefined && (verb !== 'redrive' || ids.length === 0)) {
    throw new Refusal('Write nothing to see them, or "redrive all", or "redrive" and the ids of those to send back.');
  }
  const store = openEventStore(process.env);
  try {
    if (verb === undefined) show(store);
    else redrive(store, ids);
  } finally {
    store.close();
  }
});

function deadLetters(store: EventStore): readonly QueueMessage[] {
  return store
    .queues()
    .filter(({ deadLetters: next }) => next === undefined)
    .flatMap(({ name }) => store.messages(name));
}

function show(store: EventStore): void {
  const messages = deadLetters(store);
  for (const { id, queue, sentAt, attributes, body } of messages) {
    console.log(`${id}  ${new Date(sentAt).toISOString()}  ${queue}`);
    console.log(
      `  why:  ${attributes['reason'] ?? 'received too often without success; the log says what went wrong'}`,
    );
    console.log(`  what: ${body.length > 300 ? `${body.slice(0, 300)}…` : body}`);
  }
  console.log(messages.length === 0 ? 'There are no dead letters.' : `${messages.length} in all.`);
}

function redrive(store: EventStore, ids: readonly string[]): void {
  const messages = deadLetters(store);
  const chosen = ids.includes('all') ? messages : messages.filter(({ id }) => ids.includes(id));
  const unknown = ids.find((id) => id !== 'all' && !messages.some((message) => message.id === id));
  if (unknown !== undefined) throw new Refusal(`There is no dead letter ${unknown}; npm run dead-letters shows them.`);
  for (const { id, queue } of chosen) {
    // What lies in one that no queue has for its dead letters came from the stream.
    store.move(id, store.queues().find(({ deadLetters: next }) => next === queue)?.name ?? sentBackFrom(queue));
  }
  console.log(`${chosen.length} sent back.`);
}
