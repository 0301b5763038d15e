import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { UsageError } from '../../usage-error.ts';

/** A request with a JSON body, or without one. */
export interface JsonRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** URL without user information. Its query is not printed. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A complete response. */
export interface JsonResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The parsed body, or `undefined` if it is not JSON. */
  readonly body: unknown;
}

/**
 * Sends a request and follows no redirect.
 *
 * @throws UsageError that says what to do if no complete response arrives; it contains no header and no body
 */
export type SendJson = (request: JsonRequest) => Promise<JsonResponse>;

interface JsonClientOptions {
  /** PEM file with the only certificate authorities to trust; by default those of Node. */
  readonly certificateFile?: string | undefined;
  readonly timeoutSeconds: number;
}

/** @throws UsageError if the certificate file cannot be read */
export function createJsonClient({ certificateFile, timeoutSeconds }: JsonClientOptions): SendJson {
  const ca = certificateFile === undefined ? undefined : readCertificates(certificateFile);
  return async (request) => {
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
      return await receive(request, ca, signal);
    } catch (error) {
      throw new UsageError(
        [signal.aborted ? `${place(request)} did not respond within ${timeoutSeconds} s.` : sentence(request, error)]
          .concat(request.method === 'GET' || wasNeverSent(error) ? [] : ['It is unknown whether it had an effect.'])
          .join(' '),
        { cause: error },
      );
    }
  };
}

function receive(
  { method, url, headers, body }: JsonRequest,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<JsonResponse> {
  return new Promise((resolve, reject) => {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      method,
      headers: {
        accept: 'application/json',
        ...(content !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      signal,
      ...(ca !== undefined && { ca }),
    };
    const read = (response: IncomingMessage) => {
      text(response).then((received) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parse(received) });
      }, reject);
    };
    const request = url.startsWith('https:') ? httpsRequest(url, options, read) : httpRequest(url, options, read);
    request.on('error', reject);
    request.end(content);
  });
}

function parse(received: string): unknown {
  try {
    return JSON.parse(received);
  } catch {
    return undefined;
  }
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`"OS_CACERT" must name a readable file of certificate authorities; got ${file}.`, {
      cause: error,
    });
  }
}

const place = ({ method, url }: JsonRequest): string => `${method} ${new URL(url).origin}${new URL(url).pathname}`;

const codeOf = (error: unknown): string => {
  // A host with several addresses gives one error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return String((first as NodeJS.ErrnoException | undefined)?.code);
};

const isTlsFailure = (code: string): boolean =>
  /CERT|SSL|TLS|EPROTO|UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_CA$/.test(code);

/** Returns whether a request failed before its connection was established. */
const wasNeverSent = (error: unknown): boolean =>
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(codeOf(error)) || isTlsFailure(codeOf(error));

function sentence(request: JsonRequest, error: unknown): string {
  const { origin, hostname } = new URL(request.url);
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') {
    return `${origin} refused the connection: check the URL and that the service runs ("npm start" for the local server).`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `The host name ${hostname} cannot be resolved (${code}): check the URL and the network.`;
  }
  if (isTlsFailure(code)) {
    return `The TLS connection to ${origin} failed (${code}): check the URL, or set OS_CACERT to a file with the certificate authorities to trust.`;
  }
  return `${place(request)} failed: ${code === 'undefined' ? String(error) : code}.`;
}
