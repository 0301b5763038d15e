import { randomUUID } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

/** One request of the service to the engine, as it went over the wire. */
export interface EngineCall {
  /** The action of the DynamoDB API, such as `UpdateItem`. */
  readonly action: string;
  readonly request: Record<string, any>;
  readonly response: Record<string, any>;
  readonly status: number;
  /** Moments in milliseconds, for telling what went side by side from what went one after another. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

/**
 * What a test does to a call on its way: another request goes on in its place (and the answer to it is amended), or it is
 * answered here (with text where the answer is not even JSON), or it is lost.
 */
export type Interference =
  | {
      readonly request: Record<string, unknown>;
      readonly amend?: (response: Record<string, any>) => Record<string, unknown>;
    }
  | { readonly status: number; readonly response: Record<string, unknown> | string }
  | { readonly afterwards: () => Promise<Afterwards> }
  | 'lose the request'
  | 'lose the answer';

/**
 * What becomes of the response to a call that the engine has answered: it goes on, it is lost or replaced, it stalls after
 * its first bytes, or the same request is sent to the engine once more, which answers as if for the first time.
 */
export type Afterwards =
  | 'go on'
  | 'lose the answer'
  | 'stall'
  | 'send again'
  | { readonly status: number; readonly response: Record<string, unknown> };

export type Interceptor = (
  call: Pick<EngineCall, 'action' | 'request'>,
) => Interference | undefined | Promise<Interference | undefined>;

/** A wire between the service and the engine that a test can listen to and interfere with. */
export interface EngineProxy {
  /** Where the service finds it. */
  readonly endpoint: string;
  /** The calls since the last {@link record}, those that were answered. */
  readonly calls: readonly EngineCall[];
  /** Forgets the calls so far, runs an operation, and returns what it resolved to with the calls that it made. */
  record<Result>(
    operation: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly calls: readonly EngineCall[] }>;
  /** Sets what happens to every call from now on; `undefined` lets all pass. */
  intercept(interceptor: Interceptor | undefined): void;
  /** From now on each call has a connection of its own, so that {@link refuseConnections} is noticed by the next. */
  closeConnections(): void;
  /** Refuses connections for some milliseconds. */
  refuseConnections(milliseconds: number): void;
  stop(): Promise<void>;
}

const apiPrefix = 'DynamoDB_20120810.';

/** Starts a proxy on a free port of 127.0.0.1 in front of an engine. It asks for the consumed capacity of every call. */
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
      const answered = typeof interference === 'object' && 'status' in interference;
      const request = typeof interference === 'object' && 'request' in interference ? interference.request : original;
      const amend = typeof interference === 'object' && 'request' in interference ? interference.amend : undefined;
      const forwarded = async () => {
        const { status, body } = await forward(engine, incoming.headers, {
          ReturnConsumedCapacity: 'TOTAL',
          ...request,
        });
        return { status, body: amend === undefined ? body : bodyOf(amend(parse(body))) };
      };
      let answer = answered ? { status: interference.status, body: bodyOf(interference.response) } : await forwarded();
      calls.push({
        action,
        request,
        response: answered && typeof interference.response === 'string' ? {} : parse(answer.body),
        status: answer.status,
        startedAt,
        finishedAt: performance.now(),
      });
      const afterwards =
        typeof interference === 'object' && 'afterwards' in interference
          ? await interference.afterwards()
          : interference;
      if (afterwards === 'lose the answer') {
        incoming.socket.destroy();
        return;
      }
      if (afterwards === 'send again') {
        const token = 'ClientRequestToken' in original ? { ClientRequestToken: randomUUID() } : {};
        answer = await forward(engine, incoming.headers, { ...original, ...token });
      } else if (typeof afterwards === 'object' && 'response' in afterwards) {
        answer = { status: afterwards.status, body: bodyOf(afterwards.response) };
      }
      const headers = { 'content-type': 'application/x-amz-json-1.0', ...connection };
      if (afterwards === 'stall') {
        outgoing.writeHead(200, { ...headers, 'content-length': '100' }).write('{');
        return;
      }
      outgoing.writeHead(answer.status, headers).end(answer.body);
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

/** How many turns of the event loop without a new call end a round of {@link releaseTogether}. */
const quietTurns = 6;

/**
 * Holds calls back until no more of them come: those that were sent side by side then overlap in time, however busy the
 * machine is, and those that wait for an answer come in a later round. For counting with {@link roundsOf}.
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

/** Some calls by the round trip in which they were made: those that overlap in time are of one. */
export function roundsOf(calls: readonly EngineCall[]): readonly (readonly EngineCall[])[] {
  const depths = new Map<EngineCall, number>();
  for (const call of calls.toSorted((a, b) => a.startedAt - b.startedAt)) {
    const before = [...depths].filter(([earlier]) => earlier.finishedAt <= call.startedAt).map(([, depth]) => depth);
    depths.set(call, 1 + Math.max(0, ...before));
  }
  const rounds = Map.groupBy(depths, ([, depth]) => depth);
  return [...rounds.values()].map((round) => round.map(([call]) => call));
}

/** How many round trips deep some calls are. */
export const depthOf = (calls: readonly EngineCall[]): number => roundsOf(calls).length;

/** The capacity units that some calls consumed together. */
export const unitsOf = (calls: readonly EngineCall[]): number =>
  calls
    .flatMap(
      ({ response }) =>
        (response['ConsumedCapacity'] ?? []) as { CapacityUnits?: number } | { CapacityUnits?: number }[],
    )
    .reduce((sum, { CapacityUnits: units = 0 }) => sum + units, 0);
