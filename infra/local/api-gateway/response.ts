import type { OutgoingHttpHeaders } from 'node:http';

/** A response to a client. */
export interface HttpApiResponse {
  readonly statusCode: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** Returns a response of the gateway itself, in API Gateway's format. */
export function gatewayResponse(statusCode: number, message: string): HttpApiResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ message })),
  };
}

/** Headers for the message length and the connection. The gateway sets them, so those of a function are dropped. */
const gatewayManagedHeaders = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

/**
 * Converts a function's result of payload format 2.0 to a response. An object with a `statusCode` describes the
 * response; any other result is the body of a response with status 200.
 *
 * @param result - JSON
 * @returns undefined if the result is no valid description of a response
 */
export function httpApiResponse(result: string): HttpApiResponse | undefined {
  const value: unknown = JSON.parse(result);
  if (typeof value !== 'object' || value === null || !('statusCode' in value)) {
    return {
      statusCode: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(typeof value === 'string' ? value : result),
    };
  }
  const {
    statusCode,
    headers = {},
    cookies = [],
    body = '',
    isBase64Encoded = false,
  } = value as Record<string, unknown>;
  if (!Number.isInteger(statusCode) || Number(statusCode) < 200 || Number(statusCode) > 599) return undefined;
  if (typeof body !== 'string' || !Array.isArray(cookies) || typeof headers !== 'object' || headers === null)
    return undefined;
  const functionHeaders = Object.entries(headers as Record<string, unknown>)
    .map(([name, headerValue]) => [name.toLowerCase(), String(headerValue)] as const)
    .filter(([name]) => !gatewayManagedHeaders.has(name));
  return {
    statusCode: Number(statusCode),
    headers: {
      ...(body !== '' && { 'content-type': 'text/plain; charset=utf-8' }),
      ...Object.fromEntries(functionHeaders),
      ...(cookies.length > 0 && { 'set-cookie': cookies.map(String) }),
    },
    body: Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}
