import type { ApiMiddleware } from '../api-request.ts';
import { requestIdHeader } from './request-id.ts';

/**
 * Sets the headers that every response has, whatever the request and whatever came of it. It must be the first middleware:
 * the last to see a response.
 *
 * @param needsToken - whether responses depend on the caller's token
 */
export const responseHeaders = (needsToken: boolean): ApiMiddleware => {
  const setHeaders: NonNullable<ApiMiddleware['after']> = (request) => {
    const { response, internal } = request;
    if (!response) return;
    const vary = [
      ...(needsToken ? ['X-Auth-Token', 'Authorization'] : []),
      // The body of a fault is text for clients that cannot read JSON.
      ...(internal.fault === undefined ? [] : ['User-Agent']),
      // The gateway adds CORS headers for the origins that may call the API.
      'Origin',
    ];
    request.response = {
      ...response,
      headers: {
        ...response.headers,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        vary: vary.join(', '),
        [requestIdHeader]: internal.requestId,
      },
    };
  };
  return { after: setHeaders, onError: setHeaders };
};
