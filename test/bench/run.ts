import { existsSync, globSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { startGateway } from '../../infra/local/api-gateway/gateway.ts';
import { ensureTable } from '../../infra/local/dynamodb/ensure-table.ts';
import {
  readSynthesizedStack,
  resourcesOfType,
  type SynthesizedStack,
} from '../../infra/local/template/synthesized-stack.ts';
import { synthesize } from '../../infra/local/template/synthesize.ts';
import { tableClient } from '../../infra/local/dynamodb/table-client.ts';
import { startTableEngine } from '../../infra/local/dynamodb/table-engine.ts';
import { tableFromTemplate } from '../../infra/local/dynamodb/table-from-template.ts';
import { runCommand } from '../support/run-command.ts';
import { startEngineProxy, unitsOf, type EngineProxy } from '../support/engine-proxy.ts';

// `npm run bench`: how fast the local server answers on a fresh data file, what that costs at the engine, and how large and
// how quick to load the functions are. A report and no test: compare within one run, by the ratios, and not across machines.

/** Requests of each operation that are measured, after a tenth as many that are not. */
const measured = 600;
/** Requests in flight at a time. */
const sideBySide = 4;
/** Loads of each function, of which the median is told. */
const loads = 5;

const say = (line = ''): void => console.log(line);

interface Answer {
  readonly status: number;
  readonly body: any;
}

/** The API on a fresh engine, as `npm start` runs it, with a wire between that counts. */
async function startService(stack: SynthesizedStack) {
  const folder = await mkdtemp(join(tmpdir(), 'image-sharing-bench-'));
  const engine = await startTableEngine(join(folder, 'table.sqlite'));
  const client = tableClient(engine.endpoint);
  await ensureTable(client, tableFromTemplate(stack));
  client.destroy();
  const log = new Writable({ write: (_chunk, _encoding, done) => done() });
  const gateway = await startGateway({ stack, port: 0, log, tableEndpoint: engine.endpoint });
  const proxy = await startEngineProxy(engine.endpoint);
  const counted = await startGateway({ stack, port: 0, log, tableEndpoint: proxy.endpoint });
  return {
    url: gateway.url,
    countedUrl: counted.url,
    proxy,
    stop: async () => {
      await Promise.all([gateway.stop(), counted.stop()]);
      await proxy.stop();
      await engine.stop();
      await rm(folder, { recursive: true });
    },
  };
}

const agent = new Agent({ keepAlive: true, maxSockets: sideBySide });

async function send(url: string, method: string, path: string, project: string, body?: unknown): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(`${url}${path}`, {
      method,
      agent,
      headers: { 'x-auth-token': `dev:bench:${project}:member`, 'content-type': 'application/json' },
    })
      .on('response', resolve)
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
  const answer = await text(response);
  const status = response.statusCode ?? 0;
  if (status >= 300) throw new Error(`${method} ${path} was answered ${status}: ${answer}`);
  return { status, body: answer === '' ? undefined : JSON.parse(answer) };
}

/** One operation that is measured; `n` tells its requests apart. */
interface Operation {
  readonly title: string;
  readonly run: (url: string, n: number) => Promise<unknown>;
}

interface Measure {
  readonly title: string;
  readonly perSecond: number;
  readonly milliseconds: readonly number[];
}

async function measure({ title, run }: Operation, url: string): Promise<Measure> {
  const warmUp = measured / 10;
  const milliseconds: number[] = [];
  let next = 0;
  const work = async (until: number): Promise<void> => {
    while (next < until) {
      const n = next++;
      const startedAt = performance.now();
      await run(url, n);
      milliseconds.push(performance.now() - startedAt);
    }
  };
  const all = (until: number) => Promise.all(Array.from({ length: sideBySide }, () => work(until)));
  await all(warmUp);
  milliseconds.length = 0;
  const startedAt = performance.now();
  await all(warmUp + measured);
  const seconds = (performance.now() - startedAt) / 1000;
  return { title, perSecond: measured / seconds, milliseconds: milliseconds.sort((a, b) => a - b) };
}

const percentile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);

/** What one request of an operation costs at the engine. */
async function cost({ title, run }: Operation, url: string, proxy: EngineProxy): Promise<string> {
  const { calls } = await proxy.record(() => run(url, measured * 2));
  const actions = calls.map(({ action }) => action).join(', ');
  return `${title.padEnd(28)} ${String(calls.length).padStart(5)} ${unitsOf(calls).toFixed(1).padStart(7)}   ${actions}`;
}

/** How long a new process takes to load a function's file, in milliseconds, beyond what it takes to start. */
async function loadTime(file: string, environment: NodeJS.ProcessEnv): Promise<number> {
  const program = `const at = performance.now(); require(${JSON.stringify(file)}); console.log(performance.now() - at); process.exit()`;
  const times: number[] = [];
  for (let count = 0; count < loads; count += 1) {
    const { code, stdout, stderr } = await runCommand(process.execPath, ['-e', program], {
      env: environment,
      timeoutSeconds: 60,
    });
    if (code !== 0) throw new Error(`${file} does not load: ${stderr}`);
    times.push(Number(stdout));
  }
  return times.sort((a, b) => a - b)[Math.floor(loads / 2)]!;
}

async function reportFunctions(stack: SynthesizedStack): Promise<void> {
  say('\nFunction                        KB   load ms (median of a new process each)');
  for (const [id, { Properties: properties }] of resourcesOfType(stack, 'AWS::Lambda::Function')) {
    const { S3Key: key } = properties?.['Code'] as { readonly S3Key: string };
    const { Variables: variables } = properties?.['Environment'] as { readonly Variables: Record<string, unknown> };
    const file = join(stack.assets[key]!, 'index.js');
    if (!existsSync(file)) throw new Error(`The function ${id} has no file ${file}.`);
    const environment = Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, typeof value === 'string' ? value : 'Bench']),
    );
    const size = globSync('**/*.js', { cwd: stack.assets[key]! })
      .map((name) => statSync(join(stack.assets[key]!, name)).size)
      .reduce((sum, bytes) => sum + bytes, 0);
    const time = await loadTime(file, { ...environment, AWS_REGION: 'us-east-1' });
    say(`${id.padEnd(24)} ${(size / 1024).toFixed(0).padStart(9)} ${time.toFixed(0).padStart(9)}`);
  }
}

async function bench(): Promise<void> {
  const stack = readSynthesizedStack(await synthesize(say));
  const service = await startService(stack);
  try {
    const total = measured * 2 + 1;
    say(`Preparing ${total} offers and a list of 100 images …`);
    const images: string[] = [];
    for (let n = 0; n <= total / 100; n += 1) {
      images.push((await send(service.url, 'POST', '/v2/images', 'owner', { name: `image-${n}` })).body.id);
    }
    const imageOf = (n: number) => images[n % images.length]!;
    for (let n = 0; n < total; n += 1) {
      await send(service.url, 'POST', `/v2/images/${imageOf(n)}/members`, 'owner', { member: `answering-${n}` });
    }
    for (let n = 0; n < 100; n += 1) await send(service.url, 'POST', '/v2/images', 'lister', { name: `listed-${n}` });

    let created = 0;
    let openImage: Promise<string> | undefined;
    const operations: readonly Operation[] = [
      {
        title: 'no work: GET /healthcheck',
        run: (url) =>
          new Promise((resolve, reject) => {
            httpRequest(`${url}/healthcheck`, { agent }, (response) => {
              text(response).then(resolve, reject);
            })
              .on('error', reject)
              .end();
          }),
      },
      {
        title: 'answer: PUT member',
        run: (url, n) =>
          send(url, 'PUT', `/v2/images/${imageOf(n)}/members/answering-${n}`, `answering-${n}`, { status: 'accepted' }),
      },
      {
        title: 'offer: POST member',
        run: async (url, n) => {
          // An image has a place for 128 members.
          if (created++ % 100 === 0) {
            openImage = send(url, 'POST', '/v2/images', 'owner', {}).then(({ body }) => body.id as string);
          }
          await send(url, 'POST', `/v2/images/${await openImage!}/members`, 'owner', { member: `offered-${n}` });
        },
      },
      { title: 'list: GET images, 25 of 100', run: (url) => send(url, 'GET', '/v2/images', 'lister') },
    ];

    const measures: Measure[] = [];
    for (const operation of operations) {
      say(`Measuring ${operation.title}: ${measured} requests, ${sideBySide} at a time …`);
      measures.push(await measure(operation, service.url));
    }
    const base = measures[0]!;
    say('\nOperation                    requests/s   p50 ms   p95 ms   p99 ms   p50 of an answer without work');
    for (const { title, perSecond, milliseconds } of measures) {
      const columns = [0.5, 0.95, 0.99].map((share) => percentile(milliseconds, share).padStart(8));
      const ratio = Number(percentile(milliseconds, 0.5)) / Number(percentile(base.milliseconds, 0.5));
      say(
        `${title.padEnd(28)} ${perSecond.toFixed(0).padStart(10)} ${columns.join(' ')} ${`× ${ratio.toFixed(1)}`.padStart(9)}`,
      );
    }
    say('\nOperation                    calls   units   of the engine, for one request');
    created = 1;
    for (const operation of operations) say(await cost(operation, service.countedUrl, service.proxy));
  } finally {
    agent.destroy();
    await service.stop();
  }
  await reportFunctions(stack);
}

try {
  await bench();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
