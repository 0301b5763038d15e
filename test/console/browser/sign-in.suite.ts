import { expect, test } from '@jest/globals';
import { loaded, signIn } from './support/browser.ts';
import { button, waitForFocus } from './support/page-content.ts';
import { startTestServer } from './support/test-server.ts';

const newProjects = startTestServer();

test('the form of the local server has the values of the last sign-in, in this tab only', async () => {
  const { ownerId, openSignIn } = newProjects();
  const page = await openSignIn();
  const values = async () => [
    await page.getByLabel('User').inputValue(),
    await page.getByLabel('Project').inputValue(),
    await page.getByLabel('Role').inputValue(),
  ];
  expect(await values()).toEqual(['bob', 'beta', 'member']);
  await signIn(page, { user: 'alice', project: ownerId, role: 'reader' });
  await loaded(page);
  await button(page, 'Sign out').click();
  await waitForFocus(page, 'H1 Sign in to image sharing');
  expect(await values()).toEqual(['alice', ownerId, 'reader']);
  await button(page, 'Sign in').click();
  await loaded(page);
  expect(await page.locator('.account').textContent()).toMatch(/alice, reader/);

  await page.reload();
  await button(page, 'Sign in').waitFor();
  expect(await values()).toEqual(['bob', 'beta', 'member']);
});
