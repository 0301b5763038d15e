/** A UTC time to the second, as in the API: `YYYY-MM-DDTHH:MM:SSZ`. */
export type Timestamp = string & { readonly __time: 'utc-seconds' };

/** Returns the current time. A use case calls it once per attempt. */
export type Clock = () => Date;

/** Returns the timestamp of a date, rounded down to the second. */
export const timestamp = (date: Date): Timestamp => `${date.toISOString().slice(0, 19)}Z` as Timestamp;

const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Parses a timestamp; returns `undefined` if the text is not in the form of {@link Timestamp}. */
export const parseTimestamp = (text: string): Timestamp | undefined =>
  timestampPattern.test(text) && !Number.isNaN(Date.parse(text)) ? (text as Timestamp) : undefined;
