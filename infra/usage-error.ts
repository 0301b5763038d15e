/**
 * An error that the user of a command can correct: one sentence that says what is wrong and what is valid. Commands
 * print it without a stack trace.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Runs a command line program. `--help` prints the usage. A {@link UsageError} prints its message, any other error its
 * stack trace; both set the exit code 1.
 *
 * @param usage - the text for `--help`
 * @param command - gets the arguments
 */
export async function runCommand(
  usage: string,
  command: (args: readonly string[]) => void | Promise<void>,
): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    console.log(usage);
    return;
  }
  try {
    await command(args);
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : error);
    process.exitCode = 1;
  }
}
