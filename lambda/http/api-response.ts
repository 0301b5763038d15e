import type { EntityTag, IfNoneMatch } from './entity-tag.ts';

/** Response to API Gateway (payload format 2.0). */
export interface ApiResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const json = (statusCode: number, view: unknown, headers: Readonly<Record<string, string>> = {}): ApiResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(view),
});

/** Returns a 200 response with a JSON body. */
export const ok = (view: unknown): ApiResponse => json(200, view);

/** Returns a 200 response with a JSON body and its entity tag. */
export const okTagged = (view: unknown, etag: EntityTag): ApiResponse => json(200, view, { etag });

/**
 * Returns a 200 response with a JSON body and its entity tag, or a 304 response if the client has this representation.
 */
export const okUnlessMatched = (
  { ifNoneMatch }: { readonly ifNoneMatch: IfNoneMatch | undefined },
  view: unknown,
  etag: EntityTag,
): ApiResponse =>
  ifNoneMatch === '*' || ifNoneMatch?.includes(etag) === true
    ? { statusCode: 304, headers: { etag } }
    : okTagged(view, etag);

/** Returns a 201 response. @param location - absolute URL of the created resource */
export const created = (view: unknown, location: string, headers: Readonly<Record<string, string>> = {}): ApiResponse =>
  json(201, view, { ...headers, location });

/** Returns a 202 response without a body. */
export const accepted = (): ApiResponse => ({ statusCode: 202, headers: {} });

/** Returns a 300 response with a JSON body. */
export const multipleChoices = (view: unknown): ApiResponse => json(300, view);

/** Returns a 204 response. */
export const noContent = (): ApiResponse => ({ statusCode: 204, headers: {} });

/** Returns a 302 response. @param location - absolute URL */
export const redirect = (location: string): ApiResponse => ({ statusCode: 302, headers: { location } });

/** Returns a 200 response with a text body. */
export const okText = (text: string): ApiResponse => ({
  statusCode: 200,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: text,
});

/** Returns a 200 response without a body. */
export const okEmpty = (): ApiResponse => ({ statusCode: 200, headers: {} });
