/**
 * `npm run dead-letters`: lists dead letters with the reasons of their failures, or redrives them. Reads the queues of
 * the local server or, with `--stack`, of a deployed stack in the account that the AWS environment variables select.
 */
import { parseArgs } from 'node:util';
import { openEventStore } from '../local/events/open-event-store.ts';
import { UsageError, runCommand } from '../usage-error.ts';
import { type DeadLetterQueues, CannotRedriveError, failureReason } from './dead-letter-queues.ts';
import { LocalDeadLetterQueues } from './local-dead-letter-queues.ts';
import { StackDeadLetterQueues } from './stack-dead-letter-queues.ts';

const usage = 'Usage: npm run dead-letters -- [--stack <name>] [redrive all | redrive <id>…]';

/** Number of dead letters that are redriven in parallel. */
const concurrency = 10;

await runCommand(usage, async (args) => {
  const { stack, redriveIds } = parseArguments(args);
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
      ? new LocalDeadLetterQueues(openEventStore(process.env))
      : await StackDeadLetterQueues.open(stack, process.env, signal);
  try {
    if (redriveIds === undefined) await printDeadLetters(queues);
    else await redrive(queues, redriveIds, signal);
    for (const { sentence, isFailure } of queues.warnings()) {
      console.error(sentence);
      if (isFailure) process.exitCode ??= 1;
    }
  } finally {
    await queues.close();
  }
});

interface Arguments {
  /** Name of a deployed stack; undefined for the local server. */
  readonly stack: string | undefined;
  /** Ids to redrive, or the only element `all`; undefined to list dead letters. */
  readonly redriveIds: readonly string[] | undefined;
}

/** @throws UsageError with the usage if the arguments are invalid */
function parseArguments(args: readonly string[]): Arguments {
  const parsed = tryParseArgs(args);
  if (parsed === undefined) throw new UsageError(usage);
  const { values, positionals } = parsed;
  const [verb, ...ids] = positionals;
  if (values.stack === '') throw new UsageError(usage);
  if (verb === undefined) return { stack: values.stack, redriveIds: undefined };
  if (verb !== 'redrive' || ids.length === 0) throw new UsageError(usage);
  if (ids.includes('all') && ids.length > 1) throw new UsageError(usage);
  return { stack: values.stack, redriveIds: ids };
}

function tryParseArgs(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { stack: { type: 'string' } } });
  } catch {
    return undefined;
  }
}

async function printDeadLetters(queues: DeadLetterQueues): Promise<void> {
  const deadLetters = await queues.list();
  for (const deadLetter of deadLetters) {
    const { id, queue, sentAt, body } = deadLetter;
    console.log(`${id}  ${sentAt.toISOString()}  ${queue}`);
    console.log(`  reason: ${failureReason(deadLetter)}`);
    console.log(`  body:   ${body.length > 300 ? `${body.slice(0, 300)}…` : body}`);
  }
  console.log(deadLetters.length === 0 ? 'No dead letters.' : `${deadLetters.length} in total.`);
}

async function redrive(queues: DeadLetterQueues, ids: readonly string[], signal: AbortSignal): Promise<void> {
  const deadLetters = await queues.list();
  const isAll = ids.includes('all');
  const unknownId = isAll ? undefined : ids.find((id) => !deadLetters.some((deadLetter) => deadLetter.id === id));
  if (unknownId !== undefined) {
    throw new UsageError(
      [
        `There is no dead letter ${unknownId}; run the command without "redrive" to list the dead letters.`,
        ...queues.warnings().map(({ sentence }) => sentence),
      ].join(' '),
    );
  }
  const selected = isAll ? deadLetters : deadLetters.filter(({ id }) => ids.includes(id));
  let redriven = 0;
  try {
    for (let start = 0; start < selected.length && !signal.aborted; start += concurrency) {
      if (start > 0 && start % 100 === 0) console.log(`${start} of ${selected.length} …`);
      const outcomes = await Promise.allSettled(
        selected.slice(start, start + concurrency).map(async (deadLetter) => {
          try {
            await queues.redrive(deadLetter);
            redriven += 1;
          } catch (error) {
            if (!(error instanceof CannotRedriveError)) throw error;
            console.error(`${deadLetter.id} was not redriven: ${error.message}`);
            process.exitCode = 1;
          }
        }),
      );
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    }
  } finally {
    console.log(`${redriven} redriven.`);
  }
}
