import { ArgumentError } from '../../usage-error.ts';

const timeExpression = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const dateExpression = /^\d{4}-\d\d-\d\d$/;
const secondsOf = { d: 24 * 60 * 60, h: 60 * 60 } as const;

/** Description of an end time for usages and error messages. */
export const endTimeForm =
  'a time such as 2027-01-31T18:00:00Z, a date such as 2027-01-31, or a duration from now such as 30d or 12h';

/**
 * Parses the end of an offer: a time, a date, which means its last second in UTC, or a duration from now in days or
 * hours.
 *
 * @returns the time in the format of the API
 * @throws ArgumentError if the text has another form, or the end is not in the future
 */
export function parseEndTime(text: string, now: Date): string {
  const end = endTime(text, now);
  if (end === undefined) throw new ArgumentError(`"--until" must be ${endTimeForm}; got ${JSON.stringify(text)}.`);
  if (end <= formatTime(now)) {
    throw new ArgumentError(`"--until" must be in the future; got ${JSON.stringify(text)}, which is ${end}.`);
  }
  return end;
}

/** Returns a time if the text is one in the format of the API that exists, such as `2027-01-31T18:00:00Z`. */
export function parseTime(text: string): string | undefined {
  if (!timeExpression.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  // A day that its month does not have would be a day of the next month.
  return !Number.isNaN(milliseconds) && formatTime(new Date(milliseconds)) === text ? text : undefined;
}

function endTime(text: string, now: Date): string | undefined {
  if (dateExpression.test(text)) return parseTime(`${text}T23:59:59Z`);
  const [, count, unit] = /^(\d{1,6})([dh])$/.exec(text) ?? [];
  if (count === undefined) return parseTime(text);
  const end = new Date(now.getTime() + Number(count) * secondsOf[unit === 'd' ? 'd' : 'h'] * 1000);
  return end.getUTCFullYear() > 9999 ? undefined : formatTime(end);
}

const formatTime = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
