import { describe, expect, test } from '@jest/globals';
import { loadItems, mergePages, type LoadedList } from '../../../console/components/use-list.ts';

test('an item of two pages is shown once, in its place, with its newer state', () => {
  const first = { items: ['a1', 'b1', 'c1'], next: '/second' };
  const second = { items: ['c2', 'd2'], next: undefined };
  const keyOf = (item: string) => item.charAt(0);
  expect(mergePages(first, second, keyOf)).toEqual({ items: ['a1', 'b1', 'c2', 'd2'], next: undefined });
  expect(mergePages(undefined, second, keyOf)).toEqual(second);
});

test.each([
  ['the first page', 0, 1],
  ['the first page, if it has as many items as were shown', 2, 1],
  ['pages until there are as many items as were shown', 3, 2],
  ['no page after the last one', 100, 3],
])('an invalid list loads %s', async (_title, count, expectedPages) => {
  const pages: readonly LoadedList<string>[] = [
    { items: ['a', 'b'], next: '1' },
    { items: ['c', 'd'], next: '2' },
    { items: ['e'], next: undefined },
  ];
  const paths: (string | undefined)[] = [];
  const load = (next?: string) => {
    paths.push(next);
    return Promise.resolve(pages[Number(next ?? 0)]!);
  };

  const list = await loadItems(
    load,
    count,
    (item) => item,
    () => true,
  );

  const expected = pages.slice(0, expectedPages);
  expect(list).toEqual({ items: expected.flatMap(({ items }) => items), next: expected.at(-1)!.next });
  expect(paths).toEqual([undefined, '1', '2'].slice(0, expectedPages));
});

describe('pages without items', () => {
  /** Loads pages that are empty and have a next one. */
  const countPages = async (count: number, isNewest: (pages: number) => boolean = () => true) => {
    let pages = 0;
    const load = () => Promise.resolve({ items: [], next: String(++pages) });
    const list = await loadItems(load, count, String, () => isNewest(pages));
    expect(list).toEqual({ items: [], next: String(pages) });
    return pages;
  };

  test('are skipped up to a limit, which follows the number of items that were shown', async () => {
    expect(await countPages(0)).toBe(5);
    expect(await countPages(100)).toBe(5);
    expect(await countPages(230)).toBe(10);
  });

  test('are skipped until a newer request starts', async () => {
    expect(await countPages(0, (pages) => pages < 2)).toBe(2);
  });

  test('are skipped from the page that the user asks for', async () => {
    const pages: readonly LoadedList<string>[] = [
      { items: ['a'], next: '1' },
      { items: [], next: '2' },
      { items: ['b'], next: '3' },
    ];
    const load = (next?: string) => Promise.resolve(pages[Number(next ?? 0)]!);
    const list = await loadItems(load, 0, String, () => true, '1');
    expect(list).toEqual({ items: ['b'], next: '3' });
  });
});
