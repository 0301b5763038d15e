import { beforeAll, expect, test } from '@jest/globals';
import { assertAccessible, runAxe } from './support/axe.ts';
import { announced, button, waitForTitle } from './support/page-content.ts';
import { named } from './support/service-client.ts';
import { startTestServer, type TestProjects } from './support/test-server.ts';
import { seedViews, views } from './support/views.ts';

const newProjects = startTestServer();
let projects: TestProjects;

beforeAll(async () => {
  projects = newProjects();
  await seedViews(projects);
});

test.each(views.map((view) => [view.name, view] as const))(
  '%s has no finding of axe: light, dark, narrow',
  async (_name, view) => {
    const page = await view.open(projects, { colorScheme: 'light' });
    await waitForTitle(page, view.title);
    await assertAccessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await assertAccessible(page);
    await page.setViewportSize({ width: 320, height: 640 });
    await assertAccessible(page);
  },
);

test('axe finds a button without a name and a pale text', async () => {
  const page = await projects.open();
  await page.evaluate(() => {
    const pale = document.createElement('p');
    pale.textContent = 'pale';
    pale.style.color = '#bbb';
    document.querySelector('main')?.append(document.createElement('button'), pale);
  });
  const { violations } = await runAxe(page);
  expect(violations.map(({ rule }) => rule)).toEqual(['button-name', 'color-contrast']);
  await expect(assertAccessible(page)).rejects.toThrow('button-name');
});

test('the regions of messages exist before their texts, and have one text at a time', async () => {
  const { owner, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, named('fedora-44'));
  const page = await open({ errors: /status of 429/ });
  const texts = () => page.locator('.notices > [role]').allTextContents();
  expect(await texts()).toEqual(['', '']);
  await button(page, 'Accept fedora-44').click();
  await announced(page, 'status', 'Accepted “\u2068fedora-44\u2069”.');
  expect(await texts()).toEqual(['Accepted “\u2068fedora-44\u2069”.UndoDismiss', '']);
  await page.route('**/sharing/v1/answers', (route) => route.fulfill({ status: 429, json: {} }), { times: 1 });
  await button(page, 'Undo').click();
  await announced(page, 'alert', 'Nothing was changed.');
  expect((await texts())[0]).toBe('');
  await button(page, 'Dismiss').click();
  await page.getByRole('link', { name: 'Accepted 1' }).click();
  await button(page, 'Move to Waiting fedora-44').click();
  await announced(page, 'status', 'Moved to Waiting: “\u2068fedora-44\u2069”.');
  expect((await texts())[1]).toBe('');
});
