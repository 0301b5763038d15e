import { STATUS_CODES } from 'node:http';
import { SharingError, type SharingErrorCode } from '../domain/errors.ts';
import { identityRetrySeconds } from '../identity/provider-calls.ts';
import type { ApiResponse } from './api-response.ts';

/** Faults of requests that match no operation. */
type RequestFaultCode = 'route-not-found' | 'method-not-allowed' | 'unsupported-media-type' | 'not-supported';

/** HTTP status of each fault code. */
const statuses = {
  'invalid-request': 400,
  'invalid-member-status': 400,
  'not-authenticated': 401,
  'not-permitted': 403,
  'image-not-shared': 403,
  'image-protected': 403,
  'attribute-read-only': 403,
  'image-has-no-data': 403,
  'image-not-found': 404,
  'member-not-found': 404,
  'tag-not-found': 404,
  'standing-answer-not-found': 404,
  'route-not-found': 404,
  'not-supported': 404,
  'method-not-allowed': 405,
  'image-not-queued': 409,
  'image-formats-missing': 409,
  'image-exists': 409,
  'member-exists': 409,
  'property-not-found': 409,
  'precondition-failed': 412,
  'member-quota-exceeded': 413,
  'standing-answer-limit-exceeded': 413,
  'image-too-large': 413,
  'project-full': 413,
  'unsupported-media-type': 415,
  'identity-unavailable': 503,
  'try-again-later': 503,
  'database-unavailable': 503,
  'outcome-unknown': 503,
  'not-started': 503,
} as const satisfies Record<FaultCode, number>;

/** Fault code of a response, except `internal-error`. */
export type FaultCode = SharingErrorCode | RequestFaultCode;

/** Returns the HTTP status of a fault code. */
export const httpStatusOf = (code: FaultCode): number => statuses[code];

/** Request that matches no operation, with headers that name valid alternatives. */
export class RequestFault extends Error {
  override readonly name = 'RequestFault';
  readonly code: RequestFaultCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RequestFaultCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

/** Content of an error response. */
export interface Fault {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns the fault of an error. An unexpected error is a 500 that does not reveal its cause. */
export function faultOf(error: unknown): Fault {
  if (error instanceof SharingError) {
    const status = statuses[error.code];
    const retrySeconds = error.code === 'identity-unavailable' ? identityRetrySeconds : 1;
    const headers: Fault['headers'] = status === 503 ? { 'retry-after': String(retrySeconds) } : {};
    return { status, code: error.code, message: error.message, headers };
  }
  if (error instanceof RequestFault) {
    return { status: statuses[error.code], code: error.code, message: error.message, headers: error.headers };
  }
  return {
    status: 500,
    code: 'internal-error',
    message: 'The service failed; its log has the details under this request id.',
    headers: {},
  };
}

/** Client that cannot parse a JSON fault with values other than objects, and then shows no message to its user. */
const plainTextUserAgent = /\bpython-glanceclient\b/;

/**
 * Returns the response of a fault: message, status with its title, and machine-readable code. A client that cannot
 * parse this body gets status and message as text.
 */
export function faultResponse(
  { status, code, message, headers }: Fault,
  requestId: string,
  userAgent = '',
): ApiResponse {
  const title = STATUS_CODES[status] ?? 'Error';
  if (plainTextUserAgent.test(userAgent)) {
    return {
      statusCode: status,
      headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
      body: `${status} ${title}: ${message}`,
    };
  }
  return {
    statusCode: status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ message, code: `${status} ${title}`, title, error: code, request_id: requestId }),
  };
}
