import type { Timestamp } from '../../domain/clock.ts';

/** Returns the later of two timestamps, because the clock of another function instance may be ahead. */
export const laterTimestamp = (now: Timestamp, before: Timestamp): Timestamp => (now > before ? now : before);
