import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { toFutureUtc, toLocalInput, toUtc } from '../../../console/components/local-time.ts';

const moduleUrl = new URL('../../../console/components/local-time.ts', import.meta.url).href;

/** Evaluates an expression with the functions in a time zone: a process has one for its lifetime. */
const evaluateIn = (timeZone: string, expression: string): unknown =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [
        ...['--disable-warning=ExperimentalWarning', '--experimental-strip-types', '--input-type=module', '--eval'],
        `import { toLocalInput, toUtc } from '${moduleUrl}'; console.log(JSON.stringify(${expression}));`,
      ],
      { env: { ...process.env, TZ: timeZone, NODE_OPTIONS: '' }, encoding: 'utf8' },
    ),
  );

const winterAndSummer = `[toUtc('2026-11-30T14:00'), toUtc('2027-03-31T14:00')]`;

test.each([
  ['Europe/Berlin', ['2026-11-30T13:00:00Z', '2027-03-31T12:00:00Z']],
  ['America/New_York', ['2026-11-30T19:00:00Z', '2027-03-31T18:00:00Z']],
  ['Asia/Kolkata', ['2026-11-30T08:30:00Z', '2027-03-31T08:30:00Z']],
  ['Pacific/Kiritimati', ['2026-11-30T00:00:00Z', '2027-03-31T00:00:00Z']],
])('a local time of %s becomes UTC', (timeZone, expected) => {
  expect(evaluateIn(timeZone, winterAndSummer)).toEqual(expected);
});

test.each([
  ['Europe/Berlin', ['2026-11-30T14:00', '2027-03-31T14:00:30']],
  ['Asia/Kolkata', ['2026-11-30T18:30', '2027-03-31T17:30:30']],
])('a time in UTC becomes a local time of %s', (timeZone, expected) => {
  expect(evaluateIn(timeZone, `[toLocalInput('2026-11-30T13:00:00Z'), toLocalInput('2027-03-31T12:00:30Z')]`)).toEqual(
    expected,
  );
});

test('a local time that occurs twice is the first one', () => {
  expect(evaluateIn('Europe/Berlin', `toUtc('2026-10-25T02:30')`)).toBe('2026-10-25T00:30:00Z');
});

test.each(['2026-11-30T14:00', '2027-03-31T14:00', '2028-02-29T00:00', '2026-12-31T23:59:59'])(
  '%s is the same after both conversions',
  (text) => {
    expect(toLocalInput(toUtc(text))).toBe(text);
  },
);

test.each(['', '10000-01-01T00:00', '275761-01-01T00:00'])(
  '%p is refused, because it is no time before the year 10000',
  (text) => {
    expect(() => toUtc(text)).toThrow(expect.objectContaining({ kind: 'refused', message: 'The time is not valid.' }));
  },
);

test('the end of a membership must be later than now', () => {
  expect(toFutureUtc('2099-12-31T12:00')).toBe(toUtc('2099-12-31T12:00'));
  expect(() => toFutureUtc('2020-12-31T12:00')).toThrow('The end must be later than now.');
});
