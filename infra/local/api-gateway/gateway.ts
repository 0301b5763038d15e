import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { corsConfiguration, preflightResponse, withCorsHeaders } from './cors.ts';
import { httpApiEvent } from './request-event.ts';
import { gatewayResponse, type HttpApiResponse, httpApiResponse } from './response.ts';
import { httpApiRoutes } from './routes.ts';
import { requestIdHeader } from '../../../lambda/http/middlewares/request-id.ts';
import { listen } from '../listen.ts';
import { LocalFunction } from '../lambda/local-function.ts';
import type { SynthesizedStack } from '../template/synthesized-stack.ts';

/** A request to which the gateway has responded. */
export interface ServedRequest {
  readonly method: string;
  /** Path and query as sent by the client. */
  readonly url: string;
  readonly status: number;
  /** Time between the request and the end of its response. */
  readonly milliseconds: number;
  /** The `x-openstack-request-id` of the response; undefined for a response of the gateway itself. */
  readonly requestId: string | undefined;
}

export interface GatewayOptions {
  readonly stack: SynthesizedStack;
  /** URL of the DynamoDB engine for the functions. */
  readonly tableEndpoint: string;
  /** Variables that replace those of the template, see {@link LocalFunction}. */
  readonly environment?: Readonly<Record<string, string>>;
  /** URLs of other services, see {@link LocalFunction}. */
  readonly endpoints?: Readonly<Record<string, string>>;
  /** Port on 127.0.0.1; 0 selects a free port. */
  readonly port: number;
  /** Receives the functions' log output and the errors of the gateway. */
  readonly log: Writable;
  /** Called after the response to each request. */
  readonly onServed?: ((request: ServedRequest) => void) | undefined;
}

/** The running HTTP API of a stack. */
export interface Gateway {
  /** URL such as `http://127.0.0.1:9292`, without a trailing slash. */
  readonly url: string;
  /** Stops listening, waits at most 30 s for the running requests and stops the functions. */
  stop(): Promise<void>;
}

/** Maximum size in bytes of request line and headers. */
const maxHeadBytes = 10_240;
/** Maximum size in bytes of a request body. */
const maxBodyBytes = 10 * 1024 * 1024;
/** Maximum size in bytes of a function's event and result as JSON. */
const maxPayloadBytes = 6 * 1024 * 1024;
/** Timeout of a request to an HTTP API. */
const maxRequestMilliseconds = 30_000;

const tooLarge = gatewayResponse(413, 'Request Entity Too Large');
const headTooLarge = gatewayResponse(431, 'Request Header Fields Too Large');
const badRequest = gatewayResponse(400, 'Bad Request');
const notFound = gatewayResponse(404, 'Not Found');
const failed = gatewayResponse(500, 'Internal Server Error');

/**
 * Serves the template's routes with their functions, as API Gateway's HTTP API does: the same events, limits and error
 * responses.
 *
 * @throws UsageError if the port cannot be used, or the local server does not support a part of the template
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { stack, tableEndpoint, environment, endpoints, port, log, onServed } = options;
  const routes = httpApiRoutes(stack);
  const cors = corsConfiguration(stack);
  const functions = new Map(
    routes.map(
      ({ functionId }) =>
        [
          functionId,
          new LocalFunction({ stack, logicalId: functionId, tableEndpoint, log, environment, endpoints }),
        ] as const,
    ),
  );
  const stopFunctions = () => Promise.all([...functions.values()].map((localFunction) => localFunction.stop()));

  const respond = async (request: IncomingMessage): Promise<HttpApiResponse> => {
    const body = await readBody(request);
    if (headSize(request) > maxHeadBytes) return headTooLarge;
    if (body === undefined) return tooLarge;
    const preflight = cors && preflightResponse(cors, request);
    if (preflight !== undefined) return preflight;
    const routed = httpApiEvent(routes, request, body);
    if (routed === undefined) return notFound;
    const event = JSON.stringify(routed.event);
    if (Buffer.byteLength(event) > maxPayloadBytes) return tooLarge;
    const result = await functions.get(routed.route.functionId)?.invoke(event);
    if (result === undefined) return failed;
    const response = Buffer.byteLength(result) > maxPayloadBytes ? undefined : httpApiResponse(result);
    if (response === undefined) {
      log.write(`${routed.route.key}: the function returned an invalid response: ${result.slice(0, 200)}\n`);
      return failed;
    }
    return cors === undefined ? response : withCorsHeaders(cors, request, response);
  };

  let isStopping = false;
  const inFlight = new Set<Promise<void>>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (isStopping) response.shouldKeepAlive = false;
    const startedAt = performance.now();
    const sendResponse = async (result: HttpApiResponse): Promise<void> => {
      await send(response, result);
      const requestId = result.headers[requestIdHeader];
      onServed?.({
        method: request.method!,
        url: request.url!,
        status: result.statusCode,
        milliseconds: performance.now() - startedAt,
        requestId: typeof requestId === 'string' ? requestId : undefined,
      });
    };
    try {
      await sendResponse(await respond(request));
    } catch (error) {
      // The client has closed the connection.
      if (request.socket.destroyed) return;
      log.write(`${inspect(error)}\n`);
      await sendResponse(failed);
    }
  };
  // Node counts the size of headers differently; its limit must be above the gateway's, so that the gateway responds.
  const server = createServer({ maxHeaderSize: 4 * maxHeadBytes }, (request, response) => {
    const served = serve(request, response).finally(() => inFlight.delete(served));
    inFlight.add(served);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    sendError(socket, error.code === 'HPE_HEADER_OVERFLOW' ? headTooLarge : badRequest);
  });

  try {
    await Promise.all([...functions.values()].map((localFunction) => localFunction.load()));
    await listen(server, port);
  } catch (error) {
    await stopFunctions();
    throw error;
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      isStopping = true;
      const closed = once(server, 'close');
      server.close();
      const forceStopTimer = setTimeout(() => server.closeAllConnections(), maxRequestMilliseconds);
      while (inFlight.size > 0) await Promise.all(inFlight);
      clearTimeout(forceStopTimer);
      server.closeAllConnections();
      await closed;
      await stopFunctions();
    },
  };
}

/** Returns the size in bytes of request line and headers as received. */
function headSize({ method, url, httpVersion, rawHeaders }: IncomingMessage): number {
  const requestLine = `${method} ${url} HTTP/${httpVersion}\r\n`.length;
  // Names and values alternate. Two bytes follow each of them: a colon and a space, or the end of the line.
  return rawHeaders.reduce((size, text) => size + text.length + 2, requestLine + 2);
}

/**
 * Reads the body. Returns undefined if it is too large; it is still read to its end, so that the client gets a
 * response.
 */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks, size);
}

/** Sends a response. Returns when it is sent or the client has closed the connection. */
async function send(response: ServerResponse, { statusCode, headers, body }: HttpApiResponse): Promise<void> {
  if (response.destroyed) return; // the client has closed the connection
  const hasBody = statusCode !== 204 && statusCode !== 304;
  response.writeHead(statusCode, { ...headers, ...(hasBody && { 'content-length': body.length }) });
  const closed = once(response, 'close');
  response.end(hasBody ? body : undefined);
  await closed;
}

/** Sends a response to bytes that Node cannot parse as a request; Node provides no response object for them. */
function sendError(socket: Socket, { statusCode, headers, body }: HttpApiResponse): void {
  if (!socket.writable) return;
  socket.end(
    [
      `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`),
      `content-length: ${body.length}`,
      'connection: close',
      '',
      body.toString(),
    ].join('\r\n'),
  );
}
