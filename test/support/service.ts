import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { selectRoute } from '../../infra/local/api-gateway/routes.ts';
import { variables } from '../../lambda/functions/config.ts';
import type { ApiHandler } from '../../lambda/http/api-handler.ts';
import { routes, type ApiFunction } from '../../lambda/http/routes.ts';
import { testVariables } from './engine.ts';

/** An answer of the service, its body parsed where it is JSON. */
export interface TestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: any;
}

export interface RequestOptions {
  /** The caller, as `<project>:<role>[,<role>]`; none is an anonymous request. */
  readonly as?: string;
  /** A JSON body, or text, or bytes as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The deployed functions' own entry points in this process, called with the events of an HTTP API. */
export interface Service {
  request(method: string, path: string, options?: RequestOptions): Promise<TestResponse>;
  /** An event that is handed to a function as it is. */
  invoke(name: ApiFunction, event: APIGatewayProxyEventV2): Promise<TestResponse>;
  /** Every line that was logged. */
  readonly logged: readonly string[];
}

const allRoutes = routes.map(({ key, function: functionId }) => ({ key, functionId }));

/**
 * Loads the entry points on a table. A test file has one service, for an entry point reads its environment once.
 *
 * @param endpoint - the engine, or a proxy in front of it
 * @param identity - the variables that configure the identity
 */
export async function startService(
  endpoint: string,
  tableName: string,
  memberQuota = 128,
  identity: Readonly<Record<string, string>> = { [variables.identity]: 'dev' },
): Promise<Service> {
  shareErrors();
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    [variables.tableName]: tableName,
    ...identity,
    [variables.memberQuota]: String(memberQuota),
    // Where the discovery function finds its files.
    LAMBDA_TASK_ROOT: join(process.env[testVariables.assembly] ?? '', 'bundles', 'discovery'),
  });
  const logged: string[] = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => {
    logged.push(String(line));
    return true;
  });
  const handlers: Record<ApiFunction, ApiHandler> = {
    members: (await import('../../lambda/functions/members.ts')).handler,
    images: (await import('../../lambda/functions/images.ts')).handler,
    discovery: (await import('../../lambda/functions/discovery.ts')).handler,
  };

  const invoke: Service['invoke'] = async (name, event) => {
    const { statusCode, headers, body } = await handlers[name](event, {} as Context);
    const parsed: unknown = headers['content-type'] === 'application/json' ? JSON.parse(body ?? '') : body;
    return { status: statusCode, headers, body: parsed };
  };
  return {
    logged,
    invoke,
    request: (method, path, options = {}) => {
      const event = httpEvent(method, path, options);
      const { functionId } = allRoutes.find(({ key }) => key === event.routeKey)!;
      return invoke(functionId, event);
    },
  };
}

/**
 * Makes errors of Node's own modules, such as a lost connection, instances of this realm's `Error`, which they are
 * everywhere but within Jest: the SDK and the service look at them in this way.
 */
function shareErrors(): void {
  const ordinary = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(Error, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown): boolean {
      return (
        ordinary.call(this as typeof Error, value) ||
        (this === Error && Object.prototype.toString.call(value) === '[object Error]')
      );
    },
  });
}

/** The event of a request, as API Gateway makes it (payload format 2.0). */
export function httpEvent(
  method: string,
  url: string,
  { as, body, headers = {} }: RequestOptions,
): APIGatewayProxyEventV2 {
  const [path = '/', rawQueryString = ''] = url.split(/\?(.*)/s);
  const rawPath = decodeURIComponent(path);
  const match = selectRoute(allRoutes, method, rawPath)!;
  const bytes = body instanceof Uint8Array;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return {
    version: '2.0',
    routeKey: match.route.key,
    rawPath,
    rawQueryString,
    headers: { host: 'api.test', 'x-forwarded-proto': 'https', ...(as && { 'x-auth-token': tokenOf(as) }), ...headers },
    requestContext: {
      accountId: '000000000000',
      apiId: 'test',
      domainName: 'api.test',
      domainPrefix: 'api',
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: '' },
      requestId: randomUUID(),
      routeKey: match.route.key,
      stage: '$default',
      time: '23/Nov/2026:12:00:00 +0000',
      timeEpoch: 0,
    },
    ...(match.pathParameters && { pathParameters: { ...match.pathParameters } }),
    ...(bytes ? { body: Buffer.from(body).toString('base64') } : text !== undefined && { body: text }),
    isBase64Encoded: bytes,
  };
}

/** The token of `<project>:<role>[,<role>]`; its user is named after the project. */
export function tokenOf(as: string): string {
  const [project = '', roles = ''] = as.split(':');
  return `dev:user-of-${project}:${project}:${roles}`;
}
