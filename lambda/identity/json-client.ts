import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** A request with a JSON body, or without one. */
export interface JsonRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A response with its parsed body, which is `undefined` if it is not JSON. */
export interface JsonResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** @throws Error if no complete response arrives before the signal aborts */
export type SendJson = (request: JsonRequest, signal: AbortSignal) => Promise<JsonResponse>;

/** Maximum size of a response body. */
const maxResponseBytes = 1024 * 1024;

/**
 * Creates a client for JSON over HTTP that follows no redirects.
 *
 * @param certificateFile - PEM file with the only certificate authorities to trust; by default those of Node
 */
export function jsonClient(certificateFile: string | undefined): SendJson {
  // `fetch` accepts no certificate authority for a single service.
  const agents = {
    http: new HttpAgent({ keepAlive: true }),
    https: new HttpsAgent({ keepAlive: true, ...(certificateFile && { ca: readFileSync(certificateFile) }) }),
  };
  return ({ method, url, headers, body }, signal) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const options = {
        method,
        headers: { accept: 'application/json', ...(text && { 'content-type': 'application/json' }), ...headers },
        signal,
      };
      const receive = (response: IncomingMessage) => {
        readText(response).then((content) => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parse(content) });
        }, reject);
      };
      const request = url.startsWith('https:')
        ? httpsRequest(url, { ...options, agent: agents.https }, receive)
        : httpRequest(url, { ...options, agent: agents.http }, receive);
      request.on('error', reject);
      request.end(text);
    });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxResponseBytes) throw new Error(`The response must have at most ${maxResponseBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
