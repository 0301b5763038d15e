import type { Context } from 'aws-lambda';
import { wrapOperation } from '../../lambda/http/api-handler.ts';
import type { ApiRequest } from '../../lambda/http/api-request.ts';
import type { BodyRule, HandleRequest } from '../../lambda/http/operation.ts';
import { createDevVerifier } from '../../lambda/identity/dev.ts';
import type { TokenVerifier } from '../../lambda/identity/token-verifier.ts';
import { httpEvent, type RequestOptions } from './service.ts';

/** What an operation was asked, answered, and wrote into the log. */
export interface Outcome {
  /** The request as the operation saw it, or `undefined` where it was refused before. */
  readonly request: ApiRequest | undefined;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: any;
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

/** One operation in the whole stack of middlewares that every operation has around it, asked with an HTTP API's event. */
export async function anOperation(
  {
    operation = () => Promise.resolve({ statusCode: 204, headers: {} }),
    body = 'ignored',
    identity = createDevVerifier(),
  }: { operation?: HandleRequest; body?: BodyRule; identity?: TokenVerifier | undefined },
  method: string,
  url: string,
  options: RequestOptions = {},
): Promise<Outcome> {
  const log: Record<string, unknown>[] = [];
  let request: ApiRequest | undefined;
  const observed: HandleRequest = (given) => {
    request = given;
    return operation(given);
  };
  const handler = wrapOperation(
    { name: 'it', handle: observed, body },
    { identity, log: (line) => log.push({ ...line }) },
  );
  const answer = await handler(httpEvent(method, url, { as: 'alpha:member', ...options }), {} as Context);
  const { statusCode: status, headers, body: text } = answer;
  return { request, status, headers, body: text && JSON.parse(text), log };
}
