import { AsyncLocalStorage } from 'node:async_hooks';

const deadlines = new AsyncLocalStorage<number>();

/**
 * Runs a request with a moment by which it must have answered, so that whatever it waits for can give up in time.
 *
 * @param at - milliseconds since the epoch
 */
export const withDeadline = <Result>(at: number, run: () => Promise<Result>): Promise<Result> => deadlines.run(at, run);

/** The current request's deadline in milliseconds since the epoch, or `undefined` outside a request. */
export const currentDeadline = (): number | undefined => deadlines.getStore();

/**
 * What a function keeps of its time, in milliseconds, for reporting what it has not done: its deadline is so much earlier.
 */
export const reportingReserveMilliseconds = 5000;
