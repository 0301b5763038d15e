import { expect, test } from '@jest/globals';
import { parseTimestamp, timestamp } from '../../../lambda/domain/clock.ts';

test('a timestamp is rounded down to the second', () => {
  expect(timestamp(new Date('2026-11-23T12:00:59.999Z'))).toBe('2026-11-23T12:00:59Z');
});

test('a timestamp can be parsed', () => {
  expect(parseTimestamp('2026-11-23T12:00:59Z')).toBe('2026-11-23T12:00:59Z');
});

test.each([
  '',
  '2026-11-23',
  '2026-11-23T12:00:59',
  '2026-11-23T12:00:59.000Z',
  '2026-13-23T12:00:59Z',
  '2026-11-23T12:00:59Z ',
])('%j is not a timestamp', (text) => {
  expect(parseTimestamp(text)).toBeUndefined();
});
