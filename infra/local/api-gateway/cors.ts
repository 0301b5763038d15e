import type { IncomingMessage } from 'node:http';
import type { HttpApiResponse } from './response.ts';
import { resourcesOfType, type SynthesizedStack } from '../template/synthesized-stack.ts';

/** The property `CorsConfiguration` of `AWS::ApiGatewayV2::Api`. */
export interface CorsConfiguration {
  readonly AllowOrigins: readonly string[];
  readonly AllowMethods?: readonly string[];
  readonly AllowHeaders?: readonly string[];
  readonly ExposeHeaders?: readonly string[];
  /** Seconds. */
  readonly MaxAge?: number;
}

/**
 * Returns the CORS configuration of the stack's HTTP API; undefined if it has none, so that the function's headers
 * apply.
 */
export function corsConfiguration(stack: SynthesizedStack): CorsConfiguration | undefined {
  const [api] = resourcesOfType(stack, 'AWS::ApiGatewayV2::Api');
  return api?.[1].Properties?.['CorsConfiguration'] as CorsConfiguration | undefined;
}

/** Returns a header with the values as a list, or no header if there are no values. */
const listHeader = (name: string, values: readonly string[] = []): Readonly<Record<string, string>> =>
  values.length === 0 ? {} : { [name]: values.join(',') };

/** Returns the header that allows the request's origin; undefined if the origin is not allowed. */
const allowedOriginHeader = ({ AllowOrigins: allowed }: CorsConfiguration, { headers }: IncomingMessage) =>
  allowed.includes(headers.origin ?? '') ? { 'access-control-allow-origin': headers.origin } : undefined;

/**
 * Returns the gateway's response to a preflight request, which reaches no function: status 204, without CORS headers if
 * the origin is not allowed.
 *
 * An OPTIONS request that is no preflight goes to its route. API Gateway does not document its behavior for this case.
 *
 * @returns undefined if the request is no preflight
 */
export function preflightResponse(cors: CorsConfiguration, request: IncomingMessage): HttpApiResponse | undefined {
  const { method, headers } = request;
  const isPreflight =
    method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
  if (!isPreflight) return undefined;
  const originHeader = allowedOriginHeader(cors, request);
  return {
    statusCode: 204,
    headers:
      originHeader === undefined
        ? {}
        : {
            ...originHeader,
            ...listHeader('access-control-allow-methods', cors.AllowMethods),
            ...listHeader('access-control-allow-headers', cors.AllowHeaders),
            ...listHeader('access-control-expose-headers', cors.ExposeHeaders),
            ...(cors.MaxAge !== undefined && { 'access-control-max-age': String(cors.MaxAge) }),
          },
    body: Buffer.alloc(0),
  };
}

/** Replaces the CORS headers of a function's response with those of the configuration. */
export function withCorsHeaders(
  cors: CorsConfiguration,
  request: IncomingMessage,
  response: HttpApiResponse,
): HttpApiResponse {
  const otherHeaders = Object.entries(response.headers).filter(([name]) => !name.startsWith('access-control-'));
  const originHeader = allowedOriginHeader(cors, request);
  const corsHeaders = originHeader && {
    ...originHeader,
    ...listHeader('access-control-expose-headers', cors.ExposeHeaders),
  };
  return { ...response, headers: { ...Object.fromEntries(otherHeaders), ...corsHeaders } };
}
