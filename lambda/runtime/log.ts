import type { LogMessage } from './log-messages.ts';

/** Fields of one log line. */
interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: LogMessage;
  readonly [field: string]: unknown;
}

/** Writes one log line. */
export type Log = (line: LogLine) => void;

/** Writes a log line to standard output as one JSON object with the time; Lambda collects it there. */
export const log: Log = (line) => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
};
