/**
 * `npm run watch-events`: prints the last ten events of the local server and every new event, one per line, until
 * Ctrl-C.
 */
import { setTimeout } from 'node:timers/promises';
import { eventLine } from '../local/events/event-line.ts';
import { UsageError, runCommand } from '../usage-error.ts';
import { openEventStore } from '../local/events/open-event-store.ts';

const usage = 'Usage: npm run watch-events (DATA_DIR=<folder> selects the data folder of the local server)';
const initialCount = 10;
const pauseMilliseconds = 100;

await runCommand(usage, async (args) => {
  if (args.length > 0) throw new UsageError(usage);
  const store = openEventStore(process.env);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
  for (let position = Math.max(0, store.lastPosition() - initialCount); ;) {
    for (const event of store.eventsAfter(position)) {
      console.log(eventLine(event));
      position = event.position;
    }
    await setTimeout(pauseMilliseconds);
  }
});
