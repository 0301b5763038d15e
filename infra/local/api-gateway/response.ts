import type { OutgoingHttpHeaders } from 'node:http';

/** An answer as it goes to the client. */
export interface HttpApiResponse {
  readonly statusCode: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** An answer that the gateway itself gives. */
export function gatewayResponse(statusCode: number, message: string): HttpApiResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ message })),
  };
}

/** Headers that say how the message ends and the connection goes on, which the gateway decides. */
const gatewayManagedHeaders = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

/**
 * What an HTTP API makes of a function's result, payload format 2.0: of an object with a `statusCode` the response that
 * it describes, of anything else a 200 with that as its body.
 *
 * @param result - as JSON
 * @returns undefined if the result describes no response
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
  const named = Object.entries(headers as Record<string, unknown>)
    .map(([name, one]) => [name.toLowerCase(), String(one)] as const)
    .filter(([name]) => !gatewayManagedHeaders.has(name));
  return {
    statusCode: Number(statusCode),
    headers: {
      ...(body !== '' && { 'content-type': 'text/plain; charset=utf-8' }),
      ...Object.fromEntries(named),
      ...(cookies.length > 0 && { 'set-cookie': cookies.map(String) }),
    },
    body: Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}
