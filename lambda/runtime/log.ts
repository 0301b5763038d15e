/** Writes a log line to standard output, where Lambda collects it: one JSON object. */
export const log = (line: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
};
