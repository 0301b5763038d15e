import { invalidRequest } from '../../domain/errors.ts';
import type { ApiMiddleware } from '../api-request.ts';
import { parseIfMatch, parseIfNoneMatch } from '../entity-tag.ts';
import type { Precondition } from '../operation.ts';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Parses the preconditions of a request (RFC 9110, section 13): `If-None-Match` of a request that reads, `If-Match` of
 * any other. Refuses a malformed precondition, and every precondition of a write that does not support it.
 *
 * @param precondition - the resource whose entity tag the operation compares, or `none`
 */
export const parsePreconditions = (precondition: Precondition | 'none'): ApiMiddleware => ({
  before: ({ event }) => {
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = event.headers;
    if (safeMethods.has(event.requestContext.http.method)) {
      if (precondition !== 'none' && ifNoneMatch !== undefined) event.ifNoneMatch = parseIfNoneMatch(ifNoneMatch);
      return;
    }
    // An ignored precondition would permit a write that the client wants to exclude.
    if (ifNoneMatch !== undefined) throw unsupported('If-None-Match');
    if (ifMatch === undefined) return;
    if (precondition === 'none') throw unsupported('If-Match');
    event.ifMatch = parseIfMatch(ifMatch);
  },
});

const unsupported = (header: string) =>
  invalidRequest(`This operation does not support the header "${header}"; leave it out.`);
