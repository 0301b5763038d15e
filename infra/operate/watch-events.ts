/**
 * `npm run watch-events`: prints the events of the local server or of a deployed stack, one per line, until Ctrl-C.
 */
import { setTimeout } from 'node:timers/promises';
import { eventLine } from '../local/events/event-line.ts';
import type { PublishedEvent } from '../local/events/event-store.ts';
import { openEventStore } from '../local/events/open-event-store.ts';
import { parseArguments } from '../parse-arguments.ts';
import { printable } from '../printable.ts';
import { ArgumentError, runCommand } from '../usage-error.ts';
import { removeLeftovers, StackEvents } from './aws/stack-events.ts';

const usage = `Usage: npm run watch-events -- [--stack <name> [--clean]]

Prints a line for each event until Ctrl-C: on the local server the last ten and all new ones, on a deployed stack all
from about a minute after the start.

  --stack <name>   those of a deployed stack, received through a temporary queue and rule;
                   AWS_REGION and AWS_PROFILE select its region and account
                   (default: those of the local server; DATA_DIR selects its data folder)
  --clean          instead removes temporary queues and rules older than an hour, which a killed run left`;
const initialCount = 10;
const pauseMilliseconds = 100;

await runCommand(usage, async (args) => {
  const { stack, clean } = parseArguments(args, { stack: { type: 'string' }, clean: { type: 'boolean' } }).values;
  if (stack === undefined && clean === true) throw new ArgumentError('"--clean" requires "--stack".');
  if (stack === undefined) await watchLocally();
  else if (clean === true) await cleanStack(stack);
  else await watchStack(stack);
});

async function watchLocally(): Promise<void> {
  const store = openEventStore(process.env);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
  for (let position = Math.max(0, store.lastPosition() - initialCount); ;) {
    for (const event of store.eventsAfter(position)) {
      print(event);
      position = event.position;
    }
    await setTimeout(pauseMilliseconds);
  }
}

async function watchStack(stack: string): Promise<void> {
  const stopping = new AbortController();
  // A signal that comes again does not interrupt the removal.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  // The reader of a pipe has ended.
  process.stdout.on('error', () => stopping.abort());
  const events = await StackEvents.find(stack, process.env);
  console.error(`Watching the events of ${stack} through the temporary queue ${events.name}; stop with Ctrl-C.`);
  try {
    for await (const event of events.receive(stopping.signal)) print(event);
  } finally {
    await events.remove();
  }
}

async function cleanStack(stack: string): Promise<void> {
  const names = await removeLeftovers(stack, process.env);
  for (const name of names) console.log(`Removed the queue and the rule ${name}.`);
  if (names.length === 0) console.log('No temporary queue or rule is older than an hour.');
}

function print(event: Pick<PublishedEvent, 'type' | 'detail'>): void {
  console.log(printable(eventLine(event)));
}
