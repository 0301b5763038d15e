import { depthOf, unitsOf, releaseTogether, type EngineCall } from '../support/engine-proxy.ts';
import { bareRequests, bundleBareFunction, type BareHandler } from './bare-calls.ts';
import { figure, type Figure } from './figures.ts';
import { loadHandler, sdkEnvironment } from './functions.ts';
import type { InProcess } from './in-process.ts';
import { operations } from './operations.ts';
import type { Options } from './options.ts';
import { processTime } from './processor-time.ts';
import { runConcurrently, type ApiCall } from './requests.ts';

const table = 'Handler in one process, CPU ms per request';
const costTable = 'Cost of one request at the engine';
/** Requests in flight in this process. */
const concurrency = 8;

/** Processor time of one request, in milliseconds: of this process, and of the engine. */
interface Used {
  readonly here: number;
  readonly engine: number;
}

async function measure(enginePid: number, tasks: readonly (() => Promise<unknown>)[]): Promise<Used> {
  const engineBefore = processTime(enginePid);
  const before = process.cpuUsage();
  await runConcurrently(tasks, concurrency, (task) => task());
  const { user, system } = process.cpuUsage(before);
  return {
    here: (user + system) / 1000 / tasks.length,
    engine: (processTime(enginePid) - engineBefore) / tasks.length,
  };
}

/**
 * Measures the handler of each operation beside the calls that it makes, sent by a default document client in the same
 * process: slices of both alternate, and each pair gives a ratio. Also what one request costs at the engine.
 */
export async function measureHandlers(
  inProcess: InProcess,
  { rounds, requests }: Options,
  progress: (line: string) => void,
): Promise<readonly Figure[]> {
  const { direct, sendRecorded, proxy, enginePid, folder, table: testTable } = inProcess;
  const bare = loadHandler<BareHandler>(bundleBareFunction(folder), sdkEnvironment(testTable.endpoint));
  const figures: Figure[] = [];
  const costs: Figure[] = [];
  for (const { title, prepare } of operations) {
    progress(title);
    const next = await prepare(direct.send);
    const record = async (call: ApiCall): Promise<readonly EngineCall[]> => {
      proxy.intercept(releaseTogether());
      return (await proxy.record(() => sendRecorded(call))).calls;
    };
    const handlerSlice = async (): Promise<Used> =>
      measure(
        enginePid,
        (await next(requests)).map((call) => direct.prepared(call)),
      );
    const bareSlice = async (): Promise<Used> => {
      const [first, ...others] = (await next(requests + 1)) as [ApiCall, ...ApiCall[]];
      const calls = bareRequests(await record(first), first, others);
      return measure(
        enginePid,
        calls.map((request) => () => bare(request)),
      );
    };

    const [one] = await next(1);
    costs.push(...costOf(title, await record(one!)));
    await handlerSlice(); // both compiled before any of them counts
    await bareSlice();
    const pairs: { readonly handler: Used; readonly bare: Used }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      if (round % 2 === 0) pairs.push({ handler: await handlerSlice(), bare: await bareSlice() });
      else pairs.push({ bare: await bareSlice(), handler: await handlerSlice() });
    }
    const column = (name: string, value: (pair: (typeof pairs)[number]) => number) =>
      figure(table, title, name, pairs.map(value));
    figures.push(
      column('handler', (pair) => pair.handler.here),
      column('bare', (pair) => pair.bare.here),
      column('ratio', (pair) => pair.handler.here / pair.bare.here),
      column('engine', (pair) => pair.handler.engine),
      column('engine, bare', (pair) => pair.bare.engine),
    );
  }
  return [...figures, ...costs];
}

/** Returns what one request costs: calls, round trips one after another, capacity units, bytes on the wire. */
function costOf(title: string, calls: readonly EngineCall[]): readonly Figure[] {
  // What the wire itself adds to learn the units is left out.
  const bytes = (part: 'request' | 'response') =>
    calls.reduce(
      (sum, call) => sum + Buffer.byteLength(JSON.stringify({ ...call[part], ConsumedCapacity: undefined })),
      0,
    );
  const units = (isRead: boolean) =>
    unitsOf(calls.filter(({ action }) => /^(BatchGetItem|Query)$/.test(action) === isRead));
  const column = (name: string, value: number) => figure(costTable, title, name, [value]);
  return [
    column('calls', calls.length),
    column('round trips', depthOf(calls)),
    column('read units', units(true)),
    column('write units', units(false)),
    column('bytes sent', bytes('request')),
    column('bytes received', bytes('response')),
  ];
}
