import { beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { loaded, signIn } from './support/browser.ts';
import { layoutDefects } from './support/layout.ts';
import { button, hold, waitForRows } from './support/page-content.ts';
import { startTestServer, type TestProjects } from './support/test-server.ts';
import { seedViews, views } from './support/views.ts';

const newProjects = startTestServer();
let projects: TestProjects;

beforeAll(async () => {
  projects = newProjects();
  await seedViews(projects);
});

/** Widths and text sizes in pixels. A zoom of 200 % halves the width and the height of the page. */
const sizes = [
  { name: '1280 px', width: 1280, height: 800, text: 16 },
  { name: '768 px', width: 768, height: 800, text: 16 },
  { name: '480 px', width: 480, height: 800, text: 16 },
  { name: '320 px', width: 320, height: 640, text: 16 },
  { name: 'zoom of 200 %', width: 640, height: 400, text: 16 },
  { name: 'text of 200 %', width: 1280, height: 800, text: 32 },
  { name: '320 px with text of 200 %', width: 320, height: 640, text: 32 },
];

/** Sets the text size of the browser, as users do in its settings. The default is 16 px. */
async function setTextSize(page: Page, pixels: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setFontSizes', { fontSizes: { standard: pixels, fixed: pixels } });
}

const textSize = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).fontSize);

test.each(views.map((view) => [view.name, view] as const))('%s fits', async (_name, view) => {
  const page = await view.open(projects);
  const defects: string[] = [];
  for (const { name, width, height, text } of sizes) {
    await page.setViewportSize({ width, height });
    await setTextSize(page, text);
    expect(await textSize(page)).toBe(`${text}px`);
    defects.push(...(await layoutDefects(page)).map((defect) => `${name}: ${defect}`));
  }
  expect(defects).toEqual([]);
});

test('the check finds a wide element, a cut text, a small target and an overlap', async () => {
  const page = await projects.open();
  await page.evaluate(() => {
    const add = (name: string, styles: Partial<CSSStyleDeclaration>) => {
      const element = document.createElement(name);
      element.textContent = 'planted text';
      Object.assign(element.style, styles);
      document.querySelector('main')?.append(element);
    };
    add('div', { width: '3000px' });
    add('p', { width: '20px', overflow: 'hidden', whiteSpace: 'nowrap' });
    add('button', { fontSize: '4px', minHeight: '0', padding: '0' });
    const link = document.querySelector<HTMLElement>('.tabs a:last-child');
    if (link !== null) link.style.marginInlineStart = '-4rem';
  });
  const defects = await layoutDefects(page);
  for (const defect of [/^the page is \d+ px wide/, /^outside: div/, /^cut off: p/, /px: button/, /^overlap: a/]) {
    expect(defects).toContainEqual(expect.stringMatching(defect));
  }
});

/** An entry of the type `layout-shift`, which the types of the DOM do not have. */
interface LayoutShift {
  readonly sources: readonly {
    readonly node: Node | null;
    readonly previousRect: DOMRectReadOnly;
    readonly currentRect: DOMRectReadOnly;
  }[];
}

/** Records the elements that move from now on. Returns a function that reads them. */
async function recordShifts(page: Page): Promise<() => Promise<readonly string[]>> {
  await page.evaluate(() => {
    const shifts: string[] = [];
    Object.assign(globalThis, { shifts });
    new PerformanceObserver((list) => {
      for (const { sources } of list.getEntries() as unknown as readonly LayoutShift[]) {
        shifts.push(
          ...sources.map(
            ({ node, previousRect, currentRect }) =>
              `${node?.parentElement?.innerHTML} ${previousRect.y} ${currentRect.y}`,
          ),
        );
      }
    }).observe({ type: 'layout-shift' });
  });
  return async () => {
    // The observer reports after the next frame.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
    return page.evaluate(() => (globalThis as unknown as { shifts: readonly string[] }).shifts);
  };
}

test('the page does not move while its data loads', async () => {
  for (const width of [320, 768, 1280]) {
    const page = await projects.openSignIn({ viewport: { width, height: 800 } });
    const sendProject = await hold(page, '**/sharing/v1/project');
    const sendOffers = await hold(page, '**/sharing/v1/offers*');
    const shifts = await recordShifts(page);
    await signIn(page, { project: projects.receiverId });
    await page.getByText('Loading your project').waitFor();
    sendProject();
    await page.getByText('Loading the offers').waitFor();
    sendOffers();
    await loaded(page);
    expect(await shifts()).toEqual([]);

    // The observer sees a shift.
    await page.evaluate(async () => {
      const block = document.createElement('div');
      block.style.height = '100px';
      document.body.prepend(block);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    });
    await page.waitForFunction(() => (globalThis as unknown as { shifts: readonly string[] }).shifts.length > 0);
  }
});

test('the history does not move while its data loads, in any order', async () => {
  const [image] = await projects.owner.offerImages(projects.receiverId, [{ name: 'a long name '.repeat(20) }]);
  await projects.owner.waitForHistory(image!.id, 2);
  for (const [width, first, second] of [
    [320, '**/v2/images/*', '**/sharing/v1/images/*/history*'],
    [1280, '**/sharing/v1/images/*/history*', '**/v2/images/*'],
  ] as const) {
    const page = await projects.openSignIn({ viewport: { width, height: 800 }, hash: `#history/${image!.id}` });
    const sendFirst = await hold(page, first);
    const sendSecond = await hold(page, second);
    await signIn(page, { user: 'alice', project: projects.ownerId });
    await page.getByText('Loading the changes').waitFor();
    const shifts = await recordShifts(page);
    const firstResponse = page.waitForResponse(first);
    sendFirst();
    await firstResponse;
    await shifts();
    sendSecond();
    await loaded(page);
    await page.getByRole('table', { name: 'Changes, newest first' }).waitFor();
    expect(await shifts()).toEqual([]);
  }
});

test('forced colors show the borders, the current view and the focus', async () => {
  const page = await projects.open({ forcedColors: 'active' });
  const styleOf = (selector: string) =>
    page
      .locator(selector)
      .first()
      .evaluate((element) => {
        const { borderTopStyle, borderTopWidth, borderBottomColor, outlineStyle, outlineWidth } =
          getComputedStyle(element);
        return {
          border: `${borderTopStyle} ${parseFloat(borderTopWidth) > 0}`,
          borderBottomColor,
          outlineStyle,
          outlineWidth,
        };
      });
  for (const selector of ['.actions button', '.filter input', '.table-frame']) {
    expect(await styleOf(selector)).toMatchObject({ border: 'solid true' });
  }
  const current = await styleOf('.tabs [aria-current]');
  const other = await styleOf('.tabs a:not([aria-current])');
  expect(current.borderBottomColor).not.toBe(other.borderBottomColor);
  await page.keyboard.press('Tab');
  expect(await styleOf(':focus')).toMatchObject({ outlineStyle: 'solid', outlineWidth: '3px' });
});

test('a message about an action far below is in view, and so is the focus', async () => {
  const { owner, receiverId, open } = newProjects();
  await owner.offerImages(
    receiverId,
    Array.from({ length: 30 }, (_, n) => ({ name: `image-${n}` })),
  );
  const page = await open({ errors: /status of 429/ });
  await page.route('**/sharing/v1/answers', (route) => route.fulfill({ status: 429, json: {} }), { times: 1 });
  const waitUntilInView = (selector: string) =>
    page.waitForFunction((shown) => {
      const { top, bottom } = document.querySelector(shown)!.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    }, selector);
  await button(page, 'Accept image-0').scrollIntoViewIfNeeded();
  await button(page, 'Accept image-0').click();
  await page.getByRole('alert').filter({ hasText: 'too many requests' }).waitFor();
  await waitUntilInView('.notice');
  await button(page, 'Accept image-0').click();
  await page.locator('.notices').getByText('Accepted “\u2068image-0\u2069”.').waitFor();
  await waitUntilInView('.notice');
  await waitUntilInView('h1');
  await waitForRows(
    page,
    Array.from({ length: 29 }, (_, n) => `image-${29 - n}`),
  );
});
