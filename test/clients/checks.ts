/** Counts checks and prints a line for each: `ok …` or `not ok …`, the latter followed by what went wrong. */
export class Checks {
  passed = 0;
  failed = 0;

  /** Runs one check; whatever it throws is what went wrong. Never throws itself. */
  async check(title: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
      this.pass(title);
    } catch (error) {
      this.fail(title, error instanceof Error ? error.message : String(error));
    }
  }

  /** Counts and prints a check that holds. */
  pass(title: string): void {
    this.passed += 1;
    console.log(`ok ${title}`);
  }

  /** Counts and prints a check that does not hold, with the reason, which may have several lines. */
  fail(title: string, reason: string): void {
    this.failed += 1;
    console.log(`not ok ${title}\n${reason.replaceAll(/^/gm, '    ')}`);
  }
}
