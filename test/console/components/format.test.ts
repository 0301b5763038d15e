import { describe, expect, test } from '@jest/globals';
import { formatBytes, formatCount, plural, relativeTime } from '../../../console/components/format.ts';

describe('a relative time', () => {
  const now = new Date('2026-11-30T12:00:00Z');
  test.each([
    ['2026-11-30T12:00:00Z', 'just now'],
    ['2026-11-30T11:59:01Z', 'just now'],
    ['2026-11-30T11:59:00Z', '1 minute ago'],
    ['2026-11-30T09:00:00Z', '3 hours ago'],
    ['2026-11-29T12:00:00Z', 'yesterday'],
    ['2026-11-27T11:00:00Z', '3 days ago'],
    ['2026-08-30T12:00:00Z', '3 months ago'],
    ['2024-11-29T12:00:00Z', '2 years ago'],
    ['2026-11-30T12:00:30Z', 'in less than a minute'],
    ['2026-12-02T12:00:00Z', 'in 2 days'],
  ])('%s is "%s"', (time, text) => {
    expect(relativeTime(new Date(time), now)).toBe(text);
  });
});

test('sizes have decimal units', () => {
  expect([0, 999, 1000, 1_234_567_890, 5e12, 7e15].map(formatBytes)).toEqual([
    '0 bytes',
    '999 bytes',
    '1 kB',
    '1.2 GB',
    '5 TB',
    '7,000 TB',
  ]);
});

test('numbers say if they are a lower bound, and nouns follow them', () => {
  expect([formatCount(1000, true), formatCount(12)]).toEqual(['1,000+', '12']);
  expect([plural(1, 'image'), plural(2, 'image'), plural(0, 'image')]).toEqual(['1 image', '2 images', '0 images']);
});
