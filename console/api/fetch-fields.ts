type Fields = Readonly<Record<string, unknown>>;

/** Longer than the 30 s after which the gateway of the service itself responds. */
const timeoutMilliseconds = 35_000;

/**
 * Sends a request without cookies, caches and redirects, because its token or secret is for this URL only.
 *
 * @returns the response and the fields of its JSON body; no fields for any other body
 * @throws Error if there is no complete response
 */
export async function fetchFields(
  url: string,
  init: RequestInit = {},
): Promise<{ readonly response: Response; readonly fields: Fields }> {
  const response = await fetch(url, {
    ...init,
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMilliseconds),
  });
  const text = await response.text();
  return { response, fields: parseFields(() => text) };
}

/** Returns the fields of a JSON object; none if the text cannot be read or is no object. */
export function parseFields(read: () => string): Fields {
  try {
    return Object(JSON.parse(read())) as Fields;
  } catch {
    return {};
  }
}
