/** Codes of all reasons why image data cannot be read from a source. */
export type SourceErrorCode =
  | 'invalid-url'
  | 'address-not-allowed'
  | 'unreachable'
  | 'too-many-redirects'
  | 'invalid-response'
  | 'too-large'
  | 'too-slow'
  | 'incomplete';

/**
 * A reason why image data cannot be read from a source: a code, and a sentence for the user. The sentence has neither a
 * resolved address nor text that the source sent; the cause, for the log, may have both.
 */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;

  constructor(code: SourceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * The source has a host or a port that the service must not read from. A name that does not exist gives the same error,
 * because the difference would disclose the names of the service's own network.
 */
export const addressNotAllowed = (): SourceError =>
  new SourceError(
    'address-not-allowed',
    'The source must be a host that exists and has public addresses only, on port 80 or 443; the operator of the service can allow others.',
  );

/** No response arrived, for a reason that is the same sentence for every host. */
export const unreachable = (cause?: unknown): SourceError =>
  new SourceError(
    'unreachable',
    'The source does not respond: the connection failed or timed out, or its certificate is not valid.',
    { cause },
  );

/** The response is complete HTTP, but not image data as the service requires it. */
export const invalidResponse = (message: string): SourceError => new SourceError('invalid-response', message);

/** The source sends more bytes than permitted. */
export const sourceTooLarge = (maxBytes: number): SourceError =>
  new SourceError('too-large', `The source must have at most ${maxBytes} bytes.`);

/** The source needs more time than permitted. */
export const sourceTooSlow = (message: string): SourceError => new SourceError('too-slow', message);

/** The connection ended before the source had sent all bytes. */
export const incomplete = (cause?: unknown): SourceError =>
  new SourceError('incomplete', 'The source ended the connection before it had sent all bytes.', { cause });
