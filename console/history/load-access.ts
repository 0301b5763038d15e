import type { AccessPage } from '../api/types.ts';

/** Maximum number of pages that one action of the user loads. */
export const maxPages = 5;

/**
 * Loads the access to an image at a time until a page has members: a page can be empty and still have a next page. Stops
 * after some pages; the user can continue.
 *
 * @param loadPage - loads the first page, or the page at a path
 * @param earlier - the access of the earlier pages
 * @returns the access with the members of all pages
 */
export async function loadAccess(
  loadPage: (next?: string) => Promise<AccessPage>,
  earlier?: AccessPage,
): Promise<AccessPage> {
  let page = await loadPage(earlier?.next);
  for (let pages = 1; page.members.length === 0 && page.next !== undefined && pages < maxPages; pages++) {
    page = await loadPage(page.next);
  }
  return { ...page, members: [...(earlier?.members ?? []), ...page.members] };
}
