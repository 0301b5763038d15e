/**
 * Why a command of the terminal cannot do what it was asked: one sentence for the person who asked that says what is
 * wrong and what to do. It is shown without a stack.
 */
export class UsageError extends Error {
  override readonly name = 'Refusal';
}

/** Runs a command of the terminal: a refusal is one sentence and an exit code, and nothing else is swallowed. */
export async function runCommand(command: () => void | Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : error);
    process.exitCode = 1;
  }
}
