import { expect, test } from '@jest/globals';
import { loaded } from './support/browser.ts';
import { announced, assertFocusVisible, focused, tabTo, waitForFocus, waitForRows } from './support/page-content.ts';
import { named } from './support/service-client.ts';
import { startTestServer } from './support/test-server.ts';

const newProjects = startTestServer();

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
  await waitForFocus(page, 'H1 Waiting offers');
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
