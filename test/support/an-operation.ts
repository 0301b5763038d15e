import type { Context } from 'aws-lambda';
import { wrapOperation } from '../../lambda/http/api-handler.ts';
import type { ApiRequest } from '../../lambda/http/api-request.ts';
import type { BodyRule, HandleRequest, Precondition } from '../../lambda/http/operation.ts';
import { createDevVerifier } from '../../lambda/identity/dev.ts';
import type { TokenVerifier } from '../../lambda/identity/token-verifier.ts';
import { aTelemetry } from './a-telemetry.ts';
import { httpEvent, type RequestOptions } from './service.ts';

/** The request, response and log of an operation. */
export interface Outcome {
  /** The request that the operation received, or `undefined` if a middleware refused it. */
  readonly request: ApiRequest | undefined;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: any;
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

/** Sends the event of an HTTP API to an operation with all its middlewares, and returns the outcome. */
export async function anOperation(
  {
    operation = () => Promise.resolve({ statusCode: 204, headers: {} }),
    body = 'ignored',
    precondition = 'none',
    identity = createDevVerifier(),
  }: {
    operation?: HandleRequest;
    body?: BodyRule;
    precondition?: Precondition | 'none';
    identity?: TokenVerifier | undefined;
  },
  method: string,
  url: string,
  options: RequestOptions = {},
): Promise<Outcome> {
  const log: Record<string, unknown>[] = [];
  let request: ApiRequest | undefined;
  const observed: HandleRequest = (input) => {
    request = input;
    return operation(input);
  };
  const handler = wrapOperation(
    { name: 'it', handle: observed, body, precondition },
    { identity, telemetry: aTelemetry((line) => log.push({ ...line })) },
  );
  const response = await handler(httpEvent(method, url, { as: 'alpha:member', ...options }), {
    awsRequestId: 'lambda-request',
  } as Context);
  const { statusCode: status, headers, body: text } = response;
  return { request, status, headers, body: text && JSON.parse(text), log };
}
