import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { corsConfiguration, preflightResponse, withCorsHeaders } from './cors.ts';
import { httpApiEvent } from './request-event.ts';
import { gatewayResponse, type HttpApiResponse, httpApiResponse } from './response.ts';
import { httpApiRoutes } from './routes.ts';
import { listen } from '../listen.ts';
import { LocalFunction } from '../lambda/local-function.ts';
import type { SynthesizedStack } from '../template/synthesized-stack.ts';

export interface GatewayOptions {
  readonly stack: SynthesizedStack;
  /** Where the functions find DynamoDB. */
  readonly tableEndpoint: string;
  /** Variables of the functions instead of the template's, see {@link LocalFunction}. */
  readonly environment?: Readonly<Record<string, string>>;
  /** On 127.0.0.1; 0 is any free one. */
  readonly port: number;
  /** Takes what the functions log, as it is, and what goes wrong with them. */
  readonly log: Writable;
}

/** The HTTP API of a stack, served on this machine. */
export interface Gateway {
  /** Such as `http://127.0.0.1:9292`, without a slash at the end. */
  readonly url: string;
  /** Takes no more requests, answers those it has (for 30 s at most), and ends the functions. */
  stop(): Promise<void>;
}

/** Request line and headers of an HTTP API, in bytes. */
const headLimit = 10_240;
/** The body of a request to an HTTP API, in bytes. */
const bodyLimit = 10 * 1024 * 1024;
/** An event into a Lambda function and a result out of it, in bytes of JSON. */
const payloadLimit = 6 * 1024 * 1024;
/** After which an HTTP API gives up on a request. */
const longestRequestMilliseconds = 30_000;

const tooLarge = gatewayResponse(413, 'Request Entity Too Large');
const headTooLarge = gatewayResponse(431, 'Request Header Fields Too Large');
const badRequest = gatewayResponse(400, 'Bad Request');
const notFound = gatewayResponse(404, 'Not Found');
const failed = gatewayResponse(500, 'Internal Server Error');

/**
 * Serves the routes of the template with the functions behind them, as an HTTP API does: the same events, the same
 * limits, the same answers of the gateway's own.
 *
 * @throws Refusal if the port is taken, or the template has what the local server does not know
 */
export async function startGateway({ stack, tableEndpoint, environment, port, log }: GatewayOptions): Promise<Gateway> {
  const routes = httpApiRoutes(stack);
  const cors = corsConfiguration(stack);
  const functions = new Map(
    routes.map(
      ({ functionId }) => [functionId, new LocalFunction(stack, functionId, tableEndpoint, log, environment)] as const,
    ),
  );
  const stopFunctions = () => Promise.all([...functions.values()].map((one) => one.stop()));

  const answer = async (request: IncomingMessage): Promise<HttpApiResponse> => {
    const body = await readBody(request);
    if (headSize(request) > headLimit) return headTooLarge;
    if (body === undefined) return tooLarge;
    const preflight = cors && preflightResponse(cors, request);
    if (preflight !== undefined) return preflight;
    const routed = httpApiEvent(routes, request, body);
    if (routed === undefined) return notFound;
    const event = JSON.stringify(routed.event);
    if (Buffer.byteLength(event) > payloadLimit) return tooLarge;
    const result = await functions.get(routed.route.functionId)?.invoke(event);
    if (result === undefined) return failed;
    const response = Buffer.byteLength(result) > payloadLimit ? undefined : httpApiResponse(result);
    if (response === undefined) {
      log.write(`${routed.route.key}: what the function returned is no response: ${result.slice(0, 200)}\n`);
      return failed;
    }
    return cors === undefined ? response : withCorsHeaders(cors, request, response);
  };

  let isStopping = false;
  const inFlight = new Set<Promise<void>>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (isStopping) response.shouldKeepAlive = false;
    try {
      await send(response, await answer(request));
    } catch (error) {
      // A client that has gone wants no answer.
      if (request.socket.destroyed) return;
      log.write(`${inspect(error)}\n`);
      await send(response, failed);
    }
  };
  // Node's own limit counts otherwise; it only has to let pass what ours is to refuse.
  const server = createServer({ maxHeaderSize: 4 * headLimit }, (request, response) => {
    const served = serve(request, response).finally(() => inFlight.delete(served));
    inFlight.add(served);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    sendError(socket, error.code === 'HPE_HEADER_OVERFLOW' ? headTooLarge : badRequest);
  });

  try {
    await Promise.all([...functions.values()].map((one) => one.load()));
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
      const forceStopTimer = setTimeout(() => server.closeAllConnections(), longestRequestMilliseconds);
      while (inFlight.size > 0) await Promise.all(inFlight);
      clearTimeout(forceStopTimer);
      server.closeAllConnections();
      await closed;
      await stopFunctions();
    },
  };
}

/** The bytes of request line and headers as they were sent. */
function headSize({ method, url, httpVersion, rawHeaders }: IncomingMessage): number {
  const requestLine = `${method} ${url} HTTP/${httpVersion}\r\n`.length;
  // Names and values alternate: each name is followed by a colon and a space, each value by the line's end.
  return rawHeaders.reduce((size, text) => size + text.length + 2, requestLine + 2);
}

/** The whole body, or undefined if it is over the limit: then it is read to its end all the same, to be answered. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= bodyLimit) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size > bodyLimit ? undefined : Buffer.concat(chunks, size);
}

/** Sends an answer; done when it has gone out, or the client has. */
async function send(response: ServerResponse, { statusCode, headers, body }: HttpApiResponse): Promise<void> {
  if (response.destroyed) return; // the client went while the answer was made
  const hasBody = statusCode !== 204 && statusCode !== 304;
  response.writeHead(statusCode, { ...headers, ...(hasBody && { 'content-length': body.length }) });
  const closed = once(response, 'close');
  response.end(hasBody ? body : undefined);
  await closed;
}

/** Answers what Node could not read as a request, for which it makes no response object. */
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
