import { expect, test } from '@jest/globals';
import type { Timestamp } from '../../../lambda/domain/clock.ts';
import { compareBy, creationOrder, pickSortable, type Sort } from '../../../lambda/domain/image-filter.ts';
import type { ImageId } from '../../../lambda/domain/ids.ts';
import { anImage, someData } from './an-image.ts';

const sorts = (text: string): Sort[] =>
  text.split(',').map((sort) => {
    const [key, direction] = sort.split(':');
    return { key, direction } as Sort;
  });

test.each([
  ['created_at:desc', 'desc'],
  ['created_at:asc', 'asc'],
  ['created_at:desc,id:desc', 'desc'],
  ['created_at:asc,id:asc', 'asc'],
  ['created_at:desc,id:asc', undefined],
  ['created_at:desc,name:desc', undefined],
  ['created_at:desc,id:desc,name:asc', undefined],
  ['id:desc', undefined],
  ['id:desc,created_at:desc', undefined],
  ['updated_at:desc', undefined],
])('%s means creation order: %s', (text, direction) => {
  expect(creationOrder(sorts(text))).toBe(direction);
});

const at = (hour: number) => `2026-11-23T${hour}:00:00Z` as Timestamp;
const id = (digit: string) => `${digit.repeat(8)}-0000-0000-0000-000000000000` as ImageId;
const images = [
  anImage({ id: id('a'), name: 'ubuntu', diskFormat: 'raw', createdAt: at(10), updatedAt: at(20) }),
  anImage({ id: id('b'), name: null, diskFormat: 'qcow2', createdAt: at(12), updatedAt: at(13) }),
  anImage({ id: id('c'), name: 'debian', containerFormat: 'bare', createdAt: at(12), updatedAt: at(14) }),
  anImage({ id: id('d'), name: 'ubuntu', diskFormat: 'raw', createdAt: at(11), updatedAt: at(11) }),
];

test.each([
  ['name:asc', 'bcad'],
  ['name:desc', 'dacb'],
  ['name:asc,created_at:desc', 'bcda'],
  ['disk_format:asc', 'cbad'],
  ['container_format:desc', 'cbda'],
  ['id:asc', 'abcd'],
  ['id:desc', 'dcba'],
  ['created_at:asc', 'adbc'],
  ['created_at:desc,id:asc', 'bcda'],
  ['updated_at:desc', 'acbd'],
  ['status:asc', 'adbc'],
  ['status:desc', 'cbda'],
  ['size:asc', 'adbc'],
])('sorted by %s, then by creation time and id: %s', (text, order) => {
  const sorted = images.map(pickSortable).toSorted(compareBy(sorts(text)));

  expect(sorted.map((image) => image.id[0]).join('')).toBe(order);
});

test.each([
  ['size:asc', ['no data', '9', '10', '10737418240']],
  ['size:desc', ['10737418240', '10', '9', 'no data']],
  ['status:asc,size:desc', ['10737418240', '10', '9', 'no data']],
  ['status:desc', ['no data', '10737418240', '10', '9']],
])('images with data sorted by %s', (text, order) => {
  const withData = [10, 10_737_418_240, 9].map((size, hour) =>
    anImage({
      name: String(size),
      status: 'active',
      data: someData({ size }),
      createdAt: at(10 + (hour === 1 ? 5 : 4 - hour)),
    }),
  );
  const all = [anImage({ name: 'no data' }), ...withData];

  const sorted = all.map(pickSortable).toSorted(compareBy(sorts(text)));

  expect(sorted.map(({ name }) => name)).toEqual(order);
});
