import { parseTimestamp, timestamp, type Timestamp } from './clock.ts';
import { invalidRequest } from './errors.ts';

/**
 * Parses the end of an offer.
 *
 * @param value - unchecked; `null` and `undefined` mean no end
 * @throws SharingError `invalid-request` if it is not a time in the form `YYYY-MM-DDTHH:MM:SSZ` later than now
 */
export function parseExpiry(value: unknown, now: Date): Timestamp | undefined {
  if (value === null || value === undefined) return undefined;
  const time = typeof value === 'string' ? parseTimestamp(value) : undefined;
  // `Date` continues a month that is too short into the next month.
  if (time === undefined || timestamp(new Date(time)) !== time) {
    throw invalidRequest('"expires_at" must be a time in UTC in the form 2027-03-31T12:00:00Z, or null for no end.');
  }
  if (time <= timestamp(now)) throw invalidRequest('"expires_at" must be later than now.');
  return time;
}
