/** A moment as the API writes it: `YYYY-MM-DDTHH:MM:SSZ`. */
export type Timestamp = string & { readonly __time: 'utc-seconds' };

/** The time of day; a use case asks it once. */
export type Clock = () => Date;

/** A moment to the second. */
export const timestamp = (date: Date): Timestamp => `${date.toISOString().slice(0, 19)}Z` as Timestamp;

const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** The timestamp that a text spells, or `undefined`. */
export const parseTimestamp = (text: string): Timestamp | undefined =>
  form.test(text) && !Number.isNaN(Date.parse(text)) ? (text as Timestamp) : undefined;
