import type { ApiMiddleware } from '../api-request.ts';
import { requestIdHeader } from './request-id.ts';

/** Headers that have the same value in every response. */
export const constantHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/**
 * Sets the headers of every response. It must be the first middleware, because the first middleware is the last to see
 * a response.
 *
 * @param requiresToken - true if responses depend on the caller's token
 */
export const responseHeaders = (requiresToken: boolean): ApiMiddleware => {
  const setHeaders: NonNullable<ApiMiddleware['after']> = (request) => {
    const { response, internal } = request;
    if (!response) return;
    const vary = [
      ...(requiresToken ? ['X-Auth-Token', 'Authorization'] : []),
      // The body of a fault is text for clients that cannot parse JSON faults.
      ...(internal.fault === undefined ? [] : ['User-Agent']),
      // The gateway adds CORS headers for allowed origins.
      'Origin',
    ];
    request.response = {
      ...response,
      headers: {
        ...response.headers,
        ...constantHeaders,
        vary: vary.join(', '),
        [requestIdHeader]: internal.requestId,
      },
    };
  };
  return { after: setHeaders, onError: setHeaders };
};
