import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../api/problem.ts';
import { useConsole } from './console-context.ts';

/** A list that is loaded in pages. */
export interface LoadedList<Item> {
  readonly items: readonly Item[];
  /** Path of the next page. */
  readonly next: string | undefined;
}

/** A list and its state. */
interface ListState<Item> {
  /** Undefined until the first page is loaded. */
  readonly list: LoadedList<Item> | undefined;
  /** Sentence about a failed first page. */
  readonly problem: string | undefined;
  /**
   * Removes items from the list that is shown now. The list is loaded again if none remains and there is a further page, or
   * if it is being loaded and may still have them.
   */
  readonly remove: (isRemoved: (item: Item) => boolean) => void;
  /** Loads the next page and appends it. */
  readonly loadMore: () => Promise<void>;
}

/**
 * Loads a list when it is shown, when a dependency changes and when the lists become invalid. Pages are no snapshot: an item
 * of two pages is shown once.
 *
 * @param loadPage - loads the first page, or the page at a path
 * @param keyOf - returns the identity of an item
 * @param dependencies - values that select the items of the list
 */
export function useList<Item>(
  loadPage: (next?: string) => Promise<LoadedList<Item>>,
  keyOf: (item: Item) => string,
  dependencies: readonly unknown[],
): ListState<Item> {
  const { revision, run, notify, report, invalidate, load } = useConsole();
  const [list, setList] = useState<LoadedList<Item>>();
  // Not the state: the list can change between the start of an action and its end.
  const shown = useRef(list);
  const show = (changed: typeof list) => {
    shown.current = changed;
    setList(changed);
  };
  const [problem, setProblem] = useState<string>();
  /** Number of the newest request: the response to an older one is ignored. */
  const newest = useRef(0);
  const loadedRevision = useRef(revision);
  const isLoading = useRef(false);

  useEffect(() => {
    const request = ++newest.current;
    // An invalid list keeps its length, so that the user does not lose the place.
    const count = revision === loadedRevision.current ? 0 : (list?.items.length ?? 0);
    loadedRevision.current = revision;
    isLoading.current = true;
    // A problem that occurs again is a new one.
    setProblem(undefined);
    load(loadItems(loadPage, count, keyOf, () => request === newest.current)).then(
      (page) => {
        if (request !== newest.current) return;
        isLoading.current = false;
        show(page);
      },
      (error: unknown) => {
        if (request !== newest.current) return;
        isLoading.current = false;
        if (error instanceof Problem && error.kind !== 'signed-out') setProblem(error.message);
        else report(error);
      },
    );
  }, [revision, ...dependencies]);
  useEffect(
    () => () => {
      newest.current = Infinity;
    },
    [],
  );

  const loadMore = async () => {
    const next = list?.next;
    const request = newest.current;
    if (next === undefined) return;
    await run(async () => {
      try {
        const isNewest = () => request === newest.current;
        const page = await loadItems(loadPage, 0, keyOf, isNewest, next);
        if (isNewest()) show(mergePages(shown.current, page, keyOf));
      } catch (error) {
        // The marker of the page no longer exists.
        if (!(error instanceof Problem) || error.kind !== 'refused') throw error;
        notify({ text: 'The list has changed meanwhile and is loaded again.' });
        invalidate();
      }
    });
  };
  const remove = (isRemoved: (item: Item) => boolean) => {
    const { items = [], next } = shown.current ?? {};
    const remaining = items.filter((item) => !isRemoved(item));
    const isComplete = remaining.length > 0 || next === undefined;
    // Without a list, a progress is shown.
    show(shown.current && isComplete ? { items: remaining, next } : undefined);
    if (!isLoading.current && isComplete) return;
    newest.current++;
    invalidate();
  };
  return { list, problem, remove, loadMore };
}

/** Least number of items in a full page of any list. */
const pageSize = 25;

/** Least number of pages that a search for an item may load. */
const minPages = 5;

/**
 * Loads pages until they have an item and at least a number of items, or there is no further page. Pages can be empty, so the
 * number of pages is limited; the user can continue.
 *
 * @param isNewest - returns false after a newer request has started; then no further page is loaded
 * @param next - path of the first page to load. Default: the first page of the list
 */
export async function loadItems<Item>(
  loadPage: (next?: string) => Promise<LoadedList<Item>>,
  count: number,
  keyOf: (item: Item) => string,
  isNewest: () => boolean,
  next?: string,
): Promise<LoadedList<Item>> {
  let list = await loadPage(next);
  let pages = Math.max(minPages, count / pageSize);
  while (list.next !== undefined && list.items.length < (count || 1) && --pages > 0 && isNewest()) {
    list = mergePages(list, await loadPage(list.next), keyOf);
  }
  return list;
}

/** Appends a page to a list. An item of both keeps its place and gets the newer state. */
export function mergePages<Item>(
  list: LoadedList<Item> | undefined,
  page: LoadedList<Item>,
  keyOf: (item: Item) => string,
): LoadedList<Item> {
  const items = new Map([...(list?.items ?? []), ...page.items].map((item) => [keyOf(item), item]));
  return { items: [...items.values()], next: page.next };
}
