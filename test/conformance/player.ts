import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The expected response of a step. Header names are lower case; only `allow`, `location` and `x-openstack-request-id` are compared. */
interface Expectation {
  status: number | number[];
  content_type?: string | null;
  json?: Json;
  key_order?: string[];
  empty?: true;
  headers?: Record<string, string | null>;
}

/** One recorded request. The body is at most one of `json`, `raw` (text) and `raw_hex`; a header given as null is not sent. */
interface RecordedRequest {
  caller?: string;
  method: string;
  path: string;
  json?: Json;
  raw?: string;
  raw_hex?: string;
  headers?: Record<string, string | null>;
}

/** A request and its expected response; `save` maps a variable to a dotted path in the body, `relations` are checked after that. */
export interface RequestStep {
  request: RecordedRequest;
  expect: Expectation;
  repeat?: number;
  save?: Record<string, string>;
  relations?: [operator: 'eq' | 'ne' | 'gt' | 'ge', left: string, right: string][];
}

/** A pause in seconds, because timestamps have a resolution of one second. */
interface SleepStep {
  sleep: number;
}

/** One recorded sequence of requests. */
export interface Case {
  group: string;
  name: string;
  steps: (RequestStep | SleepStep)[];
}

/** The caller of a request: a project with a user and roles, a literal token, or (neither) an anonymous caller. */
interface RecordedCaller {
  project?: string;
  user?: string;
  roles?: string[];
  token?: string;
}

/** Facts about the callers of a deployed service, whose tokens determine their projects. */
export interface PlayOptions {
  /** Project id of each caller. By default every case has new project ids. */
  readonly projects?: Readonly<Record<string, string>>;
  /**
   * Returns a URL at which the service can read image data. It is required by the cases that upload data: the service
   * accepts no uploads, so the player imports the data instead and waits until the image is active.
   */
  readonly urlOfData?: ((data: Buffer) => string) | undefined;
  /** Receives the id of each image that a case creates, with the name of its caller. */
  readonly onImageCreated?: (imageId: string, caller: string) => void;
}

/** The content of the file of recorded sequences. */
export interface Suite {
  callers: Record<string, RecordedCaller>;
  cases: Case[];
}

/** An HTTP response; header names are lower case. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Returns the title of a case: group and name. */
export const caseTitle = (recorded: Case): string => `${recorded.group}/${recorded.name}`;

const placeholder = /\{\{([^{}]+)\}\}/g;

const wildcards: Record<string, string> = {
  datetime: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`,
  uuid: '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  reqid: 'req-[0-9A-Za-z-]+',
  any: String.raw`[\s\S]*`,
  int: String.raw`\d+`,
};

const wildcardPattern = (kind: string): string => {
  const pattern = wildcards[kind];
  if (pattern === undefined) throw new Error(`unknown wildcard @${kind}`);
  return pattern;
};

const isObject = (value: Json | undefined): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** The variables of a case. `uuid:NAME` and `hex:NAME` are generated at first use; any other name must have been set. */
export class Variables {
  readonly #values = new Map<string, string>();

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  get(name: string): string {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const made = name.startsWith('uuid:')
      ? randomUUID()
      : name.startsWith('hex:')
        ? randomUUID().replaceAll('-', '')
        : undefined;
    if (made === undefined) throw new Error(`unset placeholder ${name}`);
    this.#values.set(name, made);
    return made;
  }
}

const fillText = (text: string, variables: Variables): string =>
  text.replace(placeholder, (whole, name: string) => {
    if (name.startsWith('@')) return whole;
    if (name.startsWith('urlq:')) {
      return encodeURIComponent(variables.get(name.slice(5))).replace(
        /[!'()*]/g,
        (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
      );
    }
    if (name.startsWith('upper:')) return variables.get(name.slice(6)).toUpperCase();
    const repeated = /^rep:(\d+):(.*)$/s.exec(name);
    if (repeated) return (repeated[2] ?? '').repeat(Number(repeated[1]));
    return variables.get(name);
  });

/**
 * Replaces every placeholder of a value by its variable, keys included: `{{name}}`, `{{uuid:x}}`, `{{hex:x}}`,
 * `{{upper:name}}`, `{{urlq:name}}` (percent-encoded), `{{rep:N:c}}`. Wildcards (`{{@kind}}`) stay.
 */
export const fill = (value: Json, variables: Variables): Json => {
  if (typeof value === 'string') return fillText(value, variables);
  if (Array.isArray(value)) return value.map((item) => fill(item, variables));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [fillText(key, variables), fill(item, variables)]),
  );
};

/**
 * Returns a sentence for each difference between an actual and an expected value. Equality is exact except for wildcards (`{{@datetime}}`, `{{@uuid}}`, `{{@reqid}}`, `{{@any}}`, `{{@int}}`, alone or within a text) and
 * `{"$unordered": [...]}`, which matches a list of these items in any order.
 */
export const mismatches = (expected: Json, actual: Json | undefined, where = '$'): string[] => {
  if (typeof expected === 'string' && expected.includes('{{@')) {
    const pattern = expected
      .split(placeholder)
      .map((part, index) =>
        index % 2 === 1 ? wildcardPattern(part.slice(1)) : part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`),
      )
      .join('');
    return typeof actual === 'string' && new RegExp(`^${pattern}$`).test(actual)
      ? []
      : [`${where}: ${show(actual)} is not of the form ${expected}`];
  }
  if (isObject(expected) && Array.isArray(expected['$unordered']) && Object.keys(expected).length === 1) {
    const wanted = expected['$unordered'];
    if (!Array.isArray(actual) || actual.length !== wanted.length) {
      return [`${where}: want ${wanted.length} items, got ${show(actual)}`];
    }
    const rest = [...actual];
    for (const item of wanted) {
      const found = rest.findIndex((candidate) => mismatches(item, candidate).length === 0);
      if (found === -1) return [`${where}: no item matching ${show(item)}`];
      rest.splice(found, 1);
    }
    return [];
  }
  if (isObject(expected)) {
    if (!isObject(actual)) return [`${where}: want an object, got ${show(actual)}`];
    return [
      ...Object.entries(expected).flatMap(([key, item]) =>
        Object.hasOwn(actual, key) ? mismatches(item, actual[key], `${where}.${key}`) : [`${where}.${key} is missing`],
      ),
      ...Object.keys(actual)
        .filter((key) => !Object.hasOwn(expected, key))
        .map((key) => `${where}.${key} is unexpected`),
    ];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) {
      return [`${where}: want ${expected.length} items, got ${show(actual)}`];
    }
    return expected.flatMap((item, index) => mismatches(item, actual[index], `${where}[${index}]`));
  }
  return expected === actual ? [] : [`${where}: want ${show(expected)}, got ${show(actual)}`];
};

const mediaType = (value: string | null | undefined): string | undefined => value?.split(';')[0];

const methodSet = (value: string): string =>
  value
    .split(',')
    .map((method) => method.trim())
    .filter((method) => !['', 'HEAD', 'OPTIONS'].includes(method))
    .sort()
    .join(', ');

const withoutOrigin = (url: string): string => url.replace(/^https?:\/\/[^/]+/, '');

const parseJson = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

const headerMismatches = (expectation: Expectation, variables: Variables, answer: Answer): string[] => {
  const wanted = (name: string): string | undefined => {
    const value = expectation.headers?.[name];
    return value == null ? undefined : fillText(value, variables);
  };
  const given = (name: string): string | undefined => answer.headers[name]?.toString();
  const compare = (name: string, normalise: (value: string) => string): string[] => {
    const want = wanted(name);
    if (want === undefined) return [];
    const got = given(name);
    return mismatches(normalise(want), got === undefined ? undefined : normalise(got), `header ${name}`);
  };
  return [
    ...compare('allow', methodSet),
    // A gateway may answer under another scheme, host or port than it was asked by.
    ...compare('location', withoutOrigin),
    ...compare('x-openstack-request-id', (value) => value),
  ];
};

/**
 * What is wrong with an answer, one sentence each; empty when all is as expected. A wrong status is reported alone,
 * with the body. The media type is compared below 400, key order once the values match; error texts are not compared.
 */
export const answerMismatches = (expectation: Expectation, variables: Variables, answer: Answer): string[] => {
  const text = answer.body.toString('utf8');
  if (![expectation.status].flat().includes(answer.status)) {
    return [`status: want ${show(expectation.status)}, got ${answer.status}, body ${show(text.slice(0, 200))}`];
  }
  const found: string[] = [];
  if (expectation.content_type !== undefined && answer.status < 400) {
    const want = mediaType(expectation.content_type);
    const got = mediaType(answer.headers['content-type']);
    if (want !== got) found.push(`content-type: want ${show(want)}, got ${show(got)}`);
  }
  if (expectation.json !== undefined) {
    const document = parseJson(text);
    if (document === undefined) return [...found, `the body is not JSON: ${show(text.slice(0, 200))}`];
    const different = mismatches(fill(expectation.json, variables), document);
    found.push(...different);
    const order = expectation.key_order;
    if (different.length === 0 && answer.status < 400 && order && isObject(document)) {
      const keys = Object.keys(document);
      if (keys.join() !== order.join()) found.push(`key order: want ${order.join()}, got ${keys.join()}`);
    }
  }
  if (expectation.empty && answer.body.length > 0) found.push(`body: want none, got ${show(text.slice(0, 80))}`);
  return [...found, ...headerMismatches(expectation, variables, answer)];
};

const holds = {
  eq: (left: string, right: string) => left === right,
  ne: (left: string, right: string) => left !== right,
  gt: (left: string, right: string) => left > right,
  ge: (left: string, right: string) => left >= right,
};

/** Which of a step's relations between saved values do not hold, one sentence each. */
export const brokenRelations = (step: RequestStep, variables: Variables): string[] =>
  (step.relations ?? []).flatMap(([operator, left, right]) => {
    const [a, b] = [fillText(left, variables), fillText(right, variables)];
    return holds[operator](a, b) ? [] : [`relation ${left} ${operator} ${right}: ${a} and ${b}`];
  });

const valueAt = (document: Json, path: string): string => {
  const value = path
    .split('.')
    .filter((part) => part !== '')
    .reduce<Json | undefined>(
      (at, part) => (Array.isArray(at) ? at[Number(part)] : isObject(at) ? at[part] : undefined),
      document,
    );
  if (value === undefined) throw new Error(`nothing to save at ${path} of ${show(document)}`);
  return typeof value === 'string' ? value : show(value);
};

const bodyOf = (request: RecordedRequest, variables: Variables): Buffer | undefined => {
  if (request.json !== undefined) return Buffer.from(JSON.stringify(fill(request.json, variables)));
  if (request.raw !== undefined) return Buffer.from(fillText(request.raw, variables));
  return request.raw_hex === undefined ? undefined : Buffer.from(request.raw_hex, 'hex');
};

const headersOf = (
  request: RecordedRequest,
  caller: RecordedCaller,
  body: Buffer | undefined,
  variables: Variables,
): Record<string, string> => {
  const headers = new Map<string, string>();
  if (caller.token !== undefined) {
    headers.set('X-Auth-Token', fillText(caller.token, variables));
  } else if (caller.project !== undefined) {
    const project = fillText(caller.project, variables);
    headers.set('X-Auth-Token', `dev:${caller.user ?? ''}:${project}:${(caller.roles ?? []).join()}`);
  }
  if (request.json !== undefined) headers.set('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (value === null) headers.delete(name);
    else headers.set(name, fillText(value, variables));
  }
  // Without a body GET, HEAD and DELETE say nothing about its length: a length, even 0, could count as a body.
  if (body || ['POST', 'PUT', 'PATCH'].includes(request.method)) {
    headers.set('Content-Length', String(body?.length ?? 0));
  }
  return Object.fromEntries(headers);
};

const sendTimeoutMilliseconds = 60_000;

/**
 * Sends a request with exactly these headers and this path.
 *
 * @throws Error if the connection breaks or the response takes longer than a minute
 */
export const send = (
  base: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer | undefined,
): Promise<Answer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const url = new URL(base);
  // Not `fetch`: it rewrites paths, adds headers of its own and refuses a body on GET.
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
    {
      hostname: url.hostname,
      port: url.port,
      method,
      path: url.pathname.replace(/\/+$/, '') + path,
      headers,
      agent: false,
      signal: AbortSignal.timeout(sendTimeoutMilliseconds),
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    },
  );
  request.on('error', reject);
  request.end(body);
  return promise;
};

/** Tests if a request uploads image data. */
export const isUpload = ({ method, path }: Pick<RecordedRequest, 'method' | 'path'>): boolean =>
  method === 'PUT' && path.endsWith('/file');

/** Imports the data of an upload and waits until the import has ended. Returns the response that an upload would get. */
const importData = async (
  base: string,
  path: string,
  headers: Record<string, string>,
  uri: string,
): Promise<Answer> => {
  const image = path.replace(/\/file$/, '');
  const { 'Content-Length': _length, 'Content-Type': _type, ...others } = headers;
  const body = Buffer.from(JSON.stringify({ method: { name: 'web-download', uri } }));
  const own = { ...others, 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  const answer = await send(base, 'POST', `${image}/import`, own, body);
  if (answer.status !== 202) return answer;
  for (;;) {
    const shown = await send(base, 'GET', image, others, undefined);
    const { status } = (parseJson(shown.body.toString('utf8')) ?? {}) as { readonly status?: Json };
    if (status === 'active') return { ...answer, status: 204 };
    if (status !== 'importing') return { ...shown, status: 500 };
    await wait(importPollMilliseconds);
  }
};

/** Follows the redirect of a download to a signed URL. The reference server sends the data itself. */
const followDownload = async (answer: Answer): Promise<Answer> => {
  const { origin, pathname, search } = new URL(answer.headers.location ?? '');
  const data = await send(origin, 'GET', `${pathname}${search}`, {}, undefined);
  return { ...data, headers: { ...answer.headers, ...data.headers } };
};

const importPollMilliseconds = 100;

const playStep = async (
  step: RequestStep,
  callers: Suite['callers'],
  base: string,
  variables: Variables,
  { onImageCreated, urlOfData }: PlayOptions,
): Promise<string[]> => {
  const { method, path } = step.request;
  const name = step.request.caller ?? 'anonymous';
  const caller = callers[name];
  if (!caller) return [`${method} ${path}: there is no caller ${name}`];
  for (let round = 0; round < (step.repeat ?? 1); round += 1) {
    variables.set('n', String(round));
    const body = bodyOf(step.request, variables);
    const filledPath = fillText(path, variables);
    const headers = headersOf(step.request, caller, body, variables);
    let answer =
      isUpload(step.request) && urlOfData !== undefined
        ? await importData(base, filledPath, headers, urlOfData(body ?? Buffer.alloc(0)))
        : await send(base, method, filledPath, headers, body);
    if (method === 'GET' && filledPath.endsWith('/file') && answer.status === 302)
      answer = await followDownload(answer);
    if (method === 'POST' && filledPath === '/v2/images' && answer.status === 201) {
      onImageCreated?.(valueAt(parseJson(answer.body.toString('utf8')) ?? null, 'id'), name);
    }
    let found = answerMismatches(step.expect, variables, answer);
    if (found.length === 0) {
      for (const [variable, at] of Object.entries(step.save ?? {})) {
        variables.set(variable, valueAt(parseJson(answer.body.toString('utf8')) ?? null, at));
      }
      found = brokenRelations(step, variables);
    }
    if (found.length > 0) return [`${method} ${filledPath} as ${name}: ${found.join('; ')}`];
  }
  return [];
};

/**
 * Plays one case against a server, up to the first step that goes wrong.
 *
 * @param base the server's URL, with or without a path before `/v2`
 * @returns what went wrong, one sentence each; empty when the case passes. A broken connection is a failure, not an error.
 */
export const playCase = async (
  recorded: Case,
  callers: Suite['callers'],
  base: string,
  options: PlayOptions = {},
): Promise<string[]> => {
  const { projects = {} } = options;
  const variables = new Variables();
  variables.set('base', base.replace(/\/+$/, ''));
  for (const [name, caller] of Object.entries(callers)) {
    if (caller.project === `{{${name}}}`) variables.set(name, projects[name] ?? randomUUID().replaceAll('-', ''));
  }
  for (const [index, step] of recorded.steps.entries()) {
    if ('sleep' in step) {
      await wait(step.sleep * 1000);
      continue;
    }
    const found = await playStep(step, callers, base, variables, options).catch((error: unknown) => [String(error)]);
    if (found.length > 0) return found.map((sentence) => `step ${index}: ${sentence}`);
  }
  return [];
};
