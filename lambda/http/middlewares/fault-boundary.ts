import { invalidRequest, SharingError } from '../../domain/errors.ts';
import type { ApiMiddleware } from '../api-request.ts';
import { faultOf, faultResponse, RequestFault } from '../faults.ts';

/**
 * Turns every error into an error response of the API.
 *
 * @param challenge - `WWW-Authenticate` header of a 401
 */
export const faultBoundary = (challenge: string): ApiMiddleware => ({
  onError: (request) => {
    const fault = faultOf(isUnreadableBody(request.error) ? unreadableBody : request.error);
    const response = faultResponse(fault, request.internal.requestId, request.event.headers['user-agent']);
    request.internal.fault = fault.code;
    // Not returned: a returned value would skip the remaining `onError` functions.
    request.response =
      fault.status === 401
        ? { ...response, headers: { ...response.headers, 'www-authenticate': challenge } }
        : response;
  },
});

const unreadableBody = invalidRequest('The body must be valid JSON.');

/** Returns true for the 422 error of Middy's body parser, which this API reports as a 400. */
const isUnreadableBody = (error: unknown): boolean =>
  !(error instanceof SharingError || error instanceof RequestFault) &&
  (error as { statusCode?: unknown } | null)?.statusCode === 422;
