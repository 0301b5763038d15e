/**
 * `npm run dead-letters`: what lies in the dead-letter queues, and why; `-- redrive <id>…` (or `all`) sends it back to
 * where it came from. Of the local server, or with `--stack <name>` of a stack in the account that the environment names.
 */
import { parseArgs } from 'node:util';
import { openEventStore } from '../local/events/open-event-store.ts';
import { UsageError, runCommand } from '../usage-error.ts';
import { type DeadLetterQueues, CannotRedriveError, failureReason } from './dead-letter-queues.ts';
import { LocalDeadLetters } from './local-dead-letter-queues.ts';
import { StackDeadLetters } from './stack-dead-letter-queues.ts';

/** How many are sent back side by side. */
const concurrency = 10;

await runCommand(async () => {
  const { stack, redrive } = parseArguments(process.argv.slice(2));
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      stopping.abort();
      process.exitCode = 130;
    });
  }
  const { signal } = stopping;
  const queues =
    stack === undefined
      ? new LocalDeadLetters(openEventStore(process.env))
      : await StackDeadLetters.open(stack, process.env, signal);
  try {
    if (redrive === undefined) await show(queues);
    else await redriveAll(queues, redrive, signal);
    for (const { sentence, isFault } of queues.warnings()) {
      console.error(sentence);
      if (isFault) process.exitCode ??= 1;
    }
  } finally {
    await queues.close();
  }
});

/** What the arguments ask for: a stack, or none for the local server, and the ids of what is to be sent back. */
function parseArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { stack: { type: 'string' } },
    });
    const [verb, ...ids] = positionals;
    const isUnderstood =
      (verb === undefined || (verb === 'redrive' && ids.length > 0)) &&
      (ids.length === 1 || !ids.includes('all')) &&
      values.stack !== '';
    if (isUnderstood) return { stack: values.stack, redrive: verb && ids };
  } catch {
    // Told like anything else that is not understood.
  }
  throw new UsageError(
    'Write nothing to see them, or "redrive all", or "redrive" and the ids of those to send back; and "--stack <name>" for those of a deployed stack.',
  );
}

async function show(queues: DeadLetterQueues): Promise<void> {
  const letters = await queues.list();
  for (const letter of letters) {
    const { id, queue, sentAt, body } = letter;
    console.log(`${id}  ${sentAt.toISOString()}  ${queue}`);
    console.log(`  why:  ${failureReason(letter)}`);
    console.log(`  what: ${body.length > 300 ? `${body.slice(0, 300)}…` : body}`);
  }
  console.log(letters.length === 0 ? 'There are no dead letters to be seen.' : `${letters.length} in all.`);
}

async function redriveAll(queues: DeadLetterQueues, ids: readonly string[], signal: AbortSignal): Promise<void> {
  const letters = await queues.list();
  const unknown = ids.find((id) => id !== 'all' && !letters.some((letter) => letter.id === id));
  if (unknown !== undefined) {
    throw new UsageError(
      [
        `There is no dead letter ${unknown} to be seen; without "redrive" they are shown.`,
        ...queues.warnings().map(({ sentence }) => sentence),
      ].join(' '),
    );
  }
  const chosen = ids.includes('all') ? [...letters] : letters.filter(({ id }) => ids.includes(id));
  let sent = 0;
  try {
    for (let done = 0; done < chosen.length && !signal.aborted;) {
      const outcomes = await Promise.allSettled(
        chosen.slice(done, done + concurrency).map(async (letter) => {
          try {
            await queues.redrive(letter);
            sent += 1;
          } catch (error) {
            if (!(error instanceof CannotRedriveError)) throw error;
            console.error(`${letter.id} stays: ${error.message}`);
            process.exitCode = 1;
          }
        }),
      );
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      done += concurrency;
      if (done % 100 === 0 && done < chosen.length) console.log(`${done} of ${chosen.length} …`);
    }
  } finally {
    console.log(`${sent} sent back.`);
  }
}
