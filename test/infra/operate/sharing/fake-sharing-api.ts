import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listenOnFreePort } from '../../../../infra/local/listen.ts';

/** A request that the fake API received. */
export interface FakeRequest {
  readonly method: string;
  /** Path and decoded query. */
  readonly url: string;
  readonly token: string | undefined;
  /** The parsed body; undefined without one. */
  readonly body: any;
}

/** A response of the fake API. A text is sent as it is, anything else as JSON. */
export interface FakeResponse {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

type Respond = FakeResponse | ((request: FakeRequest) => FakeResponse);

/** A server on 127.0.0.1 that plays the API with the responses of a test. */
export interface FakeSharingApi {
  readonly url: string;
  /** The requests of the current test. */
  readonly requests: readonly FakeRequest[];
  /**
   * Sets the responses of a test by method and path, such as `GET /sharing/v1/offers`; an array has the responses of
   * successive requests. Other requests get a 404 without an operation.
   */
  play(responses: Readonly<Record<string, Respond | readonly FakeResponse[]>>): void;
  stop(): Promise<void>;
}

/** Returns a response with a fault of the API. */
export const aFault = (status: number, error: string, message: string): FakeResponse => ({
  status,
  body: { message, code: `${status} Fault`, title: 'Fault', error, request_id: 'req-1' },
});

/** Starts the fake API. */
export async function startFakeSharingApi(): Promise<FakeSharingApi> {
  let requests: FakeRequest[] = [];
  let responses: Readonly<Record<string, Respond | readonly FakeResponse[]>> = {};
  const served = new Map<string, number>();
  const respond = (request: FakeRequest): FakeResponse => {
    const operation = `${request.method} ${request.url.split('?')[0]}`;
    const response = responses[operation] ?? aFault(404, 'route-not-found', 'There is no such operation.');
    if (typeof response === 'function') return response(request);
    if (!Array.isArray(response)) return response as FakeResponse;
    const index = served.get(operation) ?? 0;
    served.set(operation, index + 1);
    return response[index] ?? aFault(500, 'internal-error', 'The test has no more responses.');
  };
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const content = await text(incoming);
      const request: FakeRequest = {
        method: incoming.method!,
        url: decodeURIComponent(incoming.url!.replaceAll('+', ' ')),
        token: incoming.headers['x-auth-token'] as string | undefined,
        body: content === '' ? undefined : JSON.parse(content),
      };
      requests.push(request);
      const { status = 200, headers = {}, body } = respond(request);
      outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
      outgoing.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
    })();
  });
  const { url, stop } = await listenOnFreePort(server);
  return {
    url,
    get requests() {
      return requests;
    },
    play: (next) => {
      requests = [];
      responses = next;
      served.clear();
    },
    stop,
  };
}
