import { expect, test } from '@jest/globals';
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

  const list = await loadItems(load, count, (item) => item);

  const expected = pages.slice(0, expectedPages);
  expect(list).toEqual({ items: expected.flatMap(({ items }) => items), next: expected.at(-1)!.next });
  expect(paths).toEqual([undefined, '1', '2'].slice(0, expectedPages));
});
