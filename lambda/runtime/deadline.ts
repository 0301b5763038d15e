/** Default timeout of a function in seconds: below the 30 s that API Gateway waits for a response. */
export const functionTimeoutSeconds = 25;

/** Time in milliseconds that a function reserves at its end to report unfinished work or to respond with an error. */
export const reportingReserveMilliseconds = 5000;

/** Maximum duration of an HTTP request in milliseconds; the function then responds 503 before its own timeout. */
export const requestTimeoutMilliseconds = functionTimeoutSeconds * 1000 - reportingReserveMilliseconds;

/** The part of a Lambda context that tells the remaining time. */
interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

/** Returns the deadline of an invocation in milliseconds since the epoch: the end of its timeout minus the reserve. */
export const deadlineOf = (context: InvocationContext): number =>
  Date.now() + context.getRemainingTimeInMillis() - reportingReserveMilliseconds;
