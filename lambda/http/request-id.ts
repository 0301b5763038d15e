import { randomUUID } from 'node:crypto';
import { invalidRequest } from '../domain/errors.ts';
import type { ApiMiddleware } from './api-request.ts';

const header = 'x-openstack-request-id';
const wellFormed = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Gives every answer a request id: the client's own, prefixed with `req-` unless it is already, or a new one. It stands
 * first, for it has to be on faults too.
 */
export const requestId = (): ApiMiddleware => {
  const addHeader: NonNullable<ApiMiddleware['after']> = (request) => {
    if (request.response) {
      request.response = {
        ...request.response,
        headers: { ...request.response.headers, [header]: request.internal.requestId },
      };
    }
  };
  return {
    before: (request) => {
      const given = request.event.headers[header];
      const usable = given !== undefined && wellFormed.test(given);
      request.internal.requestId = !usable ? `req-${randomUUID()}` : given.startsWith('req-') ? given : `req-${given}`;
    },
    after: addHeader,
    onError: addHeader,
  };
};

/** Refuses a client's own request id that could not be written into a log as it is. */
export const wellFormedRequestId = (): ApiMiddleware => ({
  before: ({ event }) => {
    const given = event.headers[header];
    if (given !== undefined && given !== '' && !wellFormed.test(given)) {
      throw invalidRequest(
        'X-Openstack-Request-Id has at most 64 characters, all of them A-Z, a-z, 0-9, ".", "_" or "-".',
      );
    }
  },
});
