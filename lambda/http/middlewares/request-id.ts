import { randomUUID } from 'node:crypto';
import { invalidRequest } from '../../domain/errors.ts';
import type { ApiMiddleware } from '../api-request.ts';

/** Name of the header with the request id, in requests and responses. */
export const requestIdHeader = 'x-openstack-request-id';
const wellFormed = /^[A-Za-z0-9._-]{1,64}$/;

/** Sets the request id: the client's id, with the prefix `req-`, or a generated id. */
export const requestId = (): ApiMiddleware => ({
  before: ({ event, internal }) => {
    const clientId = event.headers[requestIdHeader] ?? '';
    const id = wellFormed.test(clientId) ? clientId : randomUUID();
    internal.requestId = event.requestId = id.startsWith('req-') ? id : `req-${id}`;
  },
});

/** Refuses a client's request id that is not safe to log. */
export const requireWellFormedRequestId = (): ApiMiddleware => ({
  before: ({ event }) => {
    const clientId = event.headers[requestIdHeader] ?? '';
    if (clientId !== '' && !wellFormed.test(clientId)) {
      throw invalidRequest('"X-Openstack-Request-Id" must have at most 64 characters: A-Z, a-z, 0-9, ".", "_" or "-".');
    }
  },
});
