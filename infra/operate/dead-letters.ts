/**
 * `npm run dead-letters`: lists dead letters with the reasons of their failures, or redrives them. Reads the queues of
 * the local server or, with `--stack`, of a deployed stack in the account that the AWS environment variables select.
 */
import { openEventStore } from '../local/events/open-event-store.ts';
import { parseArguments } from '../parse-arguments.ts';
import { ArgumentError, UsageError, runCommand } from '../usage-error.ts';
import { type DeadLetterQueues, CannotRedriveError, failureReason } from './dead-letters/dead-letter-queues.ts';
import { LocalDeadLetterQueues } from './dead-letters/local-dead-letter-queues.ts';
import { StackDeadLetterQueues } from './dead-letters/stack-dead-letter-queues.ts';

const usage = `Usage: npm run dead-letters -- [--stack <name>] [redrive all | redrive <id>…]

Lists dead letters with the reasons of their failures, or redrives them.

  --stack <name>   those of a deployed stack; AWS_REGION and AWS_PROFILE select its region and account
                   (default: those of the local server; DATA_DIR selects its data folder)`;

/** Number of dead letters that are redriven in parallel. */
const concurrency = 10;

await runCommand(usage, async (args) => {
  const { stack, redriveIds } = readArguments(args);
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

/** @throws ArgumentError if the arguments are invalid */
function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArguments(args, { stack: { type: 'string' } }, true);
  const [verb, ...ids] = positionals;
  if (verb === undefined) return { stack: values.stack, redriveIds: undefined };
  if (verb !== 'redrive') throw new ArgumentError(`The only action is "redrive"; got ${JSON.stringify(verb)}.`);
  if (ids.length === 0 || (ids.includes('all') && ids.length > 1)) {
    throw new ArgumentError(
      `"redrive" must be followed by "all" or by ids of dead letters; got ${ids.join(' ') || 'nothing'}.`,
    );
  }
  return { stack: values.stack, redriveIds: ids };
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
