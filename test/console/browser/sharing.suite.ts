import { expect, test } from '@jest/globals';
import type { Route } from 'playwright-core';
import { loaded } from './support/browser.ts';
import { announced, button, focused, tabShows, tabTo, waitForFocus, waitForRows } from './support/page-content.ts';
import { startTestServer } from './support/test-server.ts';

const newProjects = startTestServer();

const user = { user: 'alice' };

test('an owner offers an image, sets and removes its end, withdraws it after a confirmation', async () => {
  const { owner, ownerId, receiver, receiverId, open } = newProjects();
  const { id } = await owner.createImage({ name: 'debian-13' });
  await owner.createImage({ name: 'private', visibility: 'private' });
  const page = await open({ ...user, project: ownerId, hash: '#images', timezoneId: 'America/New_York' });
  await waitForRows(page, ['private', 'debian-13']);
  await button(page, 'Members of debian-13').click();
  const dialog = page.getByRole('dialog', { name: 'Members of debian-13' });
  await waitForFocus(page, 'H2 Members of debian-13');
  await dialog.getByText('Members: none').waitFor();

  await dialog.getByLabel('Projects').fill(`${receiverId}, gamma`);
  await button(dialog, 'Offer').click();
  await dialog
    .getByRole('status')
    .filter({ hasText: `Offered to ${receiverId}, gamma.` })
    .waitFor();
  await dialog.getByText('Members: 2 (2 waiting, 0 accepted, 0 rejected)').waitFor();
  expect(await receiver.listOfferNames('pending')).toEqual(['debian-13']);
  expect(await dialog.getByLabel('Projects').inputValue()).toBe('');

  // The receiver sees the offer and accepts it; the owner sees the answer.
  const inbox = await open();
  await tabShows(inbox, 'Waiting', 1);
  await button(inbox, 'Accept debian-13').click();
  await announced(inbox, 'status', 'Accepted “\u2068debian-13\u2069”.');

  await button(dialog, `Change end of ${receiverId}`).click();
  await waitForFocus(page, 'INPUT end');
  await dialog.getByLabel('End, in the time zone of your browser').fill('2099-12-31T12:00');
  await button(dialog, 'Save').click();
  await dialog
    .getByRole('status')
    .filter({ hasText: `The membership of ${receiverId} ends 31 Dec 2099` })
    .waitFor();
  const expiry = async () => (await receiver.send('GET', '/sharing/v1/offers?status=accepted')).offers[0].expires_at;
  expect(await expiry()).toBe('2099-12-31T17:00:00Z');
  await dialog.getByText('Members: 2 (1 waiting, 1 accepted, 0 rejected)').waitFor();
  await button(dialog, `Change end of ${receiverId}`).click();
  await button(dialog, 'Remove end').click();
  await dialog
    .getByRole('status')
    .filter({ hasText: `The membership of ${receiverId} has no end.` })
    .waitFor();
  expect(await expiry()).toBeNull();

  const withdraw = button(dialog, `Withdraw from ${receiverId}`);
  await withdraw.click();
  await dialog.getByText(`Withdraw debian-13 from ${receiverId}? It loses access now.`).waitFor();
  await button(dialog, 'Keep').click();
  expect(await focused(page)).toMatch(/^BUTTON Withdraw from/);
  expect(await owner.statusOf(id, receiverId)).toBe('accepted');
  await withdraw.click();
  await button(dialog, 'Withdraw now').click();
  await dialog
    .getByRole('status')
    .filter({ hasText: `Withdrawn from ${receiverId}.` })
    .waitFor();
  await waitForFocus(page, 'H2 Members of debian-13');
  expect(await receiver.listImageNames()).toEqual([]);

  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await waitForFocus(page, 'BUTTON Members of debian-13');
  await page.getByText('1 (1 waiting, 0 accepted, 0 rejected)').waitFor();

  await button(page, 'Members of private').click();
  await page.getByRole('dialog').getByText('This image is private.').waitFor();
  await button(page.getByRole('dialog'), 'Close').click();
  await waitForFocus(page, 'BUTTON Members of private');
});

test('an owner withdraws an offer with keys only, and the focus stays in the dialog', async () => {
  const { owner, ownerId, receiver, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, [{ name: 'debian-13' }]);
  const page = await open({ ...user, project: ownerId, hash: '#images' });
  await tabTo(page, 'BUTTON Members of debian-13');
  await page.keyboard.press('Enter');
  await button(page, `Withdraw from ${receiverId}`).waitFor();
  // All elements behind the dialog are skipped.
  const isInDialog = () => page.evaluate(() => document.activeElement?.closest('dialog, body')?.tagName);
  const visited = new Set<string>();
  for (let step = 0; step < 20; step++) {
    await page.keyboard.press('Tab');
    visited.add(`${await isInDialog()} ${(await focused(page)).slice(0, 5)}`);
  }
  expect([...visited].filter((element) => !element.startsWith('DIALOG') && !element.startsWith('BODY BODY'))).toEqual(
    [],
  );
  await tabTo(page, `BUTTON Withdraw from ${receiverId}`);
  await page.keyboard.press('Enter');
  await tabTo(page, 'BUTTON Withdraw now');
  await page.keyboard.press('Space');
  await page.getByRole('dialog').getByRole('status').filter({ hasText: 'Withdrawn' }).waitFor();
  await waitForFocus(page, 'H2 Members of debian-13');
  expect(await receiver.listOfferNames('pending')).toEqual([]);
  await page.keyboard.press('Escape');
  await waitForFocus(page, 'BUTTON Members of debian-13');
});

test('a failure in the dialog is announced there, and nothing is shown as done', async () => {
  const { owner, ownerId, receiverId, open } = newProjects();
  const [image] = await owner.offerImages(receiverId, [{ name: 'debian-13' }]);
  const page = await open({ ...user, project: ownerId, hash: '#images', errors: /status of 429/ });
  await button(page, 'Members of debian-13').click();
  const dialog = page.getByRole('dialog');
  await page.route('**/sharing/v1/offers', (route) => route.fulfill({ status: 429, json: {} }), { times: 1 });
  await dialog.getByLabel('Projects').fill('gamma');
  await button(dialog, 'Offer').click();
  await dialog.getByRole('alert').filter({ hasText: 'Nothing was changed.' }).waitFor();
  await dialog.getByText('Members: 1 (1 waiting').waitFor();
  expect(await dialog.getByLabel('Projects').inputValue()).toBe('gamma');

  // Another client of the owner withdraws the offer meanwhile.
  await button(dialog, `Withdraw from ${receiverId}`).click();
  await owner.withdraw(image!.id, receiverId);
  await button(dialog, 'Withdraw now').click();
  await dialog
    .getByRole('status')
    .filter({ hasText: `${receiverId} was no longer a member.` })
    .waitFor();
  await dialog.getByText('Members: none').waitFor();
  await waitForFocus(page, 'H2 Members of debian-13');
});

test('a reader sees the members, without forms and buttons', async () => {
  const { owner, ownerId, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, [{ name: 'debian-13' }]);
  const page = await open({ ...user, project: ownerId, role: 'reader', hash: '#images' });
  await button(page, 'Members of debian-13').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('row').filter({ hasText: receiverId }).filter({ hasText: 'Waiting' }).waitFor();
  await dialog.getByText('to offer or withdraw requires the role member').waitFor();
  expect(await dialog.getByRole('button').allTextContents()).toEqual(['Close']);
  expect(await dialog.getByRole('textbox').count()).toBe(0);
});

test('an undo removes a standing answer that did not exist before, and restores one that did', async () => {
  const { ownerId, receiver, open } = newProjects();
  const page = await open({ hash: '#standing-answers' });
  const add = async (status: string) => {
    await page.getByLabel('Owner (project id)').fill(ownerId);
    await page.getByLabel('Later offers arrive').selectOption(status);
    await button(page, 'Add').click();
    await announced(page, 'status', `Later offers of ${ownerId} arrive ${status.toLowerCase()}.`);
  };
  await add('Accepted');
  await button(page, `Remove the standing answer for ${ownerId}`).waitFor();
  await button(page, 'Undo').click();
  await announced(page, 'status', `Later offers of ${ownerId} wait for an answer.`);
  await page.getByText('Your project has no standing answer.').waitFor();

  // Another client adds one, which the list of this page does not have.
  await receiver.send('PUT', `/sharing/v1/standing-answers/${ownerId}`, { status: 'rejected' });
  await add('Accepted');
  await button(page, 'Undo').click();
  await announced(page, 'status', `Later offers of ${ownerId} arrive rejected.`);
  expect((await receiver.send('GET', `/sharing/v1/standing-answers/${ownerId}`)).status).toBe('rejected');
});

test('the history shows the changes of an image, and who had access', async () => {
  const { owner, ownerId, receiverId, open } = newProjects();
  const [image] = await owner.offerImages(receiverId, [{ name: 'debian-13' }]);
  const inbox = await open();
  await button(inbox, 'Accept debian-13').click();
  await announced(inbox, 'status', 'Accepted “\u2068debian-13\u2069”.');

  await owner.waitForHistory(image!.id, 3);
  const page = await open({ ...user, project: ownerId, hash: '#images', timezoneId: 'UTC' });
  const openHistory = async () => {
    await page.getByRole('link', { name: 'History of debian-13' }).click();
    await page.getByRole('heading', { level: 1, name: 'History of debian-13' }).waitFor();
    await page.getByRole('table', { name: 'Changes, newest first' }).waitFor();
    await loaded(page);
    await waitForFocus(page, 'H1 History of debian-13');
  };
  await openHistory();
  // The clock of the browser can be ahead of that of the service, which refuses a time in the future.
  const time = page.getByLabel('Time, in the time zone of your browser');
  expect(Date.parse(`${await time.inputValue()}Z`)).toBeLessThanOrEqual(Date.now() - 10_000);
  await time.fill(new Date().toISOString().slice(0, 19));
  await button(page, 'Show access').click();
  await announced(page, 'status', 'the image was shared and owned by');
  const members = page.getByRole('table', { name: 'Members at that time' });
  await members.getByRole('row').filter({ hasText: receiverId }).filter({ hasText: 'Accepted' }).waitFor();

  await owner.withdraw(image!.id, receiverId);
  await owner.waitForHistory(image!.id, 4);
  await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'My images' }).click();
  await waitForRows(page, ['debian-13']);
  await openHistory();
  await page.getByRole('rowheader', { name: 'Withdrawn' }).waitFor();
  expect(await page.getByRole('rowheader').allTextContents()).toEqual([
    ...['Withdrawn', 'Accepted', 'Offered', 'Image created with the visibility shared'],
  ]);

  const missing = await open({ hash: '#history/00000000-0000-4000-8000-000000000000', errors: /status of 404/ });
  await announced(missing, 'alert', 'There is no image with this id, or it is hidden from your project.');
});

test('the heading of a history has the name, also if the first reading of the name failed', async () => {
  const { owner, ownerId, open } = newProjects();
  const { id } = await owner.createImage({ name: 'debian-13' });
  const page = await open({ ...user, project: ownerId, hash: '#images', errors: /status of (503|404)/ });
  const fail = (route: Route) => route.fulfill({ status: 503, json: { error: 'database-unavailable', message: 'x' } });
  await page.route(`**/v2/images/${id}`, fail, { times: 1 });
  await page.getByRole('link', { name: 'History of debian-13' }).click();
  await announced(page, 'alert', 'temporarily unavailable');
  await button(page, 'Try again').click();
  await page.getByRole('heading', { level: 1, name: 'History of debian-13' }).waitFor();
  await page.getByRole('table', { name: 'Changes, newest first' }).waitFor();

  await owner.send('DELETE', `/v2/images/${id}`);
  await page.getByRole('link', { name: 'My images' }).first().click();
  await page.getByRole('heading', { level: 1, name: 'My images' }).waitFor();
  await page.evaluate((imageId) => (location.hash = `#history/${imageId}`), id);
  await page.getByRole('heading', { level: 1, name: `History of ${id}` }).waitFor();
  await page.getByRole('table', { name: 'Changes, newest first' }).waitFor();
});

test('a standing answer decides about later offers, is changed, removed and restored', async () => {
  const { owner, ownerId, receiver, receiverId, open } = newProjects();
  const page = await open({ hash: '#standing-answers' });
  await page.getByText('Your project has no standing answer.').waitFor();
  await page.getByLabel('Owner (project id)').fill(ownerId);
  await button(page, 'Add').click();
  await announced(page, 'status', `Later offers of ${ownerId} arrive accepted.`);
  await button(page, `Reject later offers of ${ownerId}`).waitFor();
  await owner.offerImages(receiverId, [{ name: 'one' }]);
  expect(await receiver.listOfferNames('accepted')).toEqual(['one']);

  await button(page, `Reject later offers of ${ownerId}`).click();
  await announced(page, 'status', `Later offers of ${ownerId} arrive rejected.`);
  await owner.offerImages(receiverId, [{ name: 'two' }]);
  expect(await receiver.listOfferNames('rejected')).toEqual(['two']);

  await button(page, `Remove the standing answer for ${ownerId}`).click();
  await announced(page, 'status', `Later offers of ${ownerId} wait for an answer.`);
  await waitForFocus(page, 'H1 Standing answers');
  await owner.offerImages(receiverId, [{ name: 'three' }]);
  expect(await receiver.listOfferNames('pending')).toEqual(['three']);
  await button(page, 'Undo').click();
  await announced(page, 'status', `Later offers of ${ownerId} arrive rejected.`);
  expect((await receiver.send('GET', `/sharing/v1/standing-answers/${ownerId}`)).status).toBe('rejected');

  const reader = await open({ hash: '#standing-answers', role: 'reader' });
  await reader.getByText('Your role is reader').waitFor();
  expect(await reader.getByRole('main').getByRole('button').count()).toBe(0);
});
