/**
 * `npm run dead-letters`: what lies in the dead-letter queues, and why; `-- redrive <id>…` (or `all`) sends it back to
 * where it came from. Of the local server, or with `--stack <name>` of a stack in the account that the environment names.
 */
import { parseArgs } from 'node:util';
import { openEventStore } from '../local/open-event-store.ts';
import { Refusal, runCommand } from '../refusal.ts';
import { type DeadLetter, type DeadLetterQueues, whyOf } from './dead-letter.ts';
import { LocalDeadLetters } from './local-dead-letters.ts';
import { mostLetters, StackDeadLetters } from './stack-dead-letters.ts';

await runCommand(async () => {
  const { stack, redrive } = asked(process.argv.slice(2));
  const queues =
    stack === undefined ? new LocalDeadLetters(openEventStore(process.env)) : await StackDeadLetters.open(stack);
  try {
    if (redrive === undefined) await show(queues);
    else await sendBack(queues, redrive);
  } finally {
    await queues.close();
  }
});

/** What the arguments ask for: a stack, or none for the local server, and the ids of what is to be sent back. */
function asked(args: readonly string[]) {
  const usage = 'Write nothing to see them, or "redrive all", or "redrive" and the ids of those to send back;';
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { stack: { type: 'string' } },
    });
    const [verb, ...ids] = positionals;
    if (verb === undefined) return { stack: values.stack, redrive: undefined };
    if (verb === 'redrive' && ids.length > 0 && values.stack !== '') return { stack: values.stack, redrive: ids };
  } catch {
    // Told like anything else that is not understood.
  }
  throw new Refusal(`${usage} and "--stack <name>" for those of a deployed stack.`);
}

async function show(queues: DeadLetterQueues): Promise<void> {
  let shown = 0;
  for await (const letter of queues.letters()) {
    const { id, queue, sentAt, body } = letter;
    console.log(`${id}  ${sentAt.toISOString()}  ${queue}`);
    console.log(`  why:  ${whyOf(letter)}`);
    console.log(`  what: ${body.length > 300 ? `${body.slice(0, 300)}…` : body}`);
    shown += 1;
  }
  console.log(shown === 0 ? 'There are no dead letters.' : `${shown} in all.`);
  if (shown >= mostLetters) console.log(`Of each queue ${mostLetters} are shown; it may hold more.`);
}

async function sendBack(queues: DeadLetterQueues, ids: readonly string[]): Promise<void> {
  const letters: DeadLetter[] = [];
  for await (const letter of queues.letters()) letters.push(letter);
  const chosen = ids.includes('all') ? letters : letters.filter(({ id }) => ids.includes(id));
  const unknown = ids.find((id) => id !== 'all' && !letters.some((letter) => letter.id === id));
  if (unknown !== undefined) throw new Refusal(`There is no dead letter ${unknown}; npm run dead-letters shows them.`);
  let sent = 0;
  for (const [n, letter] of chosen.entries()) {
    try {
      await queues.sendBack(letter);
      sent += 1;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      console.error(`${letter.id} stays: ${error.message}`);
    }
    if ((n + 1) % 100 === 0) console.log(`${n + 1} of ${chosen.length} …`);
  }
  console.log(`${sent} sent back.${letters.length >= mostLetters ? ' There may be more: run it again.' : ''}`);
  if (sent < chosen.length) process.exitCode = 1;
}
