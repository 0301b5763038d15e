import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { loaded, signIn } from './support/browser.ts';
import {
  announced,
  button,
  focused,
  hold,
  rowNames,
  tabShows,
  waitForFocus,
  waitForRows,
} from './support/page-content.ts';
import { named } from './support/service-client.ts';
import { startTestServer } from './support/test-server.ts';
import { openThree, paths, respond } from './support/three-offers.ts';

const newProjects = startTestServer();

const { answers, offers, project } = paths;

/** Filters the offers by the beginning of their names. */
async function filterNames(page: Page, prefix: string): Promise<void> {
  await page.getByLabel('Name begins with').fill(prefix);
  await button(page, 'Filter').click();
}

/** Marks the messages with a role. Returns a function that waits until there is one without a mark. */
async function markMessages(page: Page, role: 'status' | 'alert'): Promise<() => Promise<unknown>> {
  const selector = `main [role=${role}] > *`;
  await page.locator(selector).evaluateAll((messages) => messages.forEach((message) => (message.id = 'old')));
  return () => page.locator(`${selector}:not(#old)`).first().waitFor({ state: 'attached' });
}

describe('a double click', () => {
  test('answers one offer, also if another row is below the pointer at the second click', async () => {
    const { owner, receiver, receiverId, open } = newProjects();
    await owner.offerImages(receiverId, named('a1', 'a2', 'a3', 'a4'));
    const page = await open();
    // The message about an answer is shown already, so the rows do not move for it.
    await button(page, 'Accept a1').click();
    await waitForRows(page, ['a4', 'a3', 'a2']);
    await tabShows(page, 'Accepted', 1);
    const { x, y, width, height } = (await button(page, 'Accept a4').boundingBox())!;
    await page.mouse.click(x + width / 2, y + height / 2);
    await waitForRows(page, ['a3', 'a2']);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await button(page, 'Accept a2').click();
    await announced(page, 'status', 'Accepted “\u2068a2\u2069”.');
    expect(await receiver.listOfferNames('accepted')).toEqual(['a4', 'a2', 'a1']);
  });

  test('on a checkbox counts twice', async () => {
    const { page } = await openThree(newProjects());
    await page.getByLabel('Select two').dblclick();
    await page.getByLabel('Select one').click();
    await button(page, 'Accept selected (1)').waitFor();
  });
});

test('an answer after a filtered list removes its offer from the filtered list', async () => {
  const { page } = await openThree(newProjects());
  const send = await hold(page, answers);
  await button(page, 'Accept two').click();
  await filterNames(page, 't');
  await waitForRows(page, ['three', 'two']);
  send();
  await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
  await waitForRows(page, ['three']);
});

describe('the focus of a user who does something else meanwhile', () => {
  test('stays in the filter after an answer', async () => {
    const { page } = await openThree(newProjects());
    const send = await hold(page, answers);
    await button(page, 'Accept two').click();
    await page.getByLabel('Name begins with').fill('t');
    send();
    await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
    await waitForRows(page, ['three', 'one']);
    expect(await focused(page)).toBe('INPUT name');
  });

  test('stays in another view after an answer', async () => {
    const { page } = await openThree(newProjects());
    const send = await hold(page, answers);
    await button(page, 'Accept two').click();
    await page.getByRole('link', { name: 'Standing answers' }).click();
    await waitForFocus(page, 'H1 Standing answers');
    await page.getByLabel('Owner (project id)').focus();
    send();
    await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
    expect(await focused(page)).toBe('INPUT owner');
  });

  test('stays in the form of the standing answers', async () => {
    const { receiver, open } = newProjects();
    await receiver.send('PUT', '/sharing/v1/standing-answers/gamma', { status: 'accepted' });
    const page = await open({ hash: '#standing-answers' });
    const send = await hold(page, '**/sharing/v1/standing-answers/gamma');
    await button(page, 'Remove the standing answer for gamma').click();
    await page.getByLabel('Owner (project id)').focus();
    send();
    await announced(page, 'status', 'Later offers of gamma wait for an answer.');
    await page.getByText('Your project has no standing answer.').waitFor();
    expect(await focused(page)).toBe('INPUT owner');
  });
});

test('an id in the groups in which the page shows it is one id', async () => {
  const { receiver, open } = newProjects();
  const id = '4f2a9c0de1b84a7f9d3c5e6b7a8091c2';
  const groups = '4f2a9c0d e1b84a7f 9d3c5e6b 7a8091c2';
  const page = await open();
  const filtered = page.waitForRequest((request) => request.url().includes(`owner=${id}`));
  await page.getByLabel('Owner').fill(groups);
  await button(page, 'Filter').click();
  await filtered;
  await page.getByRole('link', { name: 'Standing answers' }).click();
  await page.getByLabel('Owner (project id)').fill(groups);
  await button(page, 'Add').click();
  await announced(page, 'status', `Later offers of ${id} arrive accepted.`);
  expect((await receiver.send('GET', `/sharing/v1/standing-answers/${id}`)).status).toBe('accepted');
});

test('the same failure is announced again', async () => {
  const { page } = await openThree(newProjects(), /status of 429/);
  await page.route(answers, respond(429));
  await button(page, 'Accept two').click();
  await announced(page, 'alert', 'Nothing was changed.');
  const hasNewMessage = await markMessages(page, 'alert');
  await button(page, 'Accept two').click();
  await hasNewMessage();
  await announced(page, 'alert', 'Nothing was changed.');
});

test('the progress of an action waits for its animation only', async () => {
  const { page } = await openThree(newProjects());
  const send = await hold(page, answers);
  // No timer fires from now on.
  await page.clock.install();
  await page.clock.pauseAt(new Date('2099-12-31'));
  await button(page, 'Accept two').click();
  await page.getByText('Waiting for the service').waitFor();
  await page.clock.resume();
  send();
  await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
});

test('a filter loads the list again, so the page does not offer to update it', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects);
  await projects.owner.offerImages(projects.receiverId, named('twenty'));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await button(page, 'Update the list').waitFor();
  await filterNames(page, 't');
  await waitForRows(page, ['twenty', 'three', 'two']);
  await button(page, 'Update the list').waitFor({ state: 'detached' });
  await projects.owner.offerImages(projects.receiverId, named('thirty'));
  await tabShows(page, 'Waiting', 4);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await button(page, 'Update the list').waitFor();
});

describe('pages without offers', () => {
  test('a click loads up to five, then the user can continue', async () => {
    const { page } = await openThree(newProjects());
    let requests = 0;
    await page.route(offers, async (route) => {
      const url = route.request().url();
      if (++requests <= 5) return respond(200, { offers: [], next: '/sharing/v1/offers?marker=x' })(route);
      return route.fulfill({ response: await route.fetch({ url: url.replace(/\?.*/, '') }) });
    });
    await filterNames(page, 't');
    await page.getByText('No offer was found yet.').waitFor();
    expect(requests).toBe(5);
    expect(await page.getByRole('table').count()).toBe(0);
    expect(await page.getByRole('checkbox').count()).toBe(0);
    await button(page, 'Show more offers').click();
    await waitForRows(page, ['three', 'two', 'one']);
  });

  test('after all shown offers are answered, a progress is shown until the remaining ones are loaded', async () => {
    const projects = newProjects();
    await projects.owner.offerImages(projects.receiverId, named('one', 'two'));
    const page = await projects.openSignIn();
    await page.route(
      offers,
      async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        await route.fulfill({
          response,
          json: { ...body, offers: body.offers.slice(0, 1), next: '/sharing/v1/offers?limit=1' },
        });
      },
      { times: 1 },
    );
    await signIn(page, { project: projects.receiverId });
    await waitForRows(page, ['two']);
    const send = await hold(page, offers);
    await button(page, 'Accept two').click();
    await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
    await page.getByText('Loading the offers').waitFor();
    expect(await page.getByRole('table').count()).toBe(0);
    send();
    await waitForRows(page, ['one']);
  });
});

test('the buttons go after the role has changed, and the page says what to do', async () => {
  const { owner, receiverId, openSignIn } = newProjects();
  await owner.offerImages(receiverId, named('one'));
  const page = await openSignIn({ errors: /status of 403/ });
  await page.route(
    project,
    async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), role: 'member' } });
    },
    { times: 1 },
  );
  await signIn(page, { project: receiverId, role: 'reader' });
  await button(page, 'Accept one').click();
  await announced(page, 'alert', /role member\. Nothing was changed\. Sign in with a role that permits it\./);
  await button(page, 'Accept one').waitFor({ state: 'detached' });
  expect(await rowNames(page)).toEqual(['one']);
});

test('a page that cannot load anything says so once', async () => {
  const { owner, receiverId, openSignIn } = newProjects();
  await owner.offerImages(receiverId, named('one'));
  const page = await openSignIn({ errors: /status of 429/ });
  await page.route(offers, respond(429), { times: 1 });
  const sendProject = await hold(page, project);
  await signIn(page, { project: receiverId });
  await page.locator('main [role=alert] .notice, main [role=alert].notice').waitFor({ state: 'attached' });
  await page.route(project, respond(429), { times: 1 });
  sendProject();
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await announced(page, 'alert', 'too many requests');
  expect(await button(page, 'Try again').count()).toBe(1);
  await button(page, 'Try again').click();
  await waitForRows(page, ['one']);
  await waitForFocus(page, 'H1 Waiting offers');
});

test('an address without a view becomes that of the view that the page shows', async () => {
  const { open } = newProjects();
  for (const hash of ['#history/xyz', '#unknown']) {
    const page = await open({ hash });
    await page.getByRole('heading', { level: 1, name: 'Waiting offers' }).waitFor();
    await page.waitForURL((url) => url.hash === '#waiting');
  }
});

test('after a further page, the focus of the button moves to the first new row', async () => {
  const { owner, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, named(...Array.from({ length: 101 }, (_, n) => `image-${n}`)));
  const page = await open();
  await button(page, 'Show more offers').focus();
  await page.keyboard.press('Enter');
  await waitForFocus(page, /^TH image-0/);
  await page.keyboard.press('Tab');
  await waitForFocus(page, 'BUTTON Accept image-0');
});

test('the number of offers is announced again after a filter with as many', async () => {
  const { page } = await openThree(newProjects());
  const hasNewMessage = await markMessages(page, 'status');
  await filterNames(page, '');
  await hasNewMessage();
  await filterNames(page, 'one');
  await page.getByRole('status').filter({ hasText: '1 offer shown' }).waitFor({ state: 'attached' });
});

test('the filter stays at a change of the tab, and its fields show it', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects);
  await filterNames(page, 't');
  await waitForRows(page, ['three', 'two']);
  await button(page, 'Accept two').click();
  await announced(page, 'status', 'Accepted “\u2068two\u2069”.');
  await page.getByRole('link', { name: 'Rejected 0' }).click();
  await page.getByText('No offer matches the filter.').waitFor();
  expect(await page.getByLabel('Name begins with').inputValue()).toBe('t');
  await button(page, 'Show all').click();
  await page.getByText('Your project has rejected no image.').waitFor();
  expect(await page.getByLabel('Name begins with').inputValue()).toBe('');
});

test('the message about changed offers hides no control, with large texts in a narrow window', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects);
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 32 } });
  await page.setViewportSize({ width: 320, height: 800 });
  await projects.owner.offerImages(projects.receiverId, named('four'));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await button(page, 'Update the list').waitFor();
  await loaded(page);
  const controls = page.locator('main').locator('a[href], button, input');
  const hidden = await controls.evaluateAll((elements) =>
    (elements as HTMLElement[]).flatMap((element) => {
      element.focus();
      const { left, right, top, bottom } = element.getBoundingClientRect();
      const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      return hit?.closest('.sticky') && !element.closest('.sticky') ? [element.outerHTML] : [];
    }),
  );
  expect(hidden).toEqual([]);
});

test('a token whose project cannot be read gets one message, and no further requests', async () => {
  const projects = newProjects();
  const page = await projects.openSignIn({ errors: /status of 403/ });
  let requests = 0;
  await page.route(project, async (route) => {
    requests += 1;
    await respond(403, { error: 'not-permitted', message: 'The request requires the role reader.' })(route);
  });
  await page.route(offers, respond(403, { error: 'not-permitted', message: 'x' }));
  await signIn(page, { project: projects.receiverId });
  await announced(page, 'alert', 'The request requires the role reader. Sign in with a role that permits it.');
  // A repetition would precede the response to a request that starts now.
  await page.evaluate(() => fetch('settings.json'));
  expect(requests).toBe(1);
});

test('the Undo of a selection that was answered in part stays while further offers are loaded', async () => {
  const { owner, receiver, receiverId, open } = newProjects();
  const images = await owner.offerImages(receiverId, named(...Array.from({ length: 102 }, (_, n) => `image-${n}`)));
  const page = await open();
  await page.route(
    answers,
    async (route) => {
      const [first] = (route.request().postDataJSON() as { answers: readonly object[] }).answers;
      const response = await route.fetch({ postData: { answers: [first] } });
      const { results } = await response.json();
      await route.fulfill({
        response,
        json: { results: [...results, { code: 503, error: 'not-started', message: 'x' }] },
      });
    },
    { times: 1 },
  );
  await page.getByLabel('Select image-101').check();
  await page.getByLabel('Select image-100').check();
  await button(page, 'Accept selected (2)').click();
  await announced(page, 'alert', 'Accepted “\u2068image-101\u2069”. Not done for');
  await button(page, 'Show more offers').click();
  await page.getByLabel('Select all 101 shown offers').waitFor();
  await button(page, 'Undo').click();
  await announced(page, 'status', 'Moved to Waiting: “\u2068image-101\u2069”.');
  expect(await owner.statusOf(images.at(-1)!.id, receiverId)).toBe('pending');
  expect(await receiver.listOfferNames('accepted')).toEqual([]);
});

test('the page stays where it is when a message goes', async () => {
  const { owner, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, named(...Array.from({ length: 101 }, (_, n) => `image-${n}`)));
  const page = await open({ errors: /status of 429/ });
  await page.route(answers, respond(429), { times: 1 });
  await button(page, 'Accept image-100').click();
  await announced(page, 'alert', 'too many requests');
  const send = await hold(page, offers);
  await button(page, 'Show more offers').click();
  await page.getByText('Waiting for the service').waitFor();
  expect(await page.locator('.notice').count()).toBe(0);
  expect(await page.evaluate(() => scrollY)).toBeGreaterThan(1000);
  send();
  await page.getByLabel('Select all 101 shown offers').waitFor();
});

test('“Show all” loads the list again, also without a filter', async () => {
  const projects = newProjects();
  const { page } = await openThree(projects);
  await projects.owner.offerImages(projects.receiverId, named('four'));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await button(page, 'Update the list').waitFor();
  await button(page, 'Show all').click();
  await waitForRows(page, ['four', 'three', 'two', 'one']);
  await button(page, 'Update the list').waitFor({ state: 'detached' });
});

test('the message about a project that cannot be loaded stays until another attempt', async () => {
  const { owner, receiverId, openSignIn } = newProjects();
  await owner.offerImages(receiverId, named('one'));
  const page = await openSignIn({ errors: /status of 429/ });
  await page.route(project, respond(429), { times: 1 });
  await signIn(page, { project: receiverId });
  await announced(page, 'alert', 'too many requests');
  expect(await button(page, 'Dismiss').count()).toBe(0);
  await button(page, 'Try again').click();
  await waitForRows(page, ['one']);
});
