/** Counts checks and prints a line for each: `ok …` or `not ok …`, followed by the error. */
export class Checks {
  passed = 0;
  failed = 0;

  /** Runs a check. An error of the check fails it and is not thrown. */
  async check(title: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
      this.pass(title);
    } catch (error) {
      this.fail(title, error instanceof Error ? error.message : String(error));
    }
  }

  /** Counts and prints a passed check. */
  pass(title: string): void {
    this.passed += 1;
    console.log(`ok ${title}`);
  }

  /** Counts and prints a failed check with its reason, which may have several lines. */
  fail(title: string, reason: string): void {
    this.failed += 1;
    console.log(`not ok ${title}\n${reason.replaceAll(/^/gm, '    ')}`);
  }
}
