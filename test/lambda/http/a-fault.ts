import { STATUS_CODES } from 'node:http';
import { expect } from '@jest/globals';
import { faultHeaders } from './response-headers.ts';

/** Matches a complete error response with any message, and with additional headers if given. */
export const aFault = (status: number, error: string, headers: Readonly<Record<string, string>> = {}) => ({
  status,
  headers: { ...faultHeaders, ...headers },
  body: {
    message: expect.stringMatching(/^[A-Z"].*\.$/s),
    code: `${status} ${STATUS_CODES[status]}`,
    title: STATUS_CODES[status],
    error,
    request_id: expect.stringMatching(/^req-/),
  },
});
