/** Reason why a request failed, as far as the page acts differently. */
export type ProblemKind =
  /** The sign-in has ended: the page asks to sign in again. */
  | 'signed-out'
  /** The request may or may not have had its effect: the page reads the state again. */
  | 'outcome-unknown'
  /** The image or the membership does not exist any more. */
  | 'missing'
  /** The state is not the one that the page shows, so the request had no effect: the page reads the state again. */
  | 'changed'
  /** The request had no effect and can be repeated later. */
  | 'temporary'
  /** The role does not permit the request, which had no effect: the page reads the role again. */
  | 'not-permitted'
  /** The request had no effect, and a repetition would have none either. */
  | 'refused';

/** A failed request. The message says what happened and what to do, for the user. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** An error response, or the result of a refused entry of a bulk request. */
export interface Fault {
  readonly status: number;
  /** Code of the service, such as `image-not-found`; undefined for a response of the gateway. */
  readonly error?: string | undefined;
  readonly message?: string | undefined;
  /** Header `Retry-After` in seconds. */
  readonly retryAfter?: string | null;
  readonly requestId?: string | null;
}

/** Codes of a 503 of the service that say that the request had no effect. */
const withoutEffect = ['try-again-later', 'database-unavailable', 'identity-unavailable', 'not-started'];

const unknownOutcome =
  'so the change may or may not have been made. Check the list, which is loaded again, before you repeat the change.';

/** Returns the problem of a request without a response. @param isWrite - true if the request may have had an effect */
export function connectionProblem(isWrite: boolean): Problem {
  return isWrite
    ? new Problem('outcome-unknown', `The connection failed before the response, ${unknownOutcome}`)
    : new Problem('temporary', 'The service cannot be reached. Check your network connection, then try again.');
}

/** Returns the problem of a response in an unknown form. @param isWrite - true if the request may have had an effect */
export function unreadableProblem(isWrite: boolean): Problem {
  return isWrite
    ? new Problem('outcome-unknown', `The response of the service is not readable, ${unknownOutcome}`)
    : new Problem('temporary', 'The response of the service is not readable. Try again later.');
}

/** Returns the problem of an error response. @param isWrite - true if the request may have had an effect */
export function problemOf({ status, error, message = '', retryAfter, requestId }: Fault, isWrite: boolean): Problem {
  const nothing = isWrite ? ' Nothing was changed.' : '';
  if (status === 401) {
    const reason = message ? `The service refused your sign-in: ${message}` : 'Your sign-in has ended.';
    return new Problem('signed-out', `${reason}${nothing} Sign in again to continue.`);
  }
  if (status === 403 && error === 'not-permitted') {
    return new Problem(error, `${message}${nothing} Sign in with a role that permits it.`);
  }
  if (status === 404) return new Problem('missing', message || 'This no longer exists.');
  if (status === 412) return new Problem('changed', `This has changed meanwhile.${nothing} The list is loaded again.`);
  if (status === 429) {
    return new Problem(
      'temporary',
      `The service receives too many requests.${nothing} Wait some seconds, then try again.`,
    );
  }
  // The service says if a request had no effect. An error of the gateway or of a proxy does not.
  const hadNoEffect = status === 503 && withoutEffect.includes(error ?? '');
  if (hadNoEffect || (status >= 500 && !isWrite)) {
    const pause = retryAfter != null && /^\d+$/.test(retryAfter) ? `Try again in ${retryAfter} s.` : 'Try again later.';
    const reference =
      status === 500 && requestId != null ? ` If it happens again, tell your operator: ${requestId}.` : '';
    return new Problem('temporary', `The service is temporarily unavailable.${nothing} ${pause}${reference}`);
  }
  if (status >= 500) {
    const reference = requestId == null ? '' : ` Request id: ${requestId}.`;
    return new Problem('outcome-unknown', `The service failed, ${unknownOutcome}${reference}`);
  }
  return new Problem('refused', message || `The service refused the request with status ${status}.${nothing}`);
}

/** Returns a handler of a failed request: it handles that the image or the membership is missing, and throws the rest. */
export const onMissing =
  <Result>(handle: () => Result) =>
  (error: unknown): Result => {
    if ((error as Partial<Problem>).kind !== 'missing') throw error;
    return handle();
  };
