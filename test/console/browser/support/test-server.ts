import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startLocalServer, type LocalServer } from '../../../support/local-server.ts';
import { assertClean, consolePath, launchBrowser, openConsole, openPage } from './browser.ts';
import type { ConsoleOptions, Expected } from './browser.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';

/** Two projects that only one test uses, and the page. */
export interface TestProjects {
  /** Id of the project that owns images. */
  readonly ownerId: string;
  /** Id of the project that receives offers. */
  readonly receiverId: string;
  /** Requests of alice in the owner's project. */
  readonly owner: ServiceClient;
  /** Requests of bob in the receiver's project. */
  readonly receiver: ServiceClient;
  /** Signs in to the console, by default as bob in the receiver's project. */
  readonly open: (options?: ConsoleOptions & Expected) => Promise<Page>;
  /** Opens the sign-in page of the console. */
  readonly openSignIn: (options?: ConsoleOptions & Expected) => Promise<Page>;
}

/**
 * Starts a local server and a browser for the tests of a file. After each test, asserts that its pages are clean
 * ({@link assertClean}).
 *
 * @returns a function that creates the projects of a test
 */
export function startTestServer(): () => TestProjects {
  let server: LocalServer;
  let browser: Browser;
  let count = 0;
  const pages: { readonly page: Page; readonly expected: Expected }[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([startLocalServer(), launchBrowser()]);
  });
  afterEach(async () => {
    for (const { page, expected } of pages.splice(0)) {
      await assertClean(page, expected);
      await page.context().close();
    }
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  return () => {
    const number = ++count;
    const ownerId = `alpha-${number}`;
    const receiverId = `beta-${number}`;
    const track = (page: Page, expected: Expected = {}) => {
      pages.push({ page, expected });
      return page;
    };
    return {
      ownerId,
      receiverId,
      owner: createServiceClient(server.base, { user: 'alice', project: ownerId }),
      receiver: createServiceClient(server.base, { user: 'bob', project: receiverId }),
      open: async (options = {}) =>
        track(await openConsole(browser, server.base, { project: receiverId, ...options }), options),
      openSignIn: async ({ hash = '', ...options } = {}) =>
        track(await openPage(browser, `${server.base}${consolePath}${hash}`, options), options),
    };
  };
}
