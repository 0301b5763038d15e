/**
 * The thread of a function: what the Lambda runtime is to its handler. Started by `local-function.ts`, with the
 * function's environment as the thread's own.
 *
 * Plain JavaScript, because every thread that strips types needs 11 MB for it.
 */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

/** @import { FunctionWorkerData, Invocation, InvocationOutcome } from './local-function.ts' */

if (parentPort === null) throw new Error('function-worker.mjs runs only as a worker thread.');
const port = parentPort;
/** @type {FunctionWorkerData} */
const { file, exportName, context } = workerData;

const handler = createRequire(import.meta.url)(file)[exportName];
if (typeof handler !== 'function') throw new Error(`${file} exports no function ${exportName}.`);

port.on('message', (/** @type {Invocation} */ { id, requestId, event, deadline }) => {
  void outcome(requestId, event, deadline).then((result) => port.postMessage({ id, ...result }));
});
port.postMessage('ready');

/**
 * @param {string} requestId
 * @param {string} event
 * @param {number} deadline
 * @returns {Promise<InvocationOutcome>}
 */
async function outcome(requestId, event, deadline) {
  try {
    const result = await handler(JSON.parse(event), {
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
