import { expect, test } from '@jest/globals';
import { loaded, signIn } from './support/browser.ts';
import {
  announced,
  button,
  recordRequests,
  rowNames,
  tabShows,
  waitForFocus,
  waitForRows,
  waitForTitle,
} from './support/page-content.ts';
import { named } from './support/service-client.ts';
import { startTestServer } from './support/test-server.ts';

const newProjects = startTestServer();

test('an offer is counted, accepted, in the image list of the project, and waits again after undo', async () => {
  const { owner, receiver, receiverId, open } = newProjects();
  const [debian, fedora] = await owner.offerImages(receiverId, named('debian-13', 'fedora-44'));
  const page = await open();

  await waitForRows(page, ['fedora-44', 'debian-13']);
  await tabShows(page, 'Waiting', 2);
  await waitForTitle(page, '(2) Waiting – Image sharing');
  expect(await receiver.listImageNames()).toEqual([]);

  await button(page, 'Accept debian-13').click();
  await announced(page, 'status', 'Accepted “\u2068debian-13\u2069”.');
  expect(await rowNames(page)).toEqual(['fedora-44']);
  await waitForFocus(page, 'H1 Waiting offers');
  await tabShows(page, 'Accepted', 1);
  await waitForTitle(page, '(1) Waiting – Image sharing');
  expect(await owner.statusOf(debian!.id, receiverId)).toBe('accepted');
  expect(await owner.statusOf(fedora!.id, receiverId)).toBe('pending');
  expect(await receiver.listImageNames()).toEqual(['debian-13']);

  await button(page, 'Undo').click();
  await announced(page, 'status', 'Moved to Waiting: “\u2068debian-13\u2069”.');
  await waitForRows(page, ['fedora-44', 'debian-13']);
  await waitForFocus(page, 'H1 Waiting offers');
  await tabShows(page, 'Waiting', 2);
  expect(await owner.statusOf(debian!.id, receiverId)).toBe('pending');
  expect(await receiver.listImageNames()).toEqual([]);
  expect(await button(page, 'Undo').count()).toBe(0);
});

test('a rejected offer is in its tab, can be accepted there, and is rejected again after undo', async () => {
  const { owner, receiverId, open } = newProjects();
  const [image] = await owner.offerImages(receiverId, named('debian-13'));
  const page = await open();

  await button(page, 'Reject debian-13').click();
  await announced(page, 'status', 'Rejected “\u2068debian-13\u2069”.');
  await page.getByText('No offer is waiting for an answer.').waitFor();
  await tabShows(page, 'Waiting', 0);
  await waitForTitle(page, 'Waiting – Image sharing');

  await page.getByRole('link', { name: 'Rejected 1' }).click();
  await waitForRows(page, ['debian-13']);
  await waitForFocus(page, 'H1 Rejected offers');
  expect(await button(page, 'Reject debian-13').count()).toBe(0);
  await button(page, 'Accept debian-13').click();
  await announced(page, 'status', 'Accepted “\u2068debian-13\u2069”.');
  expect(await owner.statusOf(image!.id, receiverId)).toBe('accepted');
  await button(page, 'Undo').click();
  await waitForRows(page, ['debian-13']);
  expect(await owner.statusOf(image!.id, receiverId)).toBe('rejected');
});

test('several selected offers are answered in one request, and undone in one', async () => {
  const { owner, receiver, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, named('one', 'two', 'three', 'four'));
  const page = await open();
  const requests = recordRequests(page);

  await page.getByLabel('Select one').check();
  await page.getByLabel('Select three').check();
  await button(page, 'Accept selected (2)').click();
  await announced(page, 'status', 'Accepted 2 images.');
  await waitForRows(page, ['four', 'two']);
  await tabShows(page, 'Accepted', 2);
  expect(await receiver.listOfferNames('accepted')).toEqual(['three', 'one']);
  expect(await button(page, 'Accept selected (0)').getAttribute('aria-disabled')).toBe('true');
  expect(requests).toEqual(['POST /sharing/v1/answers', 'GET /sharing/v1/project']);

  await button(page, 'Undo').click();
  await waitForRows(page, ['four', 'three', 'two', 'one']);
  expect(await receiver.listOfferNames('accepted')).toEqual([]);
  expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(2);
});

test('all shown offers are rejected at once, and accepted from their tab', async () => {
  const { owner, receiver, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, named('one', 'two', 'three'));
  const page = await open();

  await page.getByLabel('Select all 3 shown offers').check();
  await button(page, 'Reject selected (3)').click();
  await announced(page, 'status', 'Rejected 3 images.');
  await page.getByText('No offer is waiting for an answer.').waitFor();
  await page.getByRole('link', { name: 'Rejected 3' }).click();
  await waitForRows(page, ['three', 'two', 'one']);
  await page.getByLabel('Select all 3 shown offers').check();
  await page.getByLabel('Select two').uncheck();
  await button(page, 'Accept selected (2)').click();
  await announced(page, 'status', 'Accepted 2 images.');
  expect(await receiver.listOfferNames('rejected')).toEqual(['two']);
  expect((await receiver.listImageNames()).toSorted()).toEqual(['one', 'three']);
});

test('the filter narrows the list to a name or an owner', async () => {
  const { owner, ownerId, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, named('debian-12', 'debian-13', 'fedora-44'));
  const page = await open();

  await page.getByLabel('Name begins with').fill('debian');
  await button(page, 'Filter').click();
  await waitForRows(page, ['debian-13', 'debian-12']);
  await page.getByLabel('Name begins with').fill('');
  await page.getByLabel('Owner').fill('somebody');
  await page.keyboard.press('Enter');
  await page.getByText('No offer matches the filter.').waitFor();
  await page.getByLabel('Owner').fill(ownerId);
  await page.keyboard.press('Enter');
  await waitForRows(page, ['fedora-44', 'debian-13', 'debian-12']);
  await page.getByLabel('Name begins with').fill('fedora');
  await button(page, 'Filter').click();
  await waitForRows(page, ['fedora-44']);
  await button(page, 'Show all').click();
  await waitForRows(page, ['fedora-44', 'debian-13', 'debian-12']);
});

test('two requests show the first 100 offers, one more each further page, and 120 offers are answered in two', async () => {
  const { owner, receiver, receiverId, open, openSignIn } = newProjects();
  await owner.offerImages(receiverId, named(...Array.from({ length: 120 }, (_, n) => `image-${n}`)));
  const page = await openSignIn();
  const requests = recordRequests(page);
  await signIn(page, { project: receiverId });
  await loaded(page);
  expect(await page.locator('tbody tr').count()).toBe(100);
  expect(requests.toSorted()).toEqual(['GET /sharing/v1/offers', 'GET /sharing/v1/project']);
  await tabShows(page, 'Waiting', 120);

  await button(page, 'Show more offers').click();
  await page.getByLabel('Select all 120 shown offers').check();
  expect(requests).toHaveLength(3);
  expect(new Set(await rowNames(page)).size).toBe(120);
  await button(page, 'Accept selected (120)').click();
  await announced(page, 'status', 'Accepted 120 images.');
  await tabShows(page, 'Accepted', 120);
  expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(2);
  expect(await receiver.listOfferNames('pending')).toEqual([]);

  // After all shown offers are answered, the remaining ones follow.
  const accepted = await open({ hash: '#accepted' });
  await accepted.getByLabel('Select all 100 shown offers').check();
  await button(accepted, 'Move to Waiting selected (100)').click();
  await accepted.getByLabel('Select all 20 shown offers').waitFor();
  await receiver.answerAll('accepted');

  // Pages are no snapshot: an offer of the first page can be in the second one too.
  const other = await open({ hash: '#accepted' });
  await other.route('**/sharing/v1/offers*marker=*', async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    const { offers } = await receiver.send('GET', '/sharing/v1/offers?status=accepted&limit=5');
    await route.fulfill({ response, json: { ...body, offers: [...offers, ...body.offers] } });
  });
  await button(other, 'Show more offers').click();
  await other.getByLabel('Select all 120 shown offers').waitFor();
  expect(new Set(await rowNames(other)).size).toBe(120);
});

test('a page after a withdrawn offer loads the list again', async () => {
  const { owner, receiverId, open } = newProjects();
  const images = await owner.offerImages(receiverId, named(...Array.from({ length: 105 }, (_, n) => `image-${n}`)));
  const page = await open({ errors: /status of 400/ });
  const names = await rowNames(page);
  expect(names).toHaveLength(100);
  await owner.withdraw(images.find(({ name }) => name === names[99])!.id, receiverId);

  await button(page, 'Show more offers').click();
  await announced(page, 'status', 'The list has changed meanwhile and is loaded again.');
  await button(page, `Accept ${names[99]}`).waitFor({ state: 'detached' });
  expect(await page.locator('tbody tr').count()).toBe(100);
  await button(page, 'Show more offers').click();
  await page.getByLabel('Select all 104 shown offers').waitFor();
});

test('the numbers are read again every minute, and when the page becomes visible', async () => {
  const { owner, receiverId, openSignIn } = newProjects();
  const page = await openSignIn();
  await page.clock.install();
  await signIn(page, { project: receiverId });
  await tabShows(page, 'Waiting', 0);

  await owner.offerImages(receiverId, named('one'));
  await page.clock.fastForward(60_000);
  await tabShows(page, 'Waiting', 1);
  await waitForTitle(page, '(1) Waiting – Image sharing');

  await owner.offerImages(receiverId, named('two'));
  // A headless page is always visible, so only the event is produced.
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await tabShows(page, 'Waiting', 2);

  await announced(page, 'status', 'The offers have changed since this list was loaded.');
  await button(page, 'Update the list').click();
  await waitForRows(page, ['two', 'one']);
  await button(page, 'Update the list').waitFor({ state: 'detached' });
  await waitForFocus(page, 'H1 Waiting offers');
});

test('a long id is shown in groups that stay whole, and copied without spaces', async () => {
  const { open } = newProjects();
  const project = '4f2a9c0de1b84a7f9d3c5e6b7a8091c2';
  const page = await open({ project });
  const id = page.locator('.account .id');
  expect(await id.locator('span').allTextContents()).toEqual(['4f2a9c0d', 'e1b84a7f', '9d3c5e6b', '7a8091c2']);
  for (const width of [1280, 320]) {
    await page.setViewportSize({ width, height: 640 });
    expect(
      await id.locator('span').evaluateAll((groups) => groups.map((group) => group.getClientRects().length)),
    ).toEqual([1, 1, 1, 1]);
  }
  await id.click();
  expect(await page.evaluate(() => String(getSelection()))).toBe(project);
});
