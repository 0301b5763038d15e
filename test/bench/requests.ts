import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** One request to the API, as the project that makes it. */
export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly project: string;
  readonly body?: unknown;
  /** The ids that tell it from the other requests of its operation, in the order in which they were chosen. */
  readonly subjects: readonly string[];
}

/** Sends a request and returns the parsed body. @throws Error if it is refused or fails */
export type Send = (call: ApiCall) => Promise<any>;

/** Returns the token of a project's member; its user is named after the benchmark. */
export const tokenOf = (project: string): string => `dev:bench:${project}:member`;

/** Longer than any response takes: a request without one ends the benchmark. */
const timeoutMilliseconds = 60_000;

/** Returns a sender for a server on this machine, with up to so many connections, and what ends these. */
export function httpSender(url: string, connections: number): { readonly send: Send; readonly close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send: Send = async ({ method, path, project, body }) => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(`${url}${path}`, {
        method,
        agent,
        timeout: timeoutMilliseconds,
        headers: { 'x-auth-token': tokenOf(project), 'content-type': 'application/json' },
      })
        .on('response', resolve)
        .on('timeout', () => reject(new Error(`${method} ${path} got no response in time.`)))
        .on('error', reject)
        .end(body === undefined ? undefined : JSON.stringify(body));
    });
    return bodyOf(method, path, response.statusCode ?? 0, await text(response));
  };
  return { send, close: () => agent.destroy() };
}

/** Returns the parsed body of a response. @throws Error unless its status is a success */
export function bodyOf(method: string, path: string, status: number, body: string): any {
  if (status < 200 || status >= 300) throw new Error(`${method} ${path} got ${status}: ${body.slice(0, 200)}`);
  return body === '' ? undefined : JSON.parse(body);
}

/**
 * Runs a task for each item, so many at a time.
 *
 * @returns how long each took, in milliseconds
 */
export async function runConcurrently<Item>(
  items: readonly Item[],
  concurrency: number,
  task: (item: Item) => Promise<unknown>,
): Promise<readonly number[]> {
  const milliseconds: number[] = [];
  const remaining = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const item of remaining) {
      const startedAt = performance.now();
      await task(item);
      milliseconds.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return milliseconds;
}
