const exactFormat = new Intl.DateTimeFormat('en-GB', {
  ...({ day: 'numeric', month: 'short', year: 'numeric' } as const),
  ...({ hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const),
});
const relativeFormat = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const numberFormat = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** Units of relative times with their lengths in seconds, the longest first. */
const units = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** Formats a time with its time zone, such as `30 Nov 2026, 12:30 UTC`. */
export const exactTime = (time: Date): string => exactFormat.format(time);

/** Formats a time relative to now, such as `3 days ago` or `in 2 hours`. */
export function relativeTime(time: Date, now: Date): string {
  const seconds = (time.getTime() - now.getTime()) / 1000;
  const [unit, length] = units.find(([, unitLength]) => Math.abs(seconds) >= unitLength) ?? ['minute', 60];
  const count = Math.trunc(seconds / length);
  return count === 0 ? (seconds > 0 ? 'in less than a minute' : 'just now') : relativeFormat.format(count, unit);
}

/** Formats a number with separators. @param atLeast - true if the number is a lower bound */
export const formatCount = (count: number, atLeast = false): string =>
  `${numberFormat.format(count)}${atLeast ? '+' : ''}`;

const byteUnits = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** Formats a size in bytes with the largest fitting decimal unit, such as `1.2 GB`. */
export function formatBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), byteUnits.length - 1);
  return `${numberFormat.format(bytes / 1000 ** power)} ${byteUnits[power]}`;
}

/** Returns a number with its noun, such as `1 image` or `3 images`. */
export const plural = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
