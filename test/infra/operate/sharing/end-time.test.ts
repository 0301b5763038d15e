import { describe, expect, test } from '@jest/globals';
import { parseEndTime, parseTime } from '../../../../infra/operate/sharing/end-time.ts';

const now = new Date('2026-11-30T10:15:20.700Z');

test.each([
  ['a time is the end itself', '2026-12-01T00:00:00Z', '2026-12-01T00:00:00Z'],
  ['a date ends with its last second', '2026-12-31', '2026-12-31T23:59:59Z'],
  ['the current date ends today', '2026-11-30', '2026-11-30T23:59:59Z'],
  ['a leap day exists in a leap year', '2028-02-29', '2028-02-29T23:59:59Z'],
  ['a duration in days counts from now', '30d', '2026-12-30T10:15:20Z'],
  ['a duration in hours counts from now', '12h', '2026-11-30T22:15:20Z'],
])('%s', (_, text, end) => {
  expect(parseEndTime(text, now)).toBe(end);
});

const form =
  'a time such as 2027-01-31T18:00:00Z, a date such as 2027-01-31, or a duration from now such as 30d or 12h';

test.each([
  'tomorrow',
  '30',
  '30m',
  '-1d',
  '1.5d',
  '9999999d',
  '999999999999h',
  '2027-02-29',
  '2027-13-01',
  '2027-01-31T18:00Z',
  '2027-01-31T18:00:00',
  '2027-01-31T18:00:00+01:00',
  '2027-01-31T24:00:00Z',
  '2027-01-31T18:00:60Z',
  '10000-01-01',
])('%s is no end time', (text) => {
  expect(() => parseEndTime(text, now)).toThrow(`"--until" must be ${form}; got "${text}".`);
});

test.each([
  ['2026-11-30T10:15:20Z', '2026-11-30T10:15:20Z'],
  ['2026-11-29', '2026-11-29T23:59:59Z'],
  ['0d', '2026-11-30T10:15:20Z'],
])('the end %s is not in the future', (text, end) => {
  expect(() => parseEndTime(text, now)).toThrow(`"--until" must be in the future; got "${text}", which is ${end}.`);
});

describe('the time of a question about the past', () => {
  test.each(['2026-11-30T10:15:00Z', '0001-01-01T00:00:00Z'])('%s is a time', (text) => {
    expect(parseTime(text)).toBe(text);
  });

  test.each(['2026-11-30', '30d', '2026-11-31T00:00:00Z', '2026-11-30T10:15:00.5Z', ''])('%j is no time', (text) => {
    expect(parseTime(text)).toBeUndefined();
  });
});
