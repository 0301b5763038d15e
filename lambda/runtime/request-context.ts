import { AsyncLocalStorage } from 'node:async_hooks';

/** Capacity units of the table. */
export interface Units {
  readonly read: number;
  readonly write: number;
}

/** The request or command that the current code runs for. */
interface RequestContext {
  /** In milliseconds since the epoch. */
  readonly deadline: number;
  units: Units;
  /** Errors of parts of the request that the response reports. */
  readonly errors: unknown[];
}

const contexts = new AsyncLocalStorage<RequestContext>();

/**
 * Runs a function as one request: everything that it calls gets the deadline by {@link currentDeadline} and adds to the
 * same {@link consumedUnits}.
 *
 * @param deadline - milliseconds since the epoch
 */
export const withRequestContext = <Result>(deadline: number, run: () => Promise<Result>): Promise<Result> =>
  contexts.run({ deadline, units: { read: 0, write: 0 }, errors: [] }, run);

/**
 * Runs a part of the current request with a time limit of its own. {@link currentDeadline} is the earlier of both
 * deadlines; consumed units and reported errors are those of the request.
 */
export function withTimeLimit<Result>(milliseconds: number, run: () => Promise<Result>): Promise<Result> {
  const request = contexts.getStore();
  const deadline = Math.min(request?.deadline ?? Infinity, Date.now() + milliseconds);
  if (request === undefined) return withRequestContext(deadline, run);
  return contexts.run(
    {
      deadline,
      errors: request.errors,
      get units() {
        return request.units;
      },
      set units(units) {
        request.units = units;
      },
    },
    run,
  );
}

/** Returns the deadline of the current request in milliseconds since the epoch, or `undefined` outside a request. */
export const currentDeadline = (): number | undefined => contexts.getStore()?.deadline;

/** Adds units to those of the current request. It has no effect outside a request. */
export function addConsumedUnits({ read, write }: Units): void {
  const context = contexts.getStore();
  if (context !== undefined) context.units = { read: context.units.read + read, write: context.units.write + write };
}

/**
 * Returns the units that the table has reported for the current request. DynamoDB reports none for a call that fails,
 * although a failed condition consumes at least one write unit.
 */
export const consumedUnits = (): Units => contexts.getStore()?.units ?? { read: 0, write: 0 };

/** Adds an error of a part of the current request, so that the request's log line contains its cause. */
export function reportError(error: unknown): void {
  contexts.getStore()?.errors.push(error);
}

/** Returns the errors of parts of the current request. */
export const reportedErrors = (): readonly unknown[] => contexts.getStore()?.errors ?? [];
