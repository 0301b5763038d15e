import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { loaded } from './support/browser.ts';
import { announced, focused, waitForFocus, waitForRows } from './support/page-content.ts';
import { named } from './support/service-client.ts';
import { startTestServer } from './support/test-server.ts';

const newProjects = startTestServer();

/** Asserts that the focused element has an outline and is in view. */
async function assertFocusVisible(page: Page): Promise<void> {
  const state = await page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return 'no focus';
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const isInView = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const isObscured = !(element.contains(hit) || hit?.contains(element) === true);
    return { outlineStyle, outlineWidth, isInView, isObscured };
  });
  expect({ element: await focused(page), state }).toMatchObject({
    state: { outlineStyle: 'solid', outlineWidth: '3px', isInView: true, isObscured: false },
  });
}

/** Presses Tab until an element has the focus, which is visible at each step. @throws Error if no element matches */
async function tabTo(page: Page, element: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
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

test('a user signs in, skips to the content, selects, accepts, undoes and filters with keys only', async () => {
  const { owner, receiverId, openSignIn } = newProjects();
  const images = await owner.offerImages(receiverId, named('one', 'two', 'three'));
  const page = await openSignIn({ viewport: { width: 1280, height: 500 } });
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await tabTo(page, 'INPUT project');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type(receiverId);
  await page.keyboard.press('Enter');
  await loaded(page);
  await waitForFocus(page, 'H1 Waiting offers');

  await tabTo(page, 'A Skip to the content', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await waitForFocus(page, 'H1 Waiting offers');
  expect(new URL(page.url()).hash).toBe('');

  await tabTo(page, 'INPUT Select two');
  await page.keyboard.press('Space');
  await tabTo(page, 'INPUT Select one');
  await page.keyboard.press('Space');
  await tabTo(page, 'BUTTON Accept selected (2)', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await announced(page, 'status', 'Accepted 2 images.');
  await waitForFocus(page, 'H1 Waiting offers');
  await assertFocusVisible(page);
  expect(await owner.statusOf(images[0]!.id, receiverId)).toBe('accepted');

  await tabTo(page, 'BUTTON Undo', 'Shift+Tab');
  await page.keyboard.press('Space');
  await announced(page, 'status', 'Moved to Waiting: 2 images.');
  await waitForFocus(page, 'H1 Waiting offers');
  await assertFocusVisible(page);
  await tabTo(page, 'BUTTON Dismiss', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await waitForFocus(page, 'H1 Waiting offers');

  await tabTo(page, 'BUTTON Reject three');
  await page.keyboard.press('Enter');
  await announced(page, 'status', 'Rejected “\u2068three\u2069”.');
  await tabTo(page, 'A Rejected 1');
  await page.keyboard.press('Enter');
  await waitForRows(page, ['three']);
  await waitForFocus(page, 'H1 Rejected offers');
  await assertFocusVisible(page);

  await tabTo(page, 'INPUT name');
  await page.keyboard.type('nothing');
  await page.keyboard.press('Enter');
  await page.getByText('No offer matches the filter.').waitFor();
  await waitForFocus(page, 'INPUT name');
  await tabTo(page, 'BUTTON Show all');
  await page.keyboard.press('Enter');
  await waitForRows(page, ['three']);
  await tabTo(page, 'BUTTON Sign out', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await waitForFocus(page, 'H1 Sign in to image sharing');
});

test('the focus leaves each element in both directions and visits all controls', async () => {
  const { owner, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, named('one', 'two'));
  for (const width of [320, 1280]) {
    const page = await open({ viewport: { width, height: 500 } });
    const controls = await page.locator('a[href], button, input, select').count();
    for (const key of ['Tab', 'Shift+Tab']) {
      const visited = new Set<string>();
      for (let step = 0; step < controls + 2; step++) {
        await page.keyboard.press(key);
        const element = await focused(page);
        // After the last element the browser's own controls have the focus.
        if (element.startsWith('BODY')) continue;
        await assertFocusVisible(page);
        visited.add(
          await page.evaluate(() =>
            String([...document.querySelectorAll('*')].indexOf(document.activeElement ?? document.body)),
          ),
        );
      }
      expect(visited.size).toBeGreaterThanOrEqual(controls);
    }
  }
});
