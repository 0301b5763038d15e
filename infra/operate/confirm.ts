import { createInterface } from 'node:readline/promises';
import { UsageError } from '../usage-error.ts';

/**
 * Asks the operator to type a name and returns true if the text is this name.
 *
 * @param kind - the kind of thing that has the name, such as `stage`
 * @param purpose - the consequence as a verb, such as `start`
 * @param option - the option that replaces the confirmation
 * @throws UsageError if there is no terminal
 */
export async function confirm(kind: string, name: string, purpose: string, option = '--yes'): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError(`The confirmation requires a terminal; confirm with ${option}.`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(`Type the name of the ${kind}, ${name}, to ${purpose}: `)).trim() === name;
  } finally {
    terminal.close();
  }
}
