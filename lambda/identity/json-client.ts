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

/** An answer, its body parsed; `undefined` where it is not JSON. */
export interface JsonResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** @throws Error if there is no answer, or not a whole one before the signal */
export type SendJson = (request: JsonRequest, signal: AbortSignal) => Promise<JsonResponse>;

/** The largest answer that is read. */
const maxResponseBytes = 1024 * 1024;

/**
 * A client for JSON over HTTP that follows no redirect. Not `fetch`, which cannot be told of a certificate authority for
 * one service alone.
 *
 * @param certificateFile - a file, in PEM, of the authorities that may vouch for the service in place of all others
 */
export function jsonClient(certificateFile: string | undefined): SendJson {
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
      const receive = (answer: IncomingMessage) => {
        readText(answer).then((read) => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parse(read) });
        }, reject);
      };
      const request = url.startsWith('https:')
        ? httpsRequest(url, { ...options, agent: agents.https }, receive)
        : httpRequest(url, { ...options, agent: agents.http }, receive);
      request.on('error', reject);
      request.end(text);
    });
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxResponseBytes) throw new Error(`The answer is over ${maxResponseBytes} bytes.`);
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
