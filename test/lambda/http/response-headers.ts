import { expect } from '@jest/globals';

/** The headers of every response to a request with a token. */
export const responseHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-openstack-request-id': expect.stringMatching(/^req-/),
  vary: 'X-Auth-Token, Authorization, Origin',
};

/** The same for a fault. */
export const faultHeaders = {
  ...responseHeaders,
  'content-type': 'application/json',
  vary: 'X-Auth-Token, Authorization, User-Agent, Origin',
};
