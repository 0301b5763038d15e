import { setTimeout as pause } from 'node:timers/promises';

/** An answer of the service, its body parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** JSON, of a shape that each check states. */
  readonly body: any;
}

/** Every token that was sent to the service: none of them may be in its log. */
export const sentTokens = new Set<string>();

/** Asks a local server, below `/v2`, and takes a 503 for what it says: it asks again, as clients do. */
export async function send(...request: Parameters<typeof sendOnce>): Promise<Answer> {
  for (let left = 5; ; left -= 1) {
    const answer = await sendOnce(...request);
    if (answer.status !== 503 || left === 0) return answer;
  }
}

/** Asks a local server, below `/v2`, once. */
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

/** The status alone. */
export const statusOf = async (...request: Parameters<typeof send>): Promise<number> => (await send(...request)).status;

/**
 * Asks again until an answer has this status.
 *
 * @returns the other statuses that came before
 * @throws Error if it does not come in time
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
