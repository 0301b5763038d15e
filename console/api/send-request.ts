import { connectionProblem, problemOf, unreadableProblem } from './problem.ts';

/** A signed-in user. */
export interface Session {
  /** Returns a token for the next request. @throws Problem of the kind `signed-out` if the sign-in has ended */
  readonly token: () => Promise<string>;
}

/** A request to the service. */
export interface ApiCall {
  /** Default GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path from the root of the service, with its query. */
  readonly path: string;
  /** Body, sent as JSON. */
  readonly body?: object;
  /** Field of each successful response. Default: the response has no body. */
  readonly field?: string;
}

/** Longer than the 30 s after which the gateway itself responds. */
const timeoutMilliseconds = 35_000;

/**
 * Sends a request with the token of the session.
 *
 * @returns the parsed body; without fields if the response has none
 * @throws Problem for each failure
 */
export async function sendRequest(session: Session, { method = 'GET', path, body, field }: ApiCall): Promise<unknown> {
  const token = await session.token();
  const isWrite = method !== 'GET';
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers: { 'x-auth-token': token, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    text = await response.text();
  } catch {
    throw connectionProblem(isWrite);
  }
  const content = parseJson(text);
  if (response.ok) {
    if (field !== undefined && content[field] === undefined) throw unreadableProblem(isWrite);
    return content;
  }
  const { error, message } = content as { readonly error?: string; readonly message?: string };
  throw problemOf(
    {
      status: response.status,
      error,
      message,
      retryAfter: response.headers.get('retry-after'),
      requestId: response.headers.get('x-openstack-request-id'),
    },
    isWrite,
  );
}

/** Returns the fields of a JSON object; none for any other text. */
function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
