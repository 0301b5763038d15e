import { STATUS_CODES } from 'node:http';
import { SharingError, type SharingErrorCode } from '../domain/errors.ts';
import type { ApiResponse } from './api-response.ts';

/** What can be wrong with a request before it means anything. */
type RequestFaultCode = 'route-not-found' | 'method-not-allowed' | 'unsupported-media-type' | 'not-supported';

/** The only table from the code of a fault to the status it is answered with. */
const statuses = {
  'invalid-request': 400,
  'invalid-member-status': 400,
  'not-authenticated': 401,
  'not-permitted': 403,
  'image-not-shared': 403,
  'image-protected': 403,
  'attribute-read-only': 403,
  'image-not-found': 404,
  'member-not-found': 404,
  'tag-not-found': 404,
  'route-not-found': 404,
  'not-supported': 404,
  'method-not-allowed': 405,
  'image-exists': 409,
  'member-exists': 409,
  'property-not-found': 409,
  'member-quota-exceeded': 413,
  'image-too-large': 413,
  'project-full': 413,
  'unsupported-media-type': 415,
  'identity-unavailable': 503,
  'try-again-later': 503,
  'database-unavailable': 503,
  'outcome-unknown': 503,
} as const satisfies Record<FaultCode, number>;

/** Every code that a caller can be told, but that of a fault of our own. */
export type FaultCode = SharingErrorCode | RequestFaultCode;

export const httpStatusOf = (code: FaultCode): number => statuses[code];

/** A request that no operation takes, with the headers that say what would be right. */
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

/** How a fault is answered and logged. */
export interface Fault {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What went wrong, in the words of the API: anything unforeseen is a 500 that says nothing of its cause. */
export function faultOf(error: unknown): Fault {
  if (error instanceof SharingError) {
    const headers: Record<string, string> = statuses[error.code] === 503 ? { 'retry-after': '1' } : {};
    return { status: statuses[error.code], code: error.code, message: error.message, headers };
  }
  if (error instanceof RequestFault) {
    return { status: statuses[error.code], code: error.code, message: error.message, headers: error.headers };
  }
  return {
    status: 500,
    code: 'internal-error',
    message: 'The service failed; the fault is logged under this request id.',
    headers: {},
  };
}

/** A client that fails on a JSON fault whose values are not objects, and shows its user nothing of it. */
const plainTextUserAgent = /\bpython-glanceclient\b/;

/**
 * The body of every fault: a sentence, the status in words, and the machine-readable code. A client that cannot read that
 * gets the status and the sentence as text.
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
