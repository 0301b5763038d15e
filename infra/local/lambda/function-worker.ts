/**
 * The thread of a function: what the Lambda runtime is to its handler. Started by `local-function.ts`, with the
 * function's environment as the thread's own.
 */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { FunctionWorkerData, Invocation, InvocationOutcome } from './local-function.ts';

if (parentPort === null) throw new Error('function-worker.ts runs only as a worker thread.');
const port = parentPort;
const { file, exportName, context } = workerData as FunctionWorkerData;

const module = (await import(pathToFileURL(file).href)) as Record<string, unknown> & {
  default?: Record<string, unknown>;
};
// A CommonJS bundle whose exports Node cannot foresee has them all in `default`.
const handler = module[exportName] ?? module.default?.[exportName];
if (typeof handler !== 'function') throw new Error(`${file} exports no function ${exportName}.`);

port.on('message', ({ id, requestId, event, deadline }: Invocation) => {
  void outcome(requestId, event, deadline).then((result) => port.postMessage({ id, ...result }));
});
port.postMessage('ready');

async function outcome(requestId: string, event: string, deadline: number): Promise<InvocationOutcome> {
  try {
    const result: unknown = await (handler as (event: unknown, context: object) => unknown)(JSON.parse(event), {
      ...context,
      awsRequestId: requestId,
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    });
    // A function's result leaves it as JSON, in which `undefined` is null.
    return { result: JSON.stringify(result === undefined ? null : result) };
  } catch (error) {
    console.error('Invoke Error', error);
    return { result: undefined };
  }
}
