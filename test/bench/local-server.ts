import { setTimeout } from 'node:timers/promises';
import { httpApiRoutes } from '../../infra/local/api-gateway/routes.ts';
import { resourcesOfType, type SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { physicalName } from '../../infra/local/template/template-values.ts';
import { startLocalServer } from '../support/local-server.ts';
import { figure, percentile, type Figure } from './figures.ts';
import { operations } from './operations.ts';
import type { Options } from './options.ts';
import { childProcess, mainThread, processTime, residentMegabytes, threadTimes } from './processor-time.ts';
import { httpSender, runConcurrently, type ApiCall, type Send } from './requests.ts';

const speedTable = 'Local server, per request';
const memoryTable = 'Memory of the local server, MB';
const concurrencies = [1, 8, 32] as const;
/** Linux keeps so much of a thread's name. */
const threadNameLength = 15;

/** Where processor time goes: a column each. */
type Part = 'gateway' | 'functions' | 'events' | 'V8' | 'engine';
const parts: readonly Part[] = ['gateway', 'functions', 'events', 'V8', 'engine'];
type Times = Readonly<Record<Part, number>>;

/**
 * Measures the local server as `npm start` runs it, from outside, on an empty data folder: its memory, then slices of
 * every operation at every concurrency in turn. The processor time of a slice includes what its changes cause later:
 * their notifications.
 */
export async function measureLocalServer(
  stack: SynthesizedStack,
  { rounds, requests, lists }: Options,
  progress: (line: string) => void,
): Promise<readonly Figure[]> {
  const server = await startLocalServer({ CORS_ORIGINS: '', IDENTITY: '', DYNAMODB_ENDPOINT: '' });
  const { send, close } = httpSender(server.base, Math.max(...concurrencies));
  try {
    const engine = childProcess(server.pid, 'dynoxide');
    const times = timesOf(stack, server.pid, engine);
    const memory = (row: string): readonly Figure[] => [
      figure(memoryTable, row, 'server', [Math.round(residentMegabytes(server.pid))]),
      figure(memoryTable, row, 'engine', [Math.round(residentMegabytes(engine))]),
    ];
    await untilIdle(times);
    const figures = [...memory('idle')];

    const prepared = [];
    for (const { title, prepare } of operations) {
      progress(`preparing ${title}`);
      prepared.push({ title, next: await prepare(send) });
    }
    progress(`${lists} lists`);
    const list: ApiCall = { method: 'GET', path: '/v2/images', project: 'lister', subjects: [] };
    await runConcurrently(
      Array.from({ length: lists }, () => list),
      8,
      send,
    );
    figures.push(...memory(`after ${lists} lists`));

    const cells = prepared.flatMap(({ title, next }) =>
      concurrencies.map((concurrency) => ({
        row: `${title}, ${concurrency} at a time`,
        slice: async () => measureSlice(await next(requests), concurrency, send, times),
        samples: [] as Slice[],
      })),
    );
    for (const { slice } of cells) await slice(); // compiled before any of them counts
    for (let round = 0; round < rounds; round += 1) {
      progress(`round ${round + 1} of ${rounds}`);
      for (const { slice, samples } of round % 2 === 0 ? cells : cells.toReversed()) samples.push(await slice());
    }
    return [...figures, ...cells.flatMap(({ row, samples }) => speedFigures(row, samples))];
  } finally {
    close();
    await server.stop();
  }
}

interface Slice {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  readonly used: Times;
}

async function measureSlice(
  calls: readonly ApiCall[],
  concurrency: number,
  send: Send,
  times: () => Times,
): Promise<Slice> {
  await untilIdle(times);
  const before = times();
  const startedAt = performance.now();
  const milliseconds = (await runConcurrently(calls, concurrency, send)).toSorted((a, b) => a - b);
  const seconds = (performance.now() - startedAt) / 1000;
  await untilIdle(times);
  const after = times();
  return {
    p50: percentile(milliseconds, 0.5),
    p99: percentile(milliseconds, 0.99),
    perSecond: calls.length / seconds,
    used: Object.fromEntries(parts.map((part) => [part, (after[part] - before[part]) / calls.length])) as Times &
      object,
  };
}

function speedFigures(row: string, samples: readonly Slice[]): readonly Figure[] {
  const column = (name: string, value: (slice: Slice) => number) => figure(speedTable, row, name, samples.map(value));
  return [
    column('requests/s', ({ perSecond }) => perSecond),
    column('p50 ms', ({ p50 }) => p50),
    column('p99 ms', ({ p99 }) => p99),
    column('CPU ms', ({ used }) => parts.reduce((sum, part) => sum + used[part], 0)),
    ...parts.map((part) => column(part, ({ used }) => used[part])),
  ];
}

/** Returns a reading of the server's processor time in milliseconds, by what its threads are for. */
function timesOf(stack: SynthesizedStack, server: number, engine: number): () => Times {
  const routed = new Set(httpApiRoutes(stack).map(({ functionId }) => functionId));
  const functions = new Map<string, Part>(
    resourcesOfType(stack, 'AWS::Lambda::Function').map(([id]) => [
      physicalName(stack, id).slice(0, threadNameLength),
      routed.has(id) ? 'functions' : 'events',
    ]),
  );
  const partOf = (thread: string): Part => (thread === mainThread ? 'gateway' : (functions.get(thread) ?? 'V8'));
  return () => {
    const times = { gateway: 0, functions: 0, events: 0, V8: 0, engine: processTime(engine) };
    for (const [thread, time] of threadTimes(server)) times[partOf(thread)] += time;
    return times;
  };
}

const total = (times: Times): number => parts.reduce((sum, part) => sum + times[part], 0);

/** Waits until the server has published what it has to, which shows in its processor time: for 10 s at most. */
async function untilIdle(times: () => Times): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (let before = total(times()); performance.now() < deadline;) {
    await setTimeout(200);
    const now = total(times());
    if (now - before <= 30) return;
    before = now;
  }
}
