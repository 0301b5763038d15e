import { Problem } from '../api/problem.ts';

/**
 * Converts the value of a `datetime-local` field, in the time zone of the browser, to UTC with seconds, such as
 * `2027-03-31T14:00` to `2027-03-31T12:00:00Z`. A local time that occurs twice is the first one.
 *
 * @throws Problem if the text is no time of the years to 9999
 */
export function toUtc(localText: string): string {
  const time = new Date(localText);
  if (isNaN(time.getTime())) throw new Problem('refused', 'The time is not valid.');
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Maximum of a `datetime-local` field. */
export const maxTime = '9999-12-31T23:59';

/** Converts the end of a membership like {@link toUtc}. @throws Problem if it is not later than now */
export function toFutureUtc(localText: string): string {
  const end = toUtc(localText);
  if (Date.parse(end) <= Date.now()) throw new Problem('refused', 'The end must be later than now.');
  return end;
}

/** Converts a time in UTC to the value of a `datetime-local` field. Seconds are omitted if they are zero. */
export function toLocalInput(utc: string): string {
  const time = new Date(utc);
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19).replace(/:00$/, '');
}
