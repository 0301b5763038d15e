/**
 * Returns the path of the first page of a list and, if more entries can follow, of the next page.
 *
 * @param path - path of the list
 * @param query - effective parameters of the request, which both paths repeat
 * @param next - marker of the next page
 */
export function pageLinks(
  path: string,
  query: URLSearchParams,
  next: string | undefined,
): { readonly first: string; readonly next?: string } {
  const pathOf = (marker?: string): string => {
    const parameters = new URLSearchParams(query);
    parameters.delete('marker');
    if (marker !== undefined) parameters.append('marker', marker);
    // The Image service encodes these two characters differently from URLSearchParams.
    const text = parameters.toString().replaceAll('%7E', '~').replaceAll('*', '%2A');
    return parameters.size === 0 ? path : `${path}?${text}`;
  };
  return { first: pathOf(), ...(next !== undefined && { next: pathOf(next) }) };
}
