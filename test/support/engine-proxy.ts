import { randomUUID } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

/** A call of the service to the engine, with its response. */
export interface EngineCall {
  /** The action of the DynamoDB API, such as `UpdateItem`. */
  readonly action: string;
  readonly request: Record<string, any>;
  readonly response: Record<string, any>;
  readonly status: number;
  /** Times in milliseconds, which distinguish parallel calls from sequential calls. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** True if the client closed the connection before the end of the response, such as after its timeout. */
  readonly isAbandoned: boolean;
}

/**
 * An interference with a call: the proxy forwards another request (and can amend the response), responds itself (with
 * text for a response that is not JSON), delays the response, or loses the request or the response.
 */
export type Interference =
  | {
      readonly request: Record<string, unknown>;
      readonly amend?: (response: Record<string, any>) => Record<string, unknown>;
    }
  | { readonly status: number; readonly response: Record<string, unknown> | string }
  | { readonly afterwards: () => Promise<Afterwards> }
  | 'lose the request'
  | 'lose the response';

/**
 * An interference with the response of the engine: the proxy forwards, loses or replaces it, stalls after its first bytes,
 * or sends the same request again with a new client token and forwards the second response.
 */
export type Afterwards =
  | 'go on'
  | 'lose the response'
  | 'stall'
  | 'send again'
  | { readonly status: number; readonly response: Record<string, unknown> };

export type Interceptor = (
  call: Pick<EngineCall, 'action' | 'request'>,
) => Interference | undefined | Promise<Interference | undefined>;

/** A proxy between the service and the engine that records calls and can interfere with them. */
export interface EngineProxy {
  /** URL of the proxy. */
  readonly endpoint: string;
  /** The calls with a response since the last {@link record}. */
  readonly calls: readonly EngineCall[];
  /** Clears the recorded calls, runs an operation, and returns its result and its calls. */
  record<Result>(
    operation: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly calls: readonly EngineCall[] }>;
  /** Sets the interceptor of all following calls; `undefined` forwards all calls. */
  intercept(interceptor: Interceptor | undefined): void;
  /** Uses a new connection for every following call, so that {@link refuseConnections} affects the next call. */
  closeConnections(): void;
  /** Refuses connections for a number of milliseconds. */
  refuseConnections(milliseconds: number): void;
  stop(): Promise<void>;
}

const apiPrefix = 'DynamoDB_20120810.';

/** Starts a proxy on a free port of 127.0.0.1 in front of an engine. It requests the consumed capacity of every call. */
export async function startEngineProxy(engine: string): Promise<EngineProxy> {
  let calls: EngineCall[] = [];
  let interceptor: Interceptor | undefined;
  let connection: { readonly connection?: 'close' } = {};

  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const action = String(incoming.headers['x-amz-target']).replace(apiPrefix, '');
      const original = JSON.parse((await buffer(incoming)).toString()) as Record<string, unknown>;
      const startedAt = performance.now();
      const interference = await interceptor?.({ action, request: original });
      if (interference === 'lose the request') {
        incoming.socket.destroy();
        return;
      }
      const isIntercepted = typeof interference === 'object' && 'status' in interference;
      const request = typeof interference === 'object' && 'request' in interference ? interference.request : original;
      const amend = typeof interference === 'object' && 'request' in interference ? interference.amend : undefined;
      const forwarded = async () => {
        const { status, body } = await forward(engine, incoming.headers, {
          ReturnConsumedCapacity: 'TOTAL',
          ...request,
        });
        return { status, body: amend === undefined ? body : bodyOf(amend(parse(body))) };
      };
      let response = isIntercepted
        ? { status: interference.status, body: bodyOf(interference.response) }
        : await forwarded();
      calls.push({
        action,
        request,
        response: isIntercepted && typeof interference.response === 'string' ? {} : parse(response.body),
        status: response.status,
        startedAt,
        finishedAt: performance.now(),
        get isAbandoned() {
          return outgoing.destroyed && !outgoing.writableFinished;
        },
      });
      const afterwards =
        typeof interference === 'object' && 'afterwards' in interference
          ? await interference.afterwards()
          : interference;
      if (afterwards === 'lose the response') {
        incoming.socket.destroy();
        return;
      }
      if (afterwards === 'send again') {
        const token = 'ClientRequestToken' in original ? { ClientRequestToken: randomUUID() } : {};
        response = await forward(engine, incoming.headers, { ...original, ...token });
      } else if (typeof afterwards === 'object' && 'response' in afterwards) {
        response = { status: afterwards.status, body: bodyOf(afterwards.response) };
      }
      const headers = { 'content-type': 'application/x-amz-json-1.0', ...connection };
      if (afterwards === 'stall') {
        outgoing.writeHead(200, { ...headers, 'content-length': '100' }).write('{');
        return;
      }
      outgoing.writeHead(response.status, headers).end(response.body);
    })().catch((error: unknown) => outgoing.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    endpoint: `http://127.0.0.1:${port}`,
    get calls() {
      return calls;
    },
    record: async (operation) => {
      calls = [];
      const result = await operation();
      return { result, calls };
    },
    intercept: (next) => {
      interceptor = next;
    },
    closeConnections: () => {
      connection = { connection: 'close' };
    },
    refuseConnections: (milliseconds) => {
      server.close();
      void setTimeout(milliseconds).then(() => server.listen(port, '127.0.0.1'));
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const bodyOf = (response: Record<string, unknown> | string): Buffer =>
  Buffer.from(typeof response === 'string' ? response : JSON.stringify(response));

const parse = (body: Buffer): Record<string, unknown> => JSON.parse(body.toString() || '{}') as Record<string, unknown>;

function forward(
  engine: string,
  { 'x-amz-target': target = '', authorization = '', 'x-amz-date': date = '' }: IncomingHttpHeaders,
  request: unknown,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': target,
      authorization,
      'x-amz-date': date,
    };
    httpRequest(engine, { method: 'POST', headers }, (response) => {
      buffer(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    })
      .on('error', reject)
      .end(JSON.stringify(request));
  });
}

/** Number of turns of the event loop without a new call that end a round of {@link releaseTogether}. */
const quietTurns = 6;

/**
 * Returns an interceptor that holds calls until no more calls arrive. Calls that were sent in parallel then overlap in
 * time on a busy machine, too, and calls that depend on a response are in a later round. See {@link roundsOf}.
 */
export function releaseTogether(): Interceptor {
  let quiet = 0;
  let round: Promise<void> | undefined;
  const untilQuiet = async (): Promise<void> => {
    for (; quiet < quietTurns; quiet += 1) await setTimeout(1);
    round = undefined;
  };
  return async () => {
    quiet = 0;
    round ??= untilQuiet();
    await round;
    return undefined;
  };
}

/** Groups calls by round trip. Calls that overlap in time are in the same round trip. */
export function roundsOf(calls: readonly EngineCall[]): readonly (readonly EngineCall[])[] {
  const depths = new Map<EngineCall, number>();
  for (const call of calls.toSorted((a, b) => a.startedAt - b.startedAt)) {
    const before = [...depths].filter(([earlier]) => earlier.finishedAt <= call.startedAt).map(([, depth]) => depth);
    depths.set(call, 1 + Math.max(0, ...before));
  }
  const rounds = Map.groupBy(depths, ([, depth]) => depth);
  return [...rounds.values()].map((round) => round.map(([call]) => call));
}

/** Counts the sequential round trips of calls. */
export const depthOf = (calls: readonly EngineCall[]): number => roundsOf(calls).length;

/** Returns the total capacity units that calls consumed. */
export const unitsOf = (calls: readonly EngineCall[]): number =>
  calls
    .flatMap(
      ({ response }) =>
        (response['ConsumedCapacity'] ?? []) as { CapacityUnits?: number } | { CapacityUnits?: number }[],
    )
    .reduce((sum, { CapacityUnits: units = 0 }) => sum + units, 0);
