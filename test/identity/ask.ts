import { setTimeout as pause } from 'node:timers/promises';

/** A response of the service with its parsed body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON. */
  readonly body: any;
}

/** Every token that was sent to the service. Its log must not contain any of them. */
export const sentTokens = new Set<string>();

/** Sends a request to a local server, below `/v2`. Retries after a 503, as clients do. */
export async function send(...request: Parameters<typeof sendOnce>): Promise<Answer> {
  for (let left = 5; ; left -= 1) {
    const answer = await sendOnce(...request);
    if (answer.status !== 503 || left === 0) return answer;
  }
}

/** Sends a request to a local server, below `/v2`, once. */
export async function sendOnce(
  base: string,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  sentTokens.add(token);
  const response = await fetch(`${base}/v2${path}`, {
    method,
    headers: { 'x-auth-token': token, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
}

/** Sends a request and returns the status of its response. */
export const statusOf = async (...request: Parameters<typeof send>): Promise<number> => (await send(...request)).status;

/**
 * Repeats a request until its response has this status.
 *
 * @returns the other statuses before
 * @throws Error if no response has this status in time
 */
export async function sendUntilStatus(
  status: number,
  seconds: number,
  request: () => Promise<Answer>,
): Promise<ReadonlySet<number>> {
  const others = new Set<number>();
  for (const end = Date.now() + seconds * 1000; ;) {
    const answer = await request();
    if (answer.status === status) return others;
    others.add(answer.status);
    await pause(200);
    if (Date.now() > end) throw new Error(`no ${status} within ${seconds} s, but ${[...others].join(', ')}`);
  }
}
