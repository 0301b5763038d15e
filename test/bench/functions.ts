import { createRequire } from 'node:module';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';
import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { httpApiEvent, type RoutedEvent } from '../../infra/local/api-gateway/request-event.ts';
import { httpApiRoutes } from '../../infra/local/api-gateway/routes.ts';
import { resourcesOfType, type SynthesizedStack } from '../../infra/local/template/synthesized-stack.ts';
import { localCredentials, localRegion, resolveTemplateValue } from '../../infra/local/template/template-values.ts';
import { bodyOf, tokenOf, type ApiCall, type Send } from './requests.ts';

/** A function of the template with its bundle. */
export interface BundledFunction {
  readonly id: string;
  /** Its folder in the cloud assembly. */
  readonly folder: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Returns the functions of the template as the local server bundles them: with the test identity. */
export const bundledFunctions = (stack: SynthesizedStack): readonly BundledFunction[] =>
  resourcesOfType(stack, 'AWS::Lambda::Function').map(([id, { Properties: properties }]) => {
    const { S3Key: key } = properties?.['Code'] as { readonly S3Key: string };
    const { Variables: variables = {} } = (properties?.['Environment'] ?? {}) as { readonly Variables?: object };
    const folder = stack.assets[key]!;
    return {
      id,
      folder,
      file: join(folder, 'index.js'),
      environment: resolveTemplateValue(variables, stack) as Record<string, string>,
    };
  });

/** Returns what the SDK of a function finds in its environment. @param events - where it finds the bus and the queues */
export const sdkEnvironment = (tableEndpoint: string, events = tableEndpoint): Readonly<Record<string, string>> => ({
  AWS_REGION: localRegion,
  AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
  AWS_ENDPOINT_URL_DYNAMODB: tableEndpoint,
  AWS_ENDPOINT_URL_EVENTBRIDGE: events,
  AWS_ENDPOINT_URL_SQS: events,
  AWS_CONFIG_FILE: devNull,
  AWS_SHARED_CREDENTIALS_FILE: devNull,
});

const require = createRequire(import.meta.url);

/** Loads a CommonJS bundle anew, with an environment of its own while it loads, and returns its handler. */
export function loadHandler<Handler>(file: string, environment: Readonly<Record<string, string>>): Handler {
  Object.assign(process.env, { ...environment, LAMBDA_TASK_ROOT: dirname(file) });
  Reflect.deleteProperty(require.cache, require.resolve(file));
  return (require(file) as { readonly handler: Handler }).handler;
}

type ApiHandler = (event: unknown, context: object) => Promise<APIGatewayProxyStructuredResultV2>;

/** Returns the event that the gateway makes of a request, and the function that gets it. */
export function eventOf(stack: SynthesizedStack, { method, path, project, body }: ApiCall): RoutedEvent {
  const request = {
    method,
    url: path,
    httpVersion: '1.1',
    headers: { host: '127.0.0.1' },
    headersDistinct: {
      host: ['127.0.0.1'],
      'content-type': ['application/json'],
      'x-auth-token': [tokenOf(project)],
    },
    socket: { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1', localPort: 0 },
  } as unknown as IncomingMessage;
  return httpApiEvent(httpApiRoutes(stack), request, Buffer.from(body === undefined ? '' : JSON.stringify(body)))!;
}

/** The functions behind the API, loaded into this process. */
export interface LoadedFunctions {
  /** Sends a request straight to its handler. */
  readonly send: Send;
  /** Returns a call of the handler that does nothing but call it: its event is made beforehand. */
  readonly prepared: (call: ApiCall) => () => Promise<unknown>;
}

/** Loads the functions behind the API with a table at this address. What they log is dropped. */
export function loadFunctions(stack: SynthesizedStack, tableEndpoint: string): LoadedFunctions {
  const routed = new Set(httpApiRoutes(stack).map(({ functionId }) => functionId));
  const handlers = new Map(
    bundledFunctions(stack)
      .filter(({ id }) => routed.has(id))
      .map(({ id, file, environment }) => [
        id,
        loadHandler<ApiHandler>(file, { ...environment, ...sdkEnvironment(tableEndpoint) }),
      ]),
  );
  const prepared: LoadedFunctions['prepared'] = (call) => {
    const { route, event } = eventOf(stack, call);
    const handler = handlers.get(route.functionId)!;
    return async () => {
      const { statusCode = 0, body = '' } = await withoutOutput(() => handler(event, {}));
      return bodyOf(call.method, call.path, statusCode, body);
    };
  };
  return { prepared, send: (call) => prepared(call)() };
}

let muted = 0;
const write = process.stdout.write.bind(process.stdout);

/** Runs a handler and drops what it logs meanwhile; the benchmark itself writes to standard output only at its end. */
async function withoutOutput<Result>(run: () => Promise<Result>): Promise<Result> {
  muted += 1;
  process.stdout.write = () => true;
  try {
    return await run();
  } finally {
    muted -= 1;
    if (muted === 0) process.stdout.write = write;
  }
}
