/** An answer to API Gateway: the response of payload format 2.0. */
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

export const ok = (view: unknown): ApiResponse => json(200, view);

/** @param location - the absolute URL of what was created */
export const created = (view: unknown, location: string): ApiResponse => json(201, view, { location });

export const multipleChoices = (view: unknown): ApiResponse => json(300, view);

export const noContent = (): ApiResponse => ({ statusCode: 204, headers: {} });

export const redirect = (location: string): ApiResponse => ({ statusCode: 302, headers: { location } });

export const okText = (text: string): ApiResponse => ({
  statusCode: 200,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: text,
});

export const okEmpty = (): ApiResponse => ({ statusCode: 200, headers: {} });
