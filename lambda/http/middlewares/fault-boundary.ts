import { invalidRequest, SharingError } from '../../domain/errors.ts';
import type { ApiMiddleware } from '../api-request.ts';
import { faultOf, faultResponse, RequestFault } from '../faults.ts';

/**
 * Turns whatever is thrown into an answer in the API's form. Nothing below it answers a fault, nothing above sees one.
 *
 * @param challenge - the `WWW-Authenticate` of a 401
 */
export const faultBoundary = (challenge: string): ApiMiddleware => ({
  onError: (request) => {
    const fault = faultOf(isUnreadableBody(request.error) ? unreadableBody : request.error);
    const response = faultResponse(fault, request.internal.requestId, request.event.headers['user-agent']);
    request.internal.fault = fault.code;
    // Set and not returned: a returned value would keep the log from its turn.
    request.response =
      fault.status === 401
        ? { ...response, headers: { ...response.headers, 'www-authenticate': challenge } }
        : response;
  },
});

const unreadableBody = invalidRequest('The body is not readable JSON.');

/** Middy's body parser answers 422 where this API answers 400; its error carries the body and is not looked into. */
const isUnreadableBody = (error: unknown): boolean =>
  !(error instanceof SharingError || error instanceof RequestFault) &&
  (error as { statusCode?: unknown } | null)?.statusCode === 422;
