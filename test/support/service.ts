import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { selectRoute } from '../../infra/local/api-gateway/routes.ts';
import { variables } from '../../lambda/functions/config.ts';
import type { ApiHandler } from '../../lambda/http/api-handler.ts';
import { routes, type ApiFunction } from '../../lambda/http/routes.ts';
import { testVariables } from './engine.ts';

/** A response of the service. A JSON body is parsed. */
export interface TestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: any;
}

export interface RequestOptions {
  /** The caller as `<project>:<role>[,<role>]`. Default: an anonymous request. */
  readonly as?: string;
  /** A JSON value, or a string or bytes that are sent unchanged. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The entry points of the deployed functions in this process. */
export interface Service {
  request(method: string, path: string, options?: RequestOptions): Promise<TestResponse>;
  /** Invokes a function with an event. */
  invoke(name: ApiFunction, event: APIGatewayProxyEventV2): Promise<TestResponse>;
  /** Every log line. */
  readonly logged: readonly string[];
}

const allRoutes = routes.map(({ key, function: functionId }) => ({ key, functionId }));

/**
 * Loads the entry points for a table. A test file can have one service only, because entry points read their environment
 * once.
 *
 * @param endpoint - URL of the engine or of a proxy
 * @param identity - variables of the identity configuration
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
    [variables.stackName]: 'Test',
    [variables.tableName]: tableName,
    ...identity,
    [variables.memberQuota]: String(memberQuota),
    [variables.imageBucketName]: 'images',
    // The folder of the files of the discovery function.
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
    sharing: (await import('../../lambda/functions/sharing.ts')).handler,
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
 * Makes errors of Node's modules instances of the `Error` of this realm. Outside Jest they are; the SDK and the service
 * depend on it.
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

/** Returns the event of API Gateway for a request (payload format 2.0). */
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

/** Returns the dev token of a caller `<project>:<role>[,<role>]`, with the user `user-of-<project>`. */
export function tokenOf(as: string): string {
  const [project = '', roles = ''] = as.split(':');
  return `dev:user-of-${project}:${project}:${roles}`;
}
