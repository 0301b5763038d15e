import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { button, focused, hold, recordRequests, waitForFocus, waitForRows } from './support/page-content.ts';
import { startTestServer, type TestProjects } from './support/test-server.ts';

const newProjects = startTestServer();

/** Opens the images of the owner's project. */
const openImages = ({ ownerId, open }: TestProjects, errors?: RegExp): Promise<Page> =>
  open({ user: 'alice', project: ownerId, hash: '#images', ...(errors && { errors }) });

/** Opens the members of an image, and returns their dialog when they are loaded. */
async function openMembers(page: Page, name: string) {
  await button(page, `Members of ${name}`).click();
  const dialog = page.getByRole('dialog', { name: `Members of ${name}` });
  await dialog.getByText(/^Members: /).waitFor();
  return dialog;
}

test('ids that the user enters during an offer stay in the field', async () => {
  const projects = newProjects();
  await projects.owner.createImage({ name: 'debian-13' });
  const page = await openImages(projects);
  const dialog = await openMembers(page, 'debian-13');
  const send = await hold(page, '**/sharing/v1/offers');
  const field = dialog.getByLabel('Projects');
  await field.fill('gamma');
  await dialog.getByLabel('End (optional)').fill('2099-12-31T12:00');
  await button(dialog, 'Offer').click();
  await field.fill('delta');
  send();
  await dialog.getByRole('status').filter({ hasText: 'Offered to' }).waitFor();
  await dialog.getByText('Members: 1 (1 waiting').waitFor();
  expect(await field.inputValue()).toBe('delta');
  expect(await dialog.getByLabel('End (optional)').inputValue()).toBe('');
});

test('the result of an action that outlives its dialog names the image, and leaves the focus in another dialog', async () => {
  const projects = newProjects();
  const { owner, receiverId } = projects;
  await owner.offerImages(receiverId, [{ name: 'debian-13' }, { name: 'fedora-44' }]);
  const page = await openImages(projects, /status of 429/);
  for (const [status, role, message] of [
    [429, 'alert', '“\u2068debian-13\u2069”: The service receives too many requests.'],
    [undefined, 'status', '“\u2068debian-13\u2069”: Withdrawn from'],
  ] as const) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    await page.route(
      '**/sharing/v1/withdrawals',
      async (route) => {
        await promise;
        await (status === undefined ? route.continue() : route.fulfill({ status, json: {} }));
      },
      { times: 1 },
    );
    const first = await openMembers(page, 'debian-13');
    await button(first, `Withdraw from ${receiverId}`).click();
    await button(first, 'Withdraw now').click();
    await page.keyboard.press('Escape');
    await first.waitFor({ state: 'detached' });
    const other = await openMembers(page, 'fedora-44');
    await other.getByLabel('Projects').focus();
    resolve(undefined);
    await other.getByRole(role).filter({ hasText: message }).waitFor();
    expect(await focused(page)).toMatch(/^TEXTAREA/);
    await button(other, 'Close').click();
  }
  await page.getByRole('row').filter({ hasText: 'debian-13' }).filter({ hasText: 'none' }).waitFor();
});

test('an offer to the own project is refused by the page, without a request', async () => {
  const projects = newProjects();
  await projects.owner.createImage({ name: 'debian-13' });
  const page = await openImages(projects);
  const dialog = await openMembers(page, 'debian-13');
  const requests = recordRequests(page);
  await dialog.getByLabel('Projects').fill(`gamma ${projects.ownerId}`);
  await button(dialog, 'Offer').click();
  await dialog.getByRole('alert').filter({ hasText: 'Your project owns this image' }).waitFor();
  expect(requests.filter((request) => request.startsWith('POST'))).toEqual([]);
  expect(await dialog.getByLabel('Projects').inputValue()).toBe(`gamma ${projects.ownerId}`);
});

test('a time from the year 10000 is no valid value of a field', async () => {
  const projects = newProjects();
  await projects.owner.offerImages(projects.receiverId, [{ name: 'debian-13' }]);
  const page = await openImages(projects);
  const isValid = async (label: string) => {
    const field = page.getByLabel(label);
    const results: boolean[] = [];
    for (const time of ['9999-12-31T23:58', '10000-01-01T00:00']) {
      await field.evaluate((input: any, value) => (input.value = value), time);
      results.push(await field.evaluate((input: any) => input.checkValidity()));
    }
    return results;
  };
  const dialog = await openMembers(page, 'debian-13');
  expect(await isValid('End (optional)')).toEqual([true, false]);
  await button(dialog, `Change end of ${projects.receiverId}`).click();
  expect(await isValid('End, in the time zone')).toEqual([true, false]);
  await button(dialog, 'Close').click();
  await page.getByRole('link', { name: 'History of debian-13' }).click();
  await button(page, 'Show access').waitFor();
  expect(await isValid('Time, in the time zone')).toEqual([true, false]);
});

test('an image that another client deletes leaves a dialog with a message only', async () => {
  const projects = newProjects();
  const { owner, receiverId } = projects;
  const [image] = await owner.offerImages(receiverId, [{ name: 'debian-13' }]);
  const page = await openImages(projects, /status of 404/);
  const dialog = await openMembers(page, 'debian-13');
  await owner.send('DELETE', `/v2/images/${image!.id}`);
  await dialog.getByLabel('Projects').fill('gamma');
  await button(dialog, 'Offer').click();
  await dialog.getByRole('alert').filter({ hasText: 'This image was deleted meanwhile.' }).waitFor();
  expect(await dialog.getByRole('alert').allTextContents()).toEqual(['This image was deleted meanwhile.Dismiss']);
  expect(await dialog.getByRole('button').allTextContents()).toEqual(['Close', 'Dismiss']);
  expect(await dialog.getByRole('textbox').count()).toBe(0);
  await button(dialog, 'Close').click();
  await page.getByText('Your project has no images.').waitFor();
});

test('the list of images is loaded again when the dialog is closed: another client can have changed an image', async () => {
  const projects = newProjects();
  const { owner, receiver, receiverId } = projects;
  const [image] = await owner.offerImages(receiverId, [{ name: 'debian-13' }]);
  const page = await openImages(projects);
  const dialog = await openMembers(page, 'debian-13');
  await receiver.send('PUT', `/v2/images/${image!.id}/members/${receiverId}`, { status: 'accepted' });
  await button(dialog, 'Close').click();
  await page.getByText('1 (0 waiting, 1 accepted, 0 rejected)').waitFor();
  await waitForFocus(page, 'BUTTON Members of debian-13');
});

test('a project without images gets a command that creates one, and the list is loaded again', async () => {
  const projects = newProjects();
  const page = await projects.open({ user: 'zoë k', project: projects.ownerId, hash: '#images' });
  const command = await page.locator('.empty code').textContent();
  execFileSync('sh', ['-c', `${command!} --fail --silent`]);
  await button(page, 'Load again').click();
  await waitForRows(page, ['golden']);
  await waitForFocus(page, 'H1 My images');
  const dialog = await openMembers(page, 'golden');
  await dialog.getByLabel('Projects').fill(projects.receiverId);
  await button(dialog, 'Offer').click();
  await dialog.getByText('Members: 1 (1 waiting').waitFor();
  expect(await projects.receiver.listOfferNames('pending')).toEqual(['golden']);
});
