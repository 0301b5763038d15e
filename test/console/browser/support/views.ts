import type { Page } from 'playwright-core';
import { loaded, type ConsoleOptions } from './browser.ts';
import { announced, button } from './page-content.ts';
import type { TestProjects } from './test-server.ts';

/** Texts of other projects that can break a page: long, right to left, HTML, control characters of directions. */
export const hostileNames = [
  'fedora-44',
  'n'.repeat(255),
  'windows-server 😀👩‍👩‍👧‍👦 é',
  'صورة نظام التشغيل',
  '\u202eevil\u2066txt.exe',
  '<img src=x onerror=alert(1)><script>alert(1)</script>',
  ' ',
];

/** Offers images with these names to the receiver of offers, and answers some, so that each tab has three. */
export async function seedViews({ owner, receiver, receiverId }: TestProjects): Promise<void> {
  const images = (prefix: string) =>
    hostileNames.map((name, index) => ({
      name,
      tags: index === 1 ? [prefix, 't'.repeat(128 - prefix.length) + prefix] : [],
      min_disk: index * 20,
      min_ram: 2048,
    }));
  for (const status of ['pending', 'accepted', 'rejected'] as const) {
    const offered = await owner.offerImages(receiverId, images(status));
    await receiver.send('POST', '/sharing/v1/answers', {
      answers: offered.map(({ id }) => ({ image_id: id, status })),
    });
    await owner.send('PUT', `/sharing/v1/images/${offered[0]!.id}/members/${receiverId}/expiry`, {
      expires_at: '2099-12-31T12:00:00Z',
    });
  }
  const owned = await receiver.offerImages('m'.repeat(255), hostileNames.map((name) => ({ name })).toReversed());
  for (const member of ['gamma', '4f2a9c0de1b84a7f9d3c5e6b7a8091c2']) {
    await receiver.send('POST', `/v2/images/${owned[0]!.id}/members`, { member });
  }
  await receiver.send('PUT', `/sharing/v1/images/${owned[0]!.id}/members/gamma/expiry`, {
    expires_at: '2099-12-31T12:00:00Z',
  });
  await receiver.waitForHistory(owned.at(-1)!.id, 2);
  for (const project of ['alpha', 'o'.repeat(255)]) {
    await receiver.send('PUT', `/sharing/v1/standing-answers/${project}`, { status: 'accepted' });
  }
}

/** A state of the page. */
export interface View {
  readonly name: string;
  /** Title of the page. */
  readonly title: RegExp;
  readonly open: (projects: TestProjects, options?: ConsoleOptions) => Promise<Page>;
}

const inboxView = (name: string, hash: string): View => ({
  name,
  title: new RegExp(`${name} – Image sharing$`),
  open: ({ open }, options) => open({ ...options, hash }),
});

/** Opens the members of the first own image that has several. */
async function openMembers({ open }: TestProjects, options?: ConsoleOptions): Promise<Page> {
  const page = await open({ ...options, hash: '#images' });
  await page.locator('tr', { hasText: '(3 waiting' }).getByRole('button').click();
  await page.getByRole('dialog').getByRole('row').first().waitFor();
  return page;
}

/** Each state of the page, with data from {@link seedViews}. */
export const views: readonly View[] = [
  {
    name: 'Sign in',
    title: /^Sign in – Image sharing$/,
    open: async ({ openSignIn }, options) => {
      const page = await openSignIn(options);
      await button(page, 'Sign in').waitFor();
      return page;
    },
  },
  inboxView('Waiting', ''),
  inboxView('Accepted', '#accepted'),
  inboxView('Rejected', '#rejected'),
  {
    name: 'an empty list',
    title: /^Waiting – Image sharing$/,
    open: ({ open, receiverId }, options) => open({ ...options, project: `${receiverId}-empty` }),
  },
  {
    name: 'a reader',
    title: /Waiting – Image sharing$/,
    open: ({ open }, options) => open({ ...options, role: 'reader' }),
  },
  {
    name: 'a selection, an answer and its undo',
    title: /Waiting – Image sharing$/,
    open: async ({ open }, options) => {
      const page = await open(options);
      await page.getByLabel('Select fedora-44').check();
      await button(page, 'Accept selected (1)').click();
      await announced(page, 'status', 'Accepted “\u2068fedora-44\u2069”.');
      await button(page, 'Undo').click();
      await announced(page, 'status', 'Moved to Waiting: “\u2068fedora-44\u2069”.');
      await button(page, 'Accept fedora-44').waitFor();
      await page.getByLabel('Select fedora-44').check();
      return page;
    },
  },
  {
    name: 'a failed answer',
    title: /Waiting – Image sharing$/,
    open: async ({ open }, options) => {
      const page = await open({ ...options, errors: /status of 429/ });
      await page.route('**/sharing/v1/answers', (route) => route.fulfill({ status: 429, json: { message: 'x' } }), {
        times: 1,
      });
      await button(page, 'Reject fedora-44').click();
      await announced(page, 'alert', 'too many requests');
      return page;
    },
  },
  {
    name: 'a list that cannot be loaded',
    title: /Waiting – Image sharing$/,
    open: async ({ open }, options) => {
      const page = await open({ ...options, hash: '#accepted', errors: /status of 500/ });
      await page.route('**/sharing/v1/offers*', (route) => route.fulfill({ status: 500, json: { message: 'x' } }));
      await page.getByRole('link', { name: /^Waiting/ }).click();
      await announced(page, 'alert', 'temporarily unavailable');
      await loaded(page);
      return page;
    },
  },
  {
    name: 'My images',
    title: /^My images – Image sharing$/,
    open: async ({ open }, options) => open({ ...options, hash: '#images' }),
  },
  { name: 'the members of an image', title: /^My images – Image sharing$/, open: openMembers },
  {
    name: 'a confirmation and an end',
    title: /^My images – Image sharing$/,
    open: async (projects, options) => {
      const page = await openMembers(projects, options);
      await page
        .getByRole('button', { name: /^Withdraw from/ })
        .first()
        .click();
      await page
        .getByRole('button', { name: /^Change end of/ })
        .last()
        .click();
      // axe cannot decide about elements that the focus has scrolled out of the dialog.
      await page.getByRole('dialog').evaluate((dialog) => dialog.scrollTo(0, 0));
      return page;
    },
  },
  {
    name: 'the history of an image',
    title: /^History of .* – Image sharing$/,
    open: async ({ open }, options) => {
      const page = await open({ ...options, hash: '#images' });
      await page
        .getByRole('link', { name: /^History/ })
        .first()
        .click();
      await page.getByRole('table', { name: 'Changes, newest first' }).waitFor();
      await loaded(page);
      return page;
    },
  },
  {
    name: 'Standing answers',
    title: /^Standing answers – Image sharing$/,
    open: async ({ open }, options) => open({ ...options, hash: '#standing-answers' }),
  },
];
