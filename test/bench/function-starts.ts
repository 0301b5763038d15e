import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pendingChangeMessage } from '../../lambda/events/pending-change-handler.ts';
import type { Image } from '../../lambda/domain/image.ts';
import { runCommand } from '../support/run-command.ts';
import { openTestStream } from '../support/table-stream.ts';
import { bareRequests, bundleBareFunction } from './bare-calls.ts';
import { figure, type Figure } from './figures.ts';
import { bundledFunctions, eventOf, sdkEnvironment } from './functions.ts';
import type { InProcess } from './in-process.ts';
import { operations } from './operations.ts';
import type { Options } from './options.ts';
import type { ApiCall } from './requests.ts';

const table = 'Functions, each in new processes';

/** Loads a bundle and handles its first event; prints the processor time of both, in milliseconds. */
const program = `
const used = (since) => { const { user, system } = process.cpuUsage(since); return (user + system) / 1000; };
const [file, event] = process.argv.slice(1);
const log = console.log;
process.stdout.write = () => true;
const start = process.cpuUsage();
const { handler } = require(file);
const load = used(start);
const loaded = process.cpuUsage();
(async () => {
  const result = await handler(JSON.parse(event), { getRemainingTimeInMillis: () => 20000 });
  const first = used(loaded);
  delete process.stdout.write;
  process.stdout.write(JSON.stringify({ load, first, result }), () => process.exit());
})();
`;

interface Start {
  readonly load: number;
  readonly first: number;
  readonly result: any;
}

/** A function whose start is measured, and an event for a new process. */
interface Starter {
  readonly row: string;
  readonly file: string;
  readonly bytes: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly event: () => Promise<unknown>;
  readonly samples: Start[];
}

/**
 * Measures the start of each function beside that of a bare client which makes the first call of a PUT: the bytes of its
 * code, and the processor time to load it and to handle the first event. All take turns.
 */
export async function measureFunctionStarts(
  inProcess: InProcess,
  { starts }: Options,
  progress: (line: string) => void,
): Promise<readonly Figure[]> {
  const { stack, table: testTable } = inProcess;
  const folder = mkdtempSync(join(tmpdir(), 'image-sharing-bench-'));
  const bus = await startBusStub();
  try {
    const bare = bundleBareFunction(folder);
    const events = await firstEvents(inProcess);
    const environment = sdkEnvironment(testTable.endpoint, bus.url);
    const starters: Starter[] = [
      { row: 'bare client', file: bare, bytes: statSync(bare).size, environment, event: events.bare, samples: [] },
      ...bundledFunctions(stack).map((each): Starter => ({
        row: each.id.replace(/Function[0-9A-F]{8}$/, ''),
        file: each.file,
        bytes: globSync('**/*.js', { cwd: each.folder }).reduce(
          (sum, name) => sum + statSync(join(each.folder, name)).size,
          0,
        ),
        environment: { ...each.environment, ...environment },
        event: events[each.id.replace(/Function[0-9A-F]{8}$/, '')]!,
        samples: [],
      })),
    ];
    for (let round = 0; round < starts; round += 1) {
      progress(`round ${round + 1} of ${starts}`);
      for (const starter of round % 2 === 0 ? starters : starters.toReversed()) {
        starter.samples.push(await measureStart(starter));
      }
    }
    const bareSamples = starters[0]!.samples;
    return starters.flatMap(({ row, bytes, samples }) => [
      figure(table, row, 'KB', [Math.round(bytes / 1024)]),
      figure(
        table,
        row,
        'load CPU ms',
        samples.map(({ load }) => load),
      ),
      figure(
        table,
        row,
        'first CPU ms',
        samples.map(({ first }) => first),
      ),
      figure(
        table,
        row,
        'both, over bare',
        samples.map(({ load, first }, n) => (load + first) / (bareSamples[n]!.load + bareSamples[n]!.first)),
      ),
    ]);
  } finally {
    await bus.stop();
    rmSync(folder, { recursive: true });
  }
}

async function measureStart({ row, file, environment, event }: Starter): Promise<Start> {
  const { code, stdout, stderr } = await runCommand(
    process.execPath,
    ['-e', program, file, JSON.stringify(await event())],
    { env: { ...environment, LAMBDA_TASK_ROOT: dirname(file) }, timeoutSeconds: 60 },
  );
  if (code !== 0) throw new Error(`${row} does not start: ${stderr}`);
  const start = JSON.parse(stdout) as Start;
  const { statusCode = 200, batchItemFailures: failures = [] } = start.result ?? {};
  if (statusCode >= 300 || failures.length > 0) throw new Error(`${row} failed: ${JSON.stringify(start.result)}`);
  return start;
}

type FirstEvents = Readonly<Record<string, () => Promise<unknown>>> & { readonly bare: () => Promise<unknown> };

/** Returns for each function a source of events that it handles with success. */
async function firstEvents({ stack, direct, sendRecorded, proxy, table: testTable }: InProcess): Promise<FirstEvents> {
  const [put, list] = await Promise.all(
    ['PUT member', 'GET images, 25 of 100'].map((title) =>
      operations.find((operation) => operation.title === title)!.prepare(direct.send),
    ),
  );
  const nextPut = async (): Promise<ApiCall> => (await put!(1))[0]!;
  const stream = await openTestStream(testTable);
  const records = await stream.next();
  stream.close();
  const change = records.find(({ dynamodb }) => dynamodb?.Keys?.['sk']?.S?.startsWith('SHARED#') === true);
  const queued = (body: string) => ({
    Records: [{ messageId: randomUUID(), body, attributes: { ApproximateReceiveCount: '1' }, messageAttributes: {} }],
  });
  return {
    bare: async () => {
      const [first, second] = (await put!(2)) as [ApiCall, ApiCall];
      const { calls } = await proxy.record(() => sendRecorded(first));
      return bareRequests(calls, first, [second])[0];
    },
    Members: async () => eventOf(stack, await nextPut()).event,
    Images: async () => eventOf(stack, (await list!(1))[0]!).event,
    Discovery: () =>
      Promise.resolve(
        eventOf(stack, { method: 'GET', path: '/v2/schemas/image', project: 'reader', subjects: [] }).event,
      ),
    Notifications: () => Promise.resolve({ Records: [change] }),
    PendingChanges: async () => {
      const [id] = (await nextPut()).subjects;
      return queued(pendingChangeMessage({ id: id as Image['id'], version: 1 }));
    },
    Commands: async () => {
      const { project, body, subjects } = await nextPut();
      const [image_id, member_id] = subjects;
      const { status } = body as { readonly status: string };
      const command = { version: 1, id: randomUUID(), command: 'answer-offer', project, user: 'bench' };
      return queued(JSON.stringify({ ...command, image_id, member_id, status }));
    },
  };
}

/** Starts what takes the events that the functions publish, and nothing else of the bus. */
async function startBusStub(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = createServer((_request, response) => {
    response.end(JSON.stringify({ FailedEntryCount: 0, Entries: [{ EventId: randomUUID() }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
