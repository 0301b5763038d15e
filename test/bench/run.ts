/**
 * `npm run bench`: how much processor time, memory and capacity the service uses, and how fast the local server
 * responds. It asserts nothing: compare ratios within one run, or with `--compare` those of two. `--help` says more.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readSynthesizedStack, type SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { synthesize } from '../../infra/local/template/synthesize.ts';
import { UsageError, runCommand } from '../../infra/usage-error.ts';
import { asRatio, asTables, ratiosTo, type Figure } from './figures.ts';
import { measureFunctionStarts } from './function-starts.ts';
import { measureGrowth } from './growth.ts';
import { measureHandlers } from './handlers.ts';
import { startInProcess, type InProcess } from './in-process.ts';
import { measureLocalServer } from './local-server.ts';
import { describeMachine, type Machine } from './machine.ts';
import { parseOptions, usage, type Options } from './options.ts';

interface Section {
  readonly title: string;
  readonly measure: (
    stack: SynthesizedStack,
    options: Options,
    progress: (line: string) => void,
  ) => Promise<readonly Figure[]>;
}

/** Runs a section on functions in this process and an engine of its own. */
const inProcess =
  (
    measure: (world: InProcess, options: Options, progress: (line: string) => void) => Promise<readonly Figure[]>,
  ): Section['measure'] =>
  async (stack, options, progress) => {
    const world = await startInProcess(stack);
    try {
      return await measure(world, options, progress);
    } finally {
      await world.stop();
    }
  };

const sections: Readonly<Record<string, Section>> = {
  server: {
    title: 'the local server: latency, processor time by thread and engine, memory',
    measure: measureLocalServer,
  },
  handlers: {
    title: 'the handlers beside the bare SDK calls they make; calls, units and bytes',
    measure: inProcess(measureHandlers),
  },
  starts: {
    title: 'each function: bytes, load, first request, beside a bare client',
    measure: inProcess(measureFunctionStarts),
  },
  growth: {
    title: 'a page out of many images beside a page out of 100',
    measure: inProcess(measureGrowth),
  },
};

interface Result {
  readonly machine: Machine;
  readonly options: Options;
  readonly figures: readonly Figure[];
}

/** Reads the result of an earlier run. @throws UsageError if the file contains none */
function readResult(file: string): Result {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Result;
  } catch (error) {
    throw new UsageError(
      `"--compare" must be a file that an earlier run wrote; got ${file} (${(error as Error).message}).`,
      { cause: error },
    );
  }
}

async function bench(options: Options): Promise<void> {
  const earlier = options.compare === undefined ? undefined : readResult(options.compare);
  const stack = readSynthesizedStack(await synthesize(console.error));
  const figures: Figure[] = [];
  for (const [name, { measure }] of Object.entries(sections)) {
    if (options.only?.includes(name) === false) continue;
    figures.push(...(await measure(stack, options, (line) => console.error(`${name}: ${line} …`))));
  }
  const result: Result = { machine: await describeMachine(), options, figures };
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(result, undefined, 2)}\n`);

  const { processor, processors, node, commit } = result.machine;
  console.log(`${processors} × ${processor}, Node ${node}, commit ${commit ?? 'unknown'}`);
  console.log('Medians of slices that took turns, and half of their range.\n');
  console.log(asTables(figures));
  if (earlier !== undefined) {
    console.log(`\nAs ratios to ${options.compare}, commit ${earlier.machine.commit ?? 'unknown'}:\n`);
    console.log(asTables(ratiosTo(earlier.figures, figures), asRatio));
  }
  console.log(`\nWritten to ${options.json}.`);
}

// Processes that were started are ended on exit, which a signal alone would not lead to.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** Longer than any run that makes progress takes. */
const maxMinutes = 60;
setTimeout(() => {
  console.error(`Not done after ${maxMinutes} minutes.`);
  process.exit(1);
}, maxMinutes * 60_000).unref();

const titles = Object.fromEntries(Object.entries(sections).map(([name, { title }]) => [name, title]));
await runCommand(usage(titles), (args) => bench(parseOptions(args, Object.keys(sections))));
