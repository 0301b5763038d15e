import { fetchFields } from './fetch-fields.ts';
import { connectionProblem, problemOf, unreadableProblem } from './problem.ts';

/** A signed-in user. */
export interface Session {
  /** Returns a token for the next request. @throws Problem of the kind `signed-out` if the sign-in has ended */
  readonly token: () => Promise<string>;
  /** Shell command that creates an image. Default: that of an OpenStack client, which its user has configured. */
  readonly createCommand?: string;
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

/**
 * Sends a request with the token of the session.
 *
 * @returns the parsed body; without fields if the response has none
 * @throws Problem for each failure
 */
export async function sendRequest(session: Session, { method = 'GET', path, body, field }: ApiCall): Promise<unknown> {
  const token = await session.token();
  const isWrite = method !== 'GET';
  const { response, fields } = await fetchFields(path, {
    method,
    headers: { 'x-auth-token': token, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw connectionProblem(isWrite);
  });
  if (response.ok) {
    if (field !== undefined && fields[field] == null) throw unreadableProblem(isWrite);
    return fields;
  }
  const { error, message } = fields as { readonly error?: string; readonly message?: string };
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
