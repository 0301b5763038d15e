/** `npm run watch-events`: what the local server publishes, a line for each event, the last ten first, until Ctrl-C. */
import { setTimeout } from 'node:timers/promises';
import { eventLine } from '../local/events/event-line.ts';
import { UsageError, runCommand } from '../usage-error.ts';
import { openEventStore } from '../local/events/open-event-store.ts';

const shownAtFirst = 10;
const pauseMilliseconds = 100;

await runCommand(async () => {
  if (process.argv.length > 2) throw new UsageError('watch-events takes no arguments; DATA_DIR names the data folder.');
  const store = openEventStore(process.env);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
  for (let position = Math.max(0, store.lastPosition() - shownAtFirst); ;) {
    for (const event of store.eventsAfter(position)) {
      console.log(eventLine(event));
      position = event.position;
    }
    await setTimeout(pauseMilliseconds);
  }
});
