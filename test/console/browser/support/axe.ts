import { expect } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Rules of WCAG 2.0 to 2.2, levels A and AA, and the best practices of axe. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** A rule and the elements that break it, or that axe cannot decide about. */
interface AxeFinding {
  readonly rule: string;
  /** Selectors of the elements with the reasons. */
  readonly elements: readonly string[];
}

/** Findings of axe in a page. */
interface AxeResult {
  readonly violations: readonly AxeFinding[];
  /** Rules that axe could not decide. */
  readonly incomplete: readonly AxeFinding[];
  /** Number of rules that elements of the page passed. */
  readonly passes: number;
}

/** Checks a page with axe. A script element would break the Content-Security-Policy, so the debugger evaluates axe. */
export async function runAxe(page: Page): Promise<AxeResult> {
  await page.evaluate(axe.source);
  return await page.evaluate(async (values) => {
    const { run } = (globalThis as unknown as { axe: typeof axe }).axe;
    const { violations, incomplete, passes } = await run(document, { runOnly: { type: 'tag', values } });
    const summarize = (results: typeof violations) =>
      results.map(({ id, nodes }) => ({
        rule: id,
        elements: nodes.map(({ target, failureSummary, any }) => {
          const reason = failureSummary ?? any.map(({ message }) => message).join(' ');
          return `${target.join(' ')}: ${reason}`;
        }),
      }));
    return { violations: summarize(violations), incomplete: summarize(incomplete), passes: passes.length };
  }, tags);
}

/** Asserts that axe finds no violation in a page, and decides each rule. */
export async function assertAccessible(page: Page): Promise<void> {
  const { violations, incomplete, passes } = await runAxe(page);
  expect(violations).toEqual([]);
  expect(incomplete).toEqual([]);
  // A page without content has no findings either.
  expect(passes).toBeGreaterThan(10);
}
