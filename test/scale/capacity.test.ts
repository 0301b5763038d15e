import { describe, expect, test } from '@jest/globals';
import {
  collectionBytes,
  entryOf,
  entryWriteUnits,
  itemBytes,
  itemWriteUnits,
  readUnits,
  type Index,
} from './capacity.ts';

const index: Index = {
  name: 'listed',
  isLocal: true,
  partitionKey: 'pk',
  sortKey: 'listed',
  attributes: ['pk', 'sk', 'listed', 'owner'],
};
const key = { pk: 'P', sk: 'S' };
const text = (bytes: number): string => 'x'.repeat(bytes);

test('an item has the bytes of its names and values', () => {
  const item = { pk: 'P', ü: '€', n: 1234, yes: true, none: null, list: ['ab', 1], map: { a: 'b' } };

  // 3, 2 + 3, 1 + 3, 3 + 1, 4 + 1; a list or map has 3, and 1 for each of its elements
  expect(itemBytes(item)).toBe(3 + 5 + 4 + 4 + 5 + (4 + 3 + 1 + 2 + 1 + 2) + (3 + 3 + 1 + 1 + 1));
});

describe('a write', () => {
  test.each([
    ['a new item of up to 1 KB', undefined, key, false, 1],
    ['in a transaction, twice as much', undefined, key, true, 2],
    ['a larger item, each KB that it begins', undefined, { ...key, v: text(1024) }, false, 2],
    ['an item that shrinks, what it was', { ...key, v: text(2048) }, key, false, 3],
    ['a deletion, what it was', { ...key, v: text(1024) }, undefined, true, 4],
  ])('of %s', (_title, before, after, isTransaction, units) => {
    expect(itemWriteUnits(before, after, isTransaction)).toBe(units);
  });
});

describe('the entry of an item in an index', () => {
  const listed = { ...key, listed: 'a', owner: 'o', other: 1 };

  test('has what the index projects, and is there only with both keys', () => {
    expect(entryOf(listed, index)).toEqual({ ...key, listed: 'a', owner: 'o' });
    expect(entryOf(key, index)).toBeUndefined();
  });

  test.each([
    ['the item is in the index neither before nor after', key, { ...key, other: 1 }, 0],
    ['it enters', key, listed, 1],
    ['it leaves', listed, key, 1],
    ['its key changes: one deletion and one put', listed, { ...listed, listed: 'b' }, 2],
    ['a projected attribute changes', listed, { ...listed, owner: 'p' }, 1],
    ['nothing that is projected changes', listed, { ...listed, other: 2 }, 0],
  ])('costs units where %s', (_title, before, after, units) => {
    expect(entryWriteUnits(before, after, index)).toBe(units);
  });

  test('takes 100 bytes more than its attributes in the collection, if the index is local', () => {
    const entry = { ...key, listed: 'a', owner: 'o' };

    expect(collectionBytes(listed, [index])).toBe(itemBytes(listed) + itemBytes(entry) + 100);
    expect(collectionBytes(listed, [{ ...index, isLocal: false }])).toBe(itemBytes(listed));
  });
});

test.each([
  [0, true, 1],
  [4096, true, 1],
  [4097, true, 2],
  [4097, false, 1],
])('a read of %i bytes, consistent %s, costs %d units', (bytes, isConsistent, units) => {
  expect(readUnits(bytes, isConsistent)).toBe(units);
});
