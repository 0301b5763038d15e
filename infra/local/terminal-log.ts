import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { logMessages } from '../../lambda/runtime/log-messages.ts';
import { printable } from '../printable.ts';
import type { ServedRequest } from './api-gateway/gateway.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The known parts of a request. */
interface Parts {
  /** The request, as the gateway knows it. */
  readonly served?: ServedRequest;
  /** The line that the function logged. */
  readonly line?: Fields;
}

/** Time to wait for the other part of a request: they arrive from two threads in any order. */
const joinMilliseconds = 1000;

const maxPathLength = 120;
const maxValueLength = 200;

/**
 * A log for a terminal. It receives the output of the functions, and {@link TerminalLog.addRequest | requests} of the
 * gateway, and writes one short line for each request and for each other log line of a function. The cause of an error
 * follows below. Queries, which may contain names and values of images, are left out, and so are metrics and the runs of
 * a schedule that found nothing to do. Text that is no log line of a function is written as it is. No characters of a request reach the terminal that would control it.
 */
export class TerminalLog extends Writable {
  readonly #terminal: NodeJS.WritableStream;
  /** By request id. */
  readonly #pending = new Map<string, { readonly parts: Parts; readonly timer: NodeJS.Timeout }>();

  constructor(terminal: NodeJS.WritableStream) {
    super();
    this.#terminal = terminal;
  }

  /** Writes the line of a request, with the caller as soon as the function has logged it. */
  addRequest(served: ServedRequest): void {
    if (served.requestId === undefined) this.#print(requestLines({ served }, this.#terminal));
    else this.#join(served.requestId, { served });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    // Each chunk is one write of a function, and a function writes whole lines.
    for (const text of chunk.toString().trimEnd().split('\n')) this.#addText(text);
    done();
  }

  /** Writes what is known of each request that still waits for its other part. */
  flush(): void {
    for (const requestId of this.#pending.keys()) this.#release(requestId);
  }

  #addText(text: string): void {
    const line = parseLine(text);
    if (line === undefined) this.#print([printable(text)]);
    else if (line['message'] === logMessages.request) this.#join(String(line['requestId']), { line });
    else if (line['message'] !== undefined && !isIdleRun(line)) this.#print(otherLines(line, this.#terminal));
  }

  #join(requestId: string, part: Parts): void {
    const known = this.#pending.get(requestId)?.parts;
    const isComplete = known !== undefined && (known.served === undefined) !== (part.served === undefined);
    // If the same part is known, a client has sent the id of another request again.
    if (known !== undefined && !isComplete) this.#release(requestId);
    clearTimeout(this.#pending.get(requestId)?.timer);
    const timer = setTimeout(() => this.#release(requestId), joinMilliseconds).unref();
    this.#pending.set(requestId, { parts: isComplete ? { ...known, ...part } : part, timer });
    if (isComplete) this.#release(requestId);
  }

  /** Writes what is known of a request. */
  #release(requestId: string): void {
    const { parts, timer } = this.#pending.get(requestId)!;
    clearTimeout(timer);
    this.#pending.delete(requestId);
    this.#print(requestLines(parts, this.#terminal));
  }

  #print(lines: readonly string[]): void {
    this.#terminal.write(lines.map((line) => `${line}\n`).join(''));
  }
}

/** Parses a log line of a function. Returns undefined for any other text. */
function parseLine(text: string): Fields | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Fields;
  } catch {
    return undefined;
  }
}

/** Returns the lines of a request, such as `PUT /v2/images/…/members/beta 200 14 ms beta`. */
function requestLines({ served, line = {} }: Parts, terminal: NodeJS.WritableStream): readonly string[] {
  if (served === undefined) return otherLines(line, terminal);
  const { method, url, status, milliseconds } = served;
  const path = shorten(url.split('?', 1)[0]!, maxPathLength);
  const color = status >= 500 ? 'red' : status >= 400 ? 'yellow' : 'green';
  return [
    [
      method,
      path,
      styleText(color, String(status), { stream: terminal }),
      `${Math.round(milliseconds)} ms`,
      ...[callerOf(line), line['fault']].filter(isText).map((text) => shorten(text, maxValueLength)),
    ].join(' '),
    ...causeLines(line['cause']),
  ];
}

/** Returns the caller, or a command's project, as project, user and role. */
function callerOf({ project, user, role }: Fields): string | undefined {
  const parts = [project, user, role].filter(isText);
  return parts.length === 0 ? undefined : parts.join('/');
}

/** Fields that every line has, or that have a place of their own. */
const commonFields = new Set(['time', 'level', 'message', 'cause', 'requestId', 'messageId', '_aws']);

/** Returns whether a line reports a run of a schedule that found nothing to do. */
const isIdleRun = ({ level, message, expired, skipped }: Fields): boolean =>
  message === logMessages.expiry && level === 'info' && expired === 0 && skipped === 0;

/** Returns the lines of a log line that is not about a request: its message and its fields. */
function otherLines(line: Fields, terminal: NodeJS.WritableStream): readonly string[] {
  const { level, message, cause } = line;
  const color = level === 'error' ? 'red' : level === 'warn' ? 'yellow' : 'cyan';
  const fields = Object.entries(line)
    // The names of metrics begin with a capital letter.
    .filter(([name, value]) => !commonFields.has(name) && !/^[A-Z]/.test(name) && value != null)
    .map(([name, value]) => `${name}=${shorten(isText(value) ? value : JSON.stringify(value), maxValueLength)}`);
  return [
    [styleText(color, shorten(String(message), maxValueLength), { stream: terminal }), ...fields].join(' '),
    ...causeLines(cause),
  ];
}

/** Returns the stack of an error and those of its causes, indented. */
function causeLines(cause: unknown): readonly string[] {
  if (cause == null) return [];
  if (typeof cause !== 'object') return [`    ${printable(JSON.stringify(cause))}`];
  const { name, message, stack, cause: inner } = cause as Fields;
  const text = isText(stack) ? stack : `${String(name)}: ${String(message)}`;
  return [...text.split('\n').map((line) => `    ${printable(line)}`), ...causeLines(inner)];
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function shorten(text: string, maxLength: number): string {
  return printable(text.length > maxLength ? `${text.slice(0, maxLength)}…` : text);
}
