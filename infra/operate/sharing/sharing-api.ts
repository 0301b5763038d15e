import { z } from 'zod';
import { printable } from '../../printable.ts';
import { UsageError } from '../../usage-error.ts';
import type { JsonRequest, JsonResponse, SendJson } from './json-client.ts';

/** A parsed response body, and the body as it was received. */
interface Document<Body> {
  readonly body: Body;
  readonly json: JsonObject;
}

/** A JSON object as it was received. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A parsed page of a list. */
interface Page {
  readonly items: readonly unknown[];
  /** Link of the next page. */
  readonly next?: string | undefined;
}

/** A list of the API. */
interface ListDefinition<ItemPage extends Page> {
  readonly path: string;
  /** The property of a page that contains its items. */
  readonly key: string;
  readonly page: z.ZodType<ItemPage>;
}

/** The pages of a list, joined. */
interface List<ItemPage extends Page> {
  readonly items: readonly ItemPage['items'][number][];
  readonly firstPage: ItemPage;
  /** The first page with the items of all pages, and with the `next` link of the last page if there is one. */
  readonly json: JsonObject;
  /** True if there are more items than were read. */
  readonly hasMore: boolean;
}

/** Receives a line for the user while a command runs. */
export type Progress = (line: string) => void;

/** A refusal by the API: a response with a 4xx status other than 401. The message is the API's sentence. */
export class ApiRefusal extends UsageError {
  override readonly name = 'ApiRefusal';
  readonly status: number;
  readonly error: string | undefined;

  constructor(status: number, error: string | undefined, message: string) {
    super(message);
    this.status = status;
    this.error = error;
  }
}

/** Maximum number of pages of a list that are read. */
const maxPages = 40;
/** Items of a page, which the API may reduce. */
const pageSize = 100;
/** Number of pages after which the progress is printed. */
const progressPages = 10;

const jsonObject = z.record(z.string(), z.unknown());
const faultSchema = z.looseObject({ message: z.string(), error: z.string().optional() });

/** The API of a deployment for the project of one token. */
export class SharingApi {
  readonly #send: SendJson;
  readonly #base: string;
  readonly #token: string;

  /** @param base - URL without a last slash */
  constructor(send: SendJson, base: string, token: string) {
    this.#send = send;
    this.#base = base;
    this.#token = token;
  }

  /**
   * Sends a request with a response body.
   *
   * @throws ApiRefusal if the API refuses the request
   * @throws UsageError if there is no response, no permission, or the response is not that of the API
   */
  async request<Body>(
    method: JsonRequest['method'],
    path: string,
    schema: z.ZodType<Body>,
    body?: unknown,
  ): Promise<Document<Body>> {
    const response = await this.#exchange(method, path, body);
    const parsed = schema.safeParse(response.body);
    const json = jsonObject.safeParse(response.body);
    if (!parsed.success || !json.success) {
      const field = parsed.error?.issues[0]?.path.join('.');
      throw this.#notTheApi(
        `responded to ${method} ${pathOf(path)} with an unknown document${field ? ` ("${field}")` : ''}`,
      );
    }
    return { body: parsed.data, json: json.data };
  }

  /** Sends a request without a response body. It throws the same errors. */
  async send(method: JsonRequest['method'], path: string): Promise<void> {
    await this.#exchange(method, path);
  }

  /**
   * Reads the pages of a list until its end, `limit` items or {@link maxPages} pages.
   *
   * @param query - parameters besides `limit`; undefined ones are left out
   * @throws like `request`
   */
  async list<ItemPage extends Page>(
    { path, key, page }: ListDefinition<ItemPage>,
    query: Readonly<Record<string, string | undefined>>,
    { limit = Infinity, progress }: { readonly limit?: number | undefined; readonly progress: Progress },
  ): Promise<List<ItemPage>> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
    parameters.set('limit', String(Math.min(limit, pageSize)));

    const first = await this.request('GET', `${path}?${parameters.toString()}`, page);
    const items: ItemPage['items'][number][] = [...first.body.items];
    const received = [...rawItems(first.json, key)];
    let next = first.body.next;
    for (let pages = 1; next !== undefined && pages < maxPages && items.length < limit; pages += 1) {
      // A link elsewhere would get the token, or an unrelated list.
      if (!next.startsWith(`${path}?`)) {
        throw this.#notTheApi(
          `has the "next" link ${JSON.stringify(printable(next))}, which does not continue ${path}`,
        );
      }
      if (pages % progressPages === 0) progress(`${items.length} entries read …`);
      const { body, json } = await this.request('GET', next, page);
      items.push(...body.items);
      received.push(...rawItems(json, key));
      next = body.next;
    }
    const { next: _next, ...json } = first.json;
    return {
      // The last page can exceed the limit.
      items: items.slice(0, limit),
      firstPage: first.body,
      json: { ...json, [key]: received.slice(0, limit), ...(next !== undefined && { next }) },
      hasMore: next !== undefined || items.length > limit,
    };
  }

  async #exchange(method: JsonRequest['method'], path: string, body?: unknown): Promise<JsonResponse> {
    const response = await this.#send({
      method,
      url: `${this.#base}${path}`,
      headers: { 'x-auth-token': this.#token },
      ...(body !== undefined && { body }),
    });
    const { status, headers } = response;
    if (status === 204 || (status >= 200 && status < 300 && response.body !== undefined)) return response;
    const fault = faultSchema.safeParse(response.body);
    if (status === 401) {
      throw new UsageError(
        'The API refused the token (401): it is invalid, expired, or of another identity service. Set OS_TOKEN to a new token, or unset it and set the variables of a Keystone account.',
      );
    }
    if (!fault.success) throw this.#notTheApi(`responded to ${method} ${pathOf(path)} with ${status} and without JSON`);
    const message = printable(fault.data.message);
    if (status === 503 || status === 429) {
      const seconds = headers['retry-after'];
      const advice = seconds !== undefined && /^\d+$/.test(seconds) ? `after ${seconds} s` : 'later';
      throw new UsageError(`The API cannot run the request now (${status}): ${message} Try again ${advice}.`);
    }
    if (status >= 500) {
      const id = headers['x-openstack-request-id'];
      throw new UsageError(
        `The API failed (${status}): ${message}${typeof id === 'string' ? ` Its log has the details of the request ${printable(id)}.` : ''}`,
      );
    }
    // Every deployment of this version has these operations.
    const error = fault.data.error ?? (status === 404 ? 'route-not-found' : undefined);
    if (error === 'route-not-found' || error === 'method-not-allowed') {
      throw this.#notTheApi(`has no ${method} ${pathOf(path)}`);
    }
    if (status < 400) throw this.#notTheApi(`responded to ${method} ${pathOf(path)} with ${status}`);
    throw new ApiRefusal(status, error, message);
  }

  #notTheApi(finding: string): UsageError {
    return new UsageError(
      `${this.#base} ${finding}: check that it is the URL of an image sharing service with the sharing API.`,
    );
  }
}

const rawItems = (json: JsonObject, key: string): readonly unknown[] => z.array(z.unknown()).parse(json[key]);

/** Returns a path without its query. */
const pathOf = (path: string): string => path.split('?', 1)[0]!;

/** Returns a sentence that says that a list is incomplete; undefined for a complete list. */
export const incompleteNote = (count: number, hasMore: boolean): string | undefined =>
  hasMore ? `There are more than ${count}; "--limit" sets their number, at most ${maxPages * pageSize}.` : undefined;
