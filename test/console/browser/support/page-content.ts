import { deepEqual, equal } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page, Request } from 'playwright-core';
import { findings } from './browser.ts';

/** Returns the names in the rows of the table, in their order. */
export const rowNames = (page: Page): Promise<readonly string[]> =>
  page.locator('tbody tr > th > bdi:first-child').allTextContents();

/** Waits until the names in the rows of the table are these, in their order. */
export async function waitForRows(page: Page, names: readonly string[]): Promise<void> {
  await page.waitForFunction(
    (expected) => {
      const shown = [...document.querySelectorAll('tbody tr > th > bdi:first-child')].map((name) => name.textContent);
      return JSON.stringify(shown) === JSON.stringify(expected);
    },
    [...names],
  );
}

/** Returns a button of the page. Its name must match as a whole. */
export const button = (page: Page | Locator, name: string): Locator => page.getByRole('button', { name, exact: true });

/** Waits until the page announces a text: as a status, or as an alert. */
export const announced = (page: Page, role: 'status' | 'alert', text: string | RegExp): Promise<void> =>
  page.locator(`main [role=${role}]`).filter({ hasText: text }).first().waitFor();

/** Returns the texts of all alerts. */
export const alertText = async (page: Page): Promise<string> =>
  (await page.getByRole('alert').allTextContents()).join('');

/** Waits until the tab of a status shows a number. */
export const tabShows = (page: Page, tab: string, count: number): Promise<void> =>
  page
    .getByRole('navigation', { name: 'Offers by status' })
    .getByRole('link', { name: `${tab} ${count}`, exact: true })
    .waitFor();

/** Returns the focused element: its name and text, such as `H1 Waiting offers`. */
export const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement;
    const label = element?.getAttribute('aria-label') ?? element?.getAttribute('name') ?? element?.textContent;
    return `${element?.tagName} ${label?.trim()}`;
  });

/** Repeats a reading until it has a value. @throws AssertionError with the last value after 10 s */
async function waitForValue(read: () => string | Promise<string>, expected: string | RegExp): Promise<void> {
  for (const deadline = Date.now() + 10_000; ;) {
    const value = await read();
    if (expected instanceof RegExp ? expected.test(value) : value === expected) return;
    if (Date.now() > deadline) equal(value, String(expected));
    await sleep(20);
  }
}

/** Waits until an element has the focus, as {@link focused} describes it: an effect moves it after the next frame. */
export const waitForFocus = (page: Page, element: string | RegExp): Promise<void> =>
  waitForValue(() => focused(page), element);

/** Asserts that the focused element has an outline and is in view. */
export async function assertFocusVisible(page: Page): Promise<void> {
  const element = await focused(page);
  const state = await page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return 'no focus';
    // The browser draws the outline of the calendar button inside such a field.
    if (element.matches('[type=datetime-local]:not(:focus-visible)')) return 'part of a field';
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const isInView = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const isObscured = !(element.contains(hit) || hit?.contains(element) === true);
    return { outlineStyle, outlineWidth, isInView, isObscured };
  });
  if (state === 'part of a field') return;
  deepEqual(
    { element, state },
    { element, state: { outlineStyle: 'solid', outlineWidth: '3px', isInView: true, isObscured: false } },
  );
}

/** Presses Tab until an element has the focus, which is visible at each step. @throws Error if no element matches */
export async function tabTo(page: Page, element: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const visited: string[] = [];
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press(key);
    const current = await focused(page);
    if (!current.startsWith('BODY')) await assertFocusVisible(page);
    if (current === element) return;
    visited.push(current);
  }
  throw new Error(`${element} is none of ${visited.join(', ')}`);
}

/** Waits until the page has a title. */
export const waitForTitle = (page: Page, title: string | RegExp): Promise<void> =>
  waitForValue(() => page.title(), title);

/** Waits until the page reports a violation of its Content-Security-Policy. Another process of the browser finds some. */
export const waitForViolation = (page: Page, violation: RegExp): Promise<void> =>
  waitForValue(() => {
    const { violations } = findings(page);
    return violations.find((each) => violation.test(each)) ?? violations.join(', ');
  }, violation);

/** Collects the requests of a page to the service from now on, as method and path. */
export function recordRequests(page: Page): readonly string[] {
  const requests: string[] = [];
  page.on('request', (request: Request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith('/console/')) requests.push(`${request.method()} ${pathname}`);
  });
  return requests;
}

/** Holds the requests to a path. Returns a function that sends them. */
export async function hold(page: Page, path: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  await page.route(path, async (route) => {
    await promise;
    await route.continue();
  });
  return () => resolve(undefined);
}
