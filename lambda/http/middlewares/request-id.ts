import { randomUUID } from 'node:crypto';
import { invalidRequest } from '../../domain/errors.ts';
import type { ApiMiddleware } from '../api-request.ts';

export const requestIdHeader = 'x-openstack-request-id';
const wellFormed = /^[A-Za-z0-9._-]{1,64}$/;

/** Determines the request id: the client's own, prefixed with `req-` unless it is already, or a new one. */
export const requestId = (): ApiMiddleware => ({
  before: ({ event, internal }) => {
    const given = event.headers[requestIdHeader];
    const usable = given !== undefined && wellFormed.test(given);
    internal.requestId = !usable ? `req-${randomUUID()}` : given.startsWith('req-') ? given : `req-${given}`;
  },
});

/** Refuses a client's own request id that could not be written into a log as it is. */
export const requireWellFormedRequestId = (): ApiMiddleware => ({
  before: ({ event }) => {
    const given = event.headers[requestIdHeader];
    if (given !== undefined && given !== '' && !wellFormed.test(given)) {
      throw invalidRequest(
        'X-Openstack-Request-Id has at most 64 characters, all of them A-Z, a-z, 0-9, ".", "_" or "-".',
      );
    }
  },
});
