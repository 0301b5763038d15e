import { exactTime, relativeTime } from './format.ts';

/** A time: relative to now, and exact in the time zone of the browser. A dash if there is none. */
export function Time({ value }: { readonly value: string | null }) {
  if (value === null) return <>–</>;
  const time = new Date(value);
  return (
    <time dateTime={value}>
      {relativeTime(time, new Date())} <small>{exactTime(time)}</small>
    </time>
  );
}
