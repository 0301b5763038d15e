import type { JsonObject } from './sharing-api.ts';

/** The outcome of a command. */
export interface Outcome {
  /** The document for programs; undefined if the API responds with nothing. */
  readonly json: JsonObject | undefined;
  /** The text for people, safe to print. */
  readonly text: string;
  /** A sentence for each refused entry, safe to print. */
  readonly refusals?: readonly string[];
  /** A sentence about the outcome as a whole, such as its completeness. */
  readonly note?: string | undefined;
  /** The error that ended the command before all entries were sent. */
  readonly failure?: Error | undefined;
}
