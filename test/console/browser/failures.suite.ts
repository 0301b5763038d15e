import { describe, expect, test } from '@jest/globals';
import type { Route } from 'playwright-core';
import { loaded, signIn } from './support/browser.ts';
import {
  alertText,
  announced,
  button,
  focused,
  hold,
  recordRequests,
  rowNames,
  tabShows,
  waitForFocus,
  waitForRows,
  waitForTitle,
} from './support/page-content.ts';
import { named } from './support/service-client.ts';
import { startTestServer } from './support/test-server.ts';
import { openThree, paths, respond } from './support/three-offers.ts';

const newProjects = startTestServer();

const { answers, offers, project } = paths;

describe('an offer that the owner has withdrawn meanwhile', () => {
  test('is removed, alone', async () => {
    const projects = newProjects();
    const { page, images } = await openThree(projects);
    await projects.owner.withdraw(images[1]!.id, projects.receiverId);

    await button(page, 'Accept two').click();
    await announced(
      page,
      'alert',
      'No longer offered to your project, so nothing was changed: “\u2068two\u2069” was removed from the list.',
    );
    await waitForRows(page, ['three', 'one']);
    await tabShows(page, 'Waiting', 2);
    expect(await button(page, 'Undo').count()).toBe(0);
    await waitForFocus(page, 'H1 Waiting offers');
  });

  test('is removed, and the others of the request are answered', async () => {
    const projects = newProjects();
    const { page, images } = await openThree(projects);
    await projects.owner.withdraw(images[1]!.id, projects.receiverId);

    await page.getByLabel('Select all 3 shown offers').check();
    await button(page, 'Accept selected (3)').click();
    await announced(
      page,
      'status',
      /^Accepted 2 images\. No longer offered to your project.*: “\u2068two\u2069” was removed/,
    );
    await tabShows(page, 'Waiting', 0);
    await button(page, 'Undo').click();
    await waitForRows(page, ['three', 'one']);
  });

  test('is removed at undo', async () => {
    const projects = newProjects();
    const { page, images } = await openThree(projects);
    await button(page, 'Accept two').click();
    await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
    await projects.owner.withdraw(images[1]!.id, projects.receiverId);
    await button(page, 'Undo').click();
    await announced(page, 'alert', 'No longer offered to your project');
    await waitForRows(page, ['three', 'one']);
  });
});

test('an offer that another user of the project has answered meanwhile keeps this answer', async () => {
  const projects = newProjects();
  const { page, images } = await openThree(projects);
  await projects.receiver.send('PUT', `/v2/images/${images[1]!.id}/members/${projects.receiverId}`, {
    status: 'rejected',
  });
  await button(page, 'Accept two').click();
  await announced(
    page,
    'alert',
    'Not done for “\u2068two\u2069”: This has changed meanwhile. Nothing was changed. The list is loaded again.',
  );
  await waitForRows(page, ['three', 'one']);
  expect(await projects.receiver.listOfferNames('rejected')).toEqual(['two']);
});

/** Body of a response to a token that has expired. */
const invalidToken = { message: 'The token is invalid or has expired.' };

describe('the end of the sign-in', () => {
  test('leads to the sign-in page, and back to the same view', async () => {
    const projects = newProjects();
    const [image] = await projects.owner.offerImages(projects.receiverId, named('one'));
    await projects.receiver.send('PUT', `/v2/images/${image!.id}/members/${projects.receiverId}`, {
      status: 'rejected',
    });
    const page = await projects.open({ hash: '#rejected', errors: /status of 401/ });
    await page.route(answers, respond(401, invalidToken), { times: 1 });
    await button(page, 'Accept one').click();
    await announced(
      page,
      'alert',
      /^The service refused your sign-in: The token .* expired\. Nothing was changed\. Sign in again to continue\.$/,
    );
    await waitForTitle(page, 'Sign in – Image sharing');
    await waitForFocus(page, 'H1 Sign in to image sharing');
    await signIn(page, { project: projects.receiverId });
    await waitForRows(page, ['one']);
    await waitForTitle(page, 'Rejected – Image sharing');
    expect(await alertText(page)).toBe('');
  });

  test('is noticed by a list and by the numbers too', async () => {
    const projects = newProjects();
    for (const path of [offers, project]) {
      const page = await projects.openSignIn({ errors: /status of 401/ });
      await page.route(path, respond(401, invalidToken), { times: 1 });
      await signIn(page, { project: projects.receiverId });
      await announced(
        page,
        'alert',
        /^The service refused your sign-in: The token .* expired\. Sign in again to continue\.$/,
      );
    }
  });
});

describe('a reader', () => {
  test('sees the offers and no buttons to answer', async () => {
    const { owner, receiverId, open } = newProjects();
    await owner.offerImages(receiverId, named('one'));
    const page = await open({ role: 'reader' });
    await waitForRows(page, ['one']);
    await page.getByText('Your role is reader').waitFor();
    expect(await page.getByRole('checkbox').count()).toBe(0);
    expect(await page.getByRole('main').getByRole('button').allTextContents()).toEqual(['Filter', 'Show all']);
  });

  test('is refused by the service if the page shows the buttons', async () => {
    const { owner, receiverId, openSignIn } = newProjects();
    const [image] = await owner.offerImages(receiverId, named('one'));
    const page = await openSignIn({ errors: /status of 403/ });
    await page.route(project, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), role: 'member' } });
    });
    await signIn(page, { project: receiverId, role: 'reader' });
    await button(page, 'Accept one').click();
    await announced(page, 'alert', /role/);
    expect(await rowNames(page)).toEqual(['one']);
    expect(await owner.statusOf(image!.id, receiverId)).toBe('pending');
  });
});

const unknownOutcome = /so the change may or may not have been made\. Check the list, which is loaded again/;

describe('an answer that fails', () => {
  test.each<[string, (route: Route) => Promise<void>, RegExp]>([
    [
      'too many requests',
      respond(429),
      /too many requests\. Nothing was changed\. Wait some seconds, then try again\./,
    ],
    [
      'unavailable, without effect',
      respond(503, { error: 'database-unavailable', message: 'x' }, { 'retry-after': '2' }),
      /temporarily unavailable\. Nothing was changed\. Try again in 2 s\./,
    ],
    [
      'a refusal of an unknown kind',
      respond(409, { error: 'x', message: 'The answer is refused.' }),
      /^The answer is refused\./,
    ],
  ])('%s: the row stays and can be answered again', async (_name, fail, message) => {
    const projects = newProjects();
    const { page } = await openThree(projects, /status of \d/);
    const requests = recordRequests(page);
    await page.route(answers, fail, { times: 1 });
    await button(page, 'Accept two').click();
    await announced(page, 'alert', message);
    expect(await rowNames(page)).toEqual(['three', 'two', 'one']);
    expect(await focused(page)).toBe('BUTTON Accept two');
    expect(requests).toEqual(['POST /sharing/v1/answers']);
    expect(await projects.receiver.listOfferNames('accepted')).toEqual([]);

    await page.keyboard.press('Enter');
    await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
    await waitForRows(page, ['three', 'one']);
    expect(await alertText(page)).toBe('');
  });

  test.each<[string, (route: Route) => Promise<void>, RegExp]>([
    ['an unknown outcome', respond(503, { error: 'outcome-unknown', message: 'x' }), unknownOutcome],
    ['an error of the gateway', respond(503, { message: 'Service Unavailable' }), unknownOutcome],
    [
      'an error',
      respond(500, { message: 'x' }, { 'x-openstack-request-id': 'req-1' }),
      new RegExp(`${unknownOutcome.source}.*Request id: req-1`),
    ],
    ['a lost connection', (route) => route.abort('connectionreset'), unknownOutcome],
    [
      'a malformed response',
      (route) => route.fulfill({ status: 200, body: '<html>' }),
      /The response of the service is not readable/,
    ],
    ['a response without results', respond(200, { message: 'x' }), /The response of the service is not readable/],
  ])('%s: the list is loaded again and shows the stored status', async (_name, fail, message) => {
    for (const hasEffect of [false, true]) {
      const projects = newProjects();
      const { page } = await openThree(projects, /status of \d|ERR_CONNECTION_RESET/);
      await page.route(
        answers,
        async (route) => {
          if (hasEffect) await route.fetch();
          await fail(route);
        },
        { times: 1 },
      );
      const reloaded = page.waitForResponse(offers);
      await button(page, 'Accept two').click();
      await announced(page, 'alert', message);
      await reloaded;
      await waitForRows(page, hasEffect ? ['three', 'one'] : ['three', 'two', 'one']);
      await tabShows(page, 'Accepted', hasEffect ? 1 : 0);
      await waitForFocus(page, hasEffect ? 'H1 Waiting offers' : 'BUTTON Accept two');
    }
  });

  test('in the second request of a selection: the page says what was done', async () => {
    const { owner, receiver, receiverId, open } = newProjects();
    await owner.offerImages(receiverId, named(...Array.from({ length: 101 }, (_, n) => `image-${n}`)));
    const page = await open({ errors: /status of 429/ });
    await button(page, 'Show more offers').click();
    await page.getByLabel('Select all 101 shown offers').check();
    let requests = 0;
    await page.route(answers, (route) => (++requests === 1 ? route.continue() : respond(429)(route)));
    await button(page, 'Accept selected (101)').click();
    await announced(
      page,
      'alert',
      /^Accepted 100 images\. Not done for “\u2068image-\d+\u2069”: The service receives too many/,
    );
    const [remaining] = await receiver.listOfferNames('pending');
    await waitForRows(page, [remaining!]);
    // The failed offer stays selected for another attempt.
    await button(page, 'Accept selected (1)').waitFor();
    await page.unroute(answers);
    await button(page, 'Undo').click();
    await page.getByLabel('Select all 100 shown offers').waitFor();
  });

  test('single entries of a request: each is named with its reason', async () => {
    const projects = newProjects();
    const { page, images } = await openThree(projects);
    await page.route(
      answers,
      async (route) => {
        const response = await route.fetch({
          postData: { answers: [{ image_id: images[0]!.id, status: 'accepted' }] },
        });
        const { results } = await response.json();
        const notStarted = { code: 503, error: 'not-started', message: 'x' };
        await route.fulfill({ response, json: { results: [notStarted, notStarted, ...results] } });
      },
      { times: 1 },
    );
    await page.getByLabel('Select all 3 shown offers').check();
    await button(page, 'Accept selected (3)').click();
    await announced(page, 'alert', /^Accepted “\u2068one\u2069”\. Not done for 2 images: .*Nothing was changed/);
    await waitForRows(page, ['three', 'two']);
    await button(page, 'Accept selected (2)').click();
    await announced(page, 'status', 'Accepted 2 images.');
  });

  test('at undo: the answer stays, and the page says so', async () => {
    const projects = newProjects();
    const { page } = await openThree(projects, /status of 429/);
    await button(page, 'Accept two').click();
    await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
    await page.route(answers, respond(429), { times: 1 });
    await button(page, 'Undo').click();
    await announced(page, 'alert', 'Nothing was changed.');
    await waitForRows(page, ['three', 'one']);
    await waitForFocus(page, 'H1 Waiting offers');
    expect(await projects.receiver.listOfferNames('accepted')).toEqual(['two']);
    await button(page, 'Undo').click();
    await waitForRows(page, ['three', 'two', 'one']);
    expect(await projects.receiver.listOfferNames('accepted')).toEqual([]);
  });

  test('at undo, because the project has answered again: the newer answer stays', async () => {
    const projects = newProjects();
    const { page, images } = await openThree(projects);
    await button(page, 'Accept two').click();
    await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
    await projects.receiver.send('PUT', `/v2/images/${images[1]!.id}/members/${projects.receiverId}`, {
      status: 'rejected',
    });
    await button(page, 'Undo').click();
    await announced(page, 'alert', 'This has changed meanwhile. Nothing was changed. The list is loaded again.');
    expect(await projects.receiver.listOfferNames('rejected')).toEqual(['two']);
  });
});

test('nothing happens after the user has signed out, also if an action has not ended', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects, /status of 401/);
  const send = await hold(page, answers);
  await button(page, 'Accept two').click();
  await button(page, 'Sign out').click();
  await button(page, 'Sign in').waitFor();
  await page.getByLabel('User').focus();
  const requests = recordRequests(page);
  const response = page.waitForResponse(answers);
  send();
  await response;
  await signIn(page, { user: 'zoe', project: projects.receiverId });
  await loaded(page);
  expect(await page.locator('.account').textContent()).toContain('zoe');
  expect(await page.locator('.notice').count()).toBe(0);
  expect(requests.toSorted()).toEqual(['GET /sharing/v1/offers', 'GET /sharing/v1/project']);
});

test('the refusal of an old token does not end the next session', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects, /status of 401/);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  await page.route(
    project,
    async (route) => {
      await promise;
      await route.fulfill({ status: 401, json: { error: 'not-authenticated', message: 'x' } });
    },
    { times: 1 },
  );
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await button(page, 'Sign out').click();
  await signIn(page, { user: 'zoe', project: projects.receiverId });
  await loaded(page);
  const refusal = page.waitForResponse((response) => response.status() === 401);
  resolve(undefined);
  await (await refusal).finished();
  await button(page, 'Accept one').click();
  await announced(page, 'status', 'Accepted “\u2068one\u2069”.');
  await tabShows(page, 'Waiting', 2);
});

test('a list that was read before an answer and arrives after it does not show the offer again', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects);
  const read = Promise.withResolvers<undefined>();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  await page.route(
    offers,
    async (route) => {
      const response = await route.fetch();
      read.resolve(undefined);
      await promise;
      await route.fulfill({ response });
    },
    { times: 1 },
  );
  await page.getByLabel('Name begins with').fill('t');
  await button(page, 'Filter').click();
  await read.promise;
  await button(page, 'Accept two').click();
  await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
  const late = page.waitForResponse(offers);
  resolve(undefined);
  await late;
  await loaded(page);
  await waitForRows(page, ['three']);
});

test('a list that is loaded again for more than 300 ms shows a progress', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects);
  const send = await hold(page, offers);
  await page.getByLabel('Name begins with').fill('t');
  await button(page, 'Filter').click();
  await page.getByRole('status').filter({ hasText: 'Waiting for the service' }).waitFor();
  send();
  await waitForRows(page, ['three', 'two']);
  await page.getByRole('status').filter({ hasText: '2 offers shown' }).waitFor({ state: 'attached' });
  await loaded(page);
});

test('nothing is shown as done before the response, and no second action starts', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects);
  const requests = recordRequests(page);
  const release = await hold(page, answers);

  await button(page, 'Accept two').click();
  await page.getByText('Waiting for the service').waitFor();
  expect(await rowNames(page)).toEqual(['three', 'two', 'one']);
  await tabShows(page, 'Waiting', 3);
  expect(await page.getByText('Accepted “\u2068two\u2069”.').count()).toBe(0);
  expect(await button(page, 'Accept two').getAttribute('aria-disabled')).toBe('true');
  expect(await focused(page)).toBe('BUTTON Accept two');
  await button(page, 'Accept two').click({ force: true });
  await button(page, 'Reject one').click({ force: true });
  expect(requests).toEqual(['POST /sharing/v1/answers']);

  release();
  await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
  await waitForRows(page, ['three', 'one']);
  expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
  expect(await projects.receiver.listOfferNames('rejected')).toEqual([]);
});

test('without a network, neither reading nor writing claims anything', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects, /ERR_INTERNET_DISCONNECTED/);
  await page.context().setOffline(true);
  await button(page, 'Accept two').click();
  await announced(page, 'alert', /^The connection failed before the response/);
  await page.getByText('The service cannot be reached. Check your network connection, then try again.').waitFor();
  await page.context().setOffline(false);
  await button(page, 'Try again').click();
  await waitForRows(page, ['three', 'two', 'one']);
  await tabShows(page, 'Waiting', 3);
});

describe('a list that cannot be loaded', () => {
  test.each<[string, (route: Route) => Promise<void>, RegExp]>([
    ['too many requests', respond(429), /too many requests\. Wait some seconds, then try again\./],
    [
      'unavailable',
      respond(503, { error: 'database-unavailable', message: 'x' }, { 'retry-after': '7' }),
      /temporarily unavailable\. Try again in 7 s\./,
    ],
    [
      'an error',
      respond(500, { message: 'x' }, { 'x-openstack-request-id': 'req-1' }),
      /Try again later\. If it happens again, tell your operator: req-1\./,
    ],
    ['a lost connection', (route) => route.abort(), /The service cannot be reached/],
    ['a malformed response', (route) => route.fulfill({ status: 200, body: '[' }), /not readable/],
    ['a response without offers', respond(200, {}), /not readable/],
  ])('%s: the page says so and offers another attempt', async (_name, fail, message) => {
    const { owner, receiverId, openSignIn } = newProjects();
    await owner.offerImages(receiverId, named('one'));
    const page = await openSignIn({ errors: /status of \d|ERR_FAILED/ });
    await page.route(offers, fail, { times: 1 });
    await signIn(page, { project: receiverId });
    await announced(page, 'alert', message);
    expect(await page.getByText('No offer is waiting').count()).toBe(0);
    await button(page, 'Try again').click();
    await waitForRows(page, ['one']);
    await waitForFocus(page, 'H1 Waiting offers');
    expect(await alertText(page)).toBe('');
  });

  test('a further page: the offers that are shown stay', async () => {
    const { owner, receiverId, open } = newProjects();
    await owner.offerImages(receiverId, named(...Array.from({ length: 101 }, (_, n) => `image-${n}`)));
    const page = await open({ errors: /status of 500/ });
    await page.route(offers, respond(500), { times: 1 });
    await button(page, 'Show more offers').click();
    await announced(page, 'alert', 'temporarily unavailable');
    expect(await page.locator('tbody tr').count()).toBe(100);
    await button(page, 'Show more offers').click();
    await page.getByLabel('Select all 101 shown offers').waitFor();
    expect(await alertText(page)).toBe('');
    expect(await focused(page)).not.toMatch(/^BODY/);
  });
});

test('a failure to load the numbers of offers is announced', async () => {
  const { owner, receiverId, openSignIn } = newProjects();
  await owner.offerImages(receiverId, named('one'));
  const page = await openSignIn({ errors: /status of 500/ });
  await page.route(project, respond(500), { times: 1 });
  await signIn(page, { project: receiverId });
  await announced(page, 'alert', 'temporarily unavailable');
  await button(page, 'Try again').click();
  await loaded(page);
  expect(await alertText(page)).toBe('');
  await button(page, 'Accept one').click();
  await announced(page, 'status', 'Accepted “\u2068one\u2069”.');
});

test('a failure to read the numbers again keeps the numbers and the message about the last action', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects, /status of 503/);
  await button(page, 'Accept two').click();
  await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
  await tabShows(page, 'Waiting', 2);
  await page.route(project, respond(503), { times: 1 });
  const failed = page.waitForResponse((response) => response.status() === 503);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await (await failed).finished();
  // The response to a later request shows that the page has processed the failure.
  await page.getByLabel('Name begins with').fill('t');
  await button(page, 'Filter').click();
  await waitForRows(page, ['three']);
  await tabShows(page, 'Waiting', 2);
  expect(await page.locator('.notice').allTextContents()).toEqual([
    expect.stringContaining('Accepted “\u2068two\u2069”.'),
  ]);
  await button(page, 'Undo').click();
  await waitForRows(page, ['three', 'two']);
});

test('a page whose settings cannot be loaded says so', async () => {
  const { openSignIn } = newProjects();
  const page = await openSignIn({ errors: /status of 500/ });
  // The first loading must not take the response that fails.
  await button(page, 'Sign in').waitFor();
  await page.route('**/settings.json', respond(500), { times: 1 });
  await page.reload();
  await announced(page, 'alert', 'The settings of this page cannot be loaded.');
  await page.reload();
  await button(page, 'Sign in').waitFor();
});
