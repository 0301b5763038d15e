/**
 * An error that the user of a command can correct: one sentence that says what is wrong and what is valid. Commands
 * print it without a stack trace.
 */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** An invalid argument of a command line. Commands print the usage after it. */
export class ArgumentError extends UsageError {
  override readonly name = 'ArgumentError';
}

/**
 * Runs a command line program. `--help` prints the usage. A {@link UsageError} prints its message, an
 * {@link ArgumentError} also the usage, any other error its stack trace; all set the exit code 1.
 *
 * @param usage - the text for `--help`
 * @param command - gets the arguments, for example for `parseArguments`
 * @param usageExitCode - the exit code for an {@link ArgumentError}, if a program must distinguish it
 */
export async function runCommand(
  usage: string,
  command: (args: readonly string[]) => void | Promise<void>,
  { usageExitCode = 1 }: { readonly usageExitCode?: number } = {},
): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage);
    return;
  }
  try {
    await command(args);
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : error);
    if (error instanceof ArgumentError) console.error(`\n${usage}`);
    process.exitCode = error instanceof ArgumentError ? usageExitCode : 1;
  }
}
