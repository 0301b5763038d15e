import type { IncomingMessage } from 'node:http';
import type { HttpApiResponse } from './response.ts';
import { resourcesOfType, type SynthesizedStack } from '../template/synthesized-stack.ts';

/** What a template says of an HTTP API's CORS (`CorsConfiguration` of `AWS::ApiGatewayV2::Api`). */
export interface CorsConfiguration {
  readonly AllowOrigins: readonly string[];
  readonly AllowMethods?: readonly string[];
  readonly AllowHeaders?: readonly string[];
  readonly ExposeHeaders?: readonly string[];
  /** In seconds. */
  readonly MaxAge?: number;
}

/** The CORS of the stack's HTTP API, or `undefined` where it has none: then a function's own headers are all there is. */
export function corsConfiguration(stack: SynthesizedStack): CorsConfiguration | undefined {
  const [api] = resourcesOfType(stack, 'AWS::ApiGatewayV2::Api');
  return api?.[1].Properties?.['CorsConfiguration'] as CorsConfiguration | undefined;
}

const listed = (name: string, values: readonly string[] = []): Readonly<Record<string, string>> =>
  values.length === 0 ? {} : { [name]: values.join(',') };

const allowedOrigin = ({ AllowOrigins: allowed }: CorsConfiguration, { headers }: IncomingMessage) =>
  allowed.includes(headers.origin ?? '') ? { 'access-control-allow-origin': headers.origin } : undefined;

/**
 * The gateway's own answer to a preflight, which no function sees: a 204, bare where the origin is not allowed.
 *
 * Of its own: an OPTIONS request that is no preflight goes on to its route (what the service does is not known).
 *
 * @returns undefined for any other request
 */
export function preflightResponse(cors: CorsConfiguration, request: IncomingMessage): HttpApiResponse | undefined {
  const { method, headers } = request;
  const isPreflight =
    method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
  if (!isPreflight) return undefined;
  const origin = allowedOrigin(cors, request);
  return {
    statusCode: 204,
    headers:
      origin === undefined
        ? {}
        : {
            ...origin,
            ...listed('access-control-allow-methods', cors.AllowMethods),
            ...listed('access-control-allow-headers', cors.AllowHeaders),
            ...listed('access-control-expose-headers', cors.ExposeHeaders),
            ...(cors.MaxAge !== undefined && { 'access-control-max-age': String(cors.MaxAge) }),
          },
    body: Buffer.alloc(0),
  };
}

/** A function's response as the gateway sends it: with CORS headers of the configuration and none of the function's. */
export function withCorsHeaders(
  cors: CorsConfiguration,
  request: IncomingMessage,
  response: HttpApiResponse,
): HttpApiResponse {
  const others = Object.entries(response.headers).filter(([name]) => !name.startsWith('access-control-'));
  const origin = allowedOrigin(cors, request);
  const own = origin && { ...origin, ...listed('access-control-expose-headers', cors.ExposeHeaders) };
  return { ...response, headers: { ...Object.fromEntries(others), ...own } };
}
