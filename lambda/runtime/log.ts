import type { LogMessage } from './log-messages.ts';

/** Fields of one log line. */
interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: LogMessage;
  readonly [field: string]: unknown;
}

/** Writes one log line. */
export type Log = (line: LogLine) => void;

/**
 * Creates the log of a function. It writes each line to standard output as one JSON object with the time and the stack,
 * which is a dimension of every metric; Lambda collects it there.
 */
export const createLog =
  (stack: string): Log =>
  (line) => {
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), stack, ...line })}\n`);
  };
