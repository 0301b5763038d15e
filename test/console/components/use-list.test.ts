import { expect, test } from '@jest/globals';
import { mergePages } from '../../../console/components/use-list.ts';

test('an item of two pages is shown once, in its place, with its newer state', () => {
  const first = { items: ['a1', 'b1', 'c1'], next: '/second' };
  const second = { items: ['c2', 'd2'], next: undefined };
  const keyOf = (item: string) => item.charAt(0);
  expect(mergePages(first, second, keyOf)).toEqual({ items: ['a1', 'b1', 'c2', 'd2'], next: undefined });
  expect(mergePages(undefined, second, keyOf)).toEqual(second);
});
