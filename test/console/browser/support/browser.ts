import { deepEqual } from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** Path of the console below the URL of a server. */
export const consolePath = '/console/index.html';

/** The browser's executable from the variable CHROMIUM, or the first one in PATH. @throws Error if there is none */
function findBrowser(): string {
  const { CHROMIUM: chosen, PATH: path = '' } = process.env;
  const names = ['chromium-headless-shell', 'chromium'];
  const candidates = chosen ? [chosen] : names.flatMap((name) => path.split(delimiter).map((dir) => join(dir, name)));
  const found = candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found !== undefined) return found;
  throw new Error(
    chosen
      ? `"CHROMIUM" must be the path of an executable Chromium or Chrome; got ${chosen}.`
      : 'The tests of the console require Chromium: run "apt-get install chromium-headless-shell", or set "CHROMIUM" to the path of a Chromium or Chrome.',
  );
}

/** Starts the browser. The sandbox is off for root only, who cannot have one. @throws Error if there is no browser */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: findBrowser(), chromiumSandbox: process.getuid?.() !== 0 });

/** Observations of a page from its first request on. */
interface Findings {
  /** Messages of the browser's console with the severity error or warning, and uncaught errors of scripts. */
  readonly errors: string[];
  /** Violations of the Content-Security-Policy: directive and blocked URI. */
  readonly violations: string[];
  /** URLs of all requests, except those of `blob:` and `data:`. */
  readonly requests: string[];
}

const findingsOf = new WeakMap<Page, Findings>();

/** Returns the observations of a page from {@link openPage}. */
export function findings(page: Page): Findings {
  const found = findingsOf.get(page);
  if (found === undefined) throw new Error('The page must be opened with openPage or openConsole.');
  return found;
}

/** Opens the page at a URL in a browser context of its own. `page.context().close()` closes both. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const found: Findings = { errors: [], violations: [], requests: [] };
  findingsOf.set(page, found);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) found.errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => found.errors.push(String(error)));
  context.on('request', (request) => {
    if (/^https?:/.test(request.url())) found.requests.push(request.url());
  });
  await context.exposeFunction('reportViolation', (violation: string) => void found.violations.push(violation));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
      (globalThis as unknown as { reportViolation: (violation: string) => void }).reportViolation(
        `${effectiveDirective} ${blockedURI}`,
      );
    });
  });
  await page.goto(url);
  return page;
}

/** A user of the local server. */
export interface DevUser {
  /** Default bob. */
  readonly user?: string;
  /** Default beta. */
  readonly project?: string;
  /** Default member. */
  readonly role?: 'admin' | 'manager' | 'member' | 'reader';
}

/** Fills and sends the sign-in form of the local server. */
export async function signIn(page: Page, { user = 'bob', project = 'beta', role = 'member' }: DevUser = {}) {
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Project').fill(project);
  await page.getByLabel('Role').selectOption(role);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** A user, the view that opens, and the settings of the browser. */
export interface ConsoleOptions extends DevUser, BrowserContextOptions {
  /** Fragment of the address. Default: the inbox. */
  readonly hash?: string;
}

/** Opens the console of a local server and signs in. Returns when the view shows its data. */
export async function openConsole(browser: Browser, base: string, options: ConsoleOptions = {}): Promise<Page> {
  const { user, project, role, hash = '', ...settings } = options;
  const page = await openPage(browser, `${base}${consolePath}${hash}`, settings);
  await signIn(page, { ...(user && { user }), ...(project && { project }), ...(role && { role }) });
  await loaded(page);
  return page;
}

/** Waits until the page shows the data of its view and the numbers of the tabs. */
export async function loaded(page: Page): Promise<void> {
  await page.locator('.page-header .count', { hasText: /\d/ }).first().waitFor();
  await page.waitForFunction(() => document.querySelector('.progress') === null);
}

/** Exceptions from {@link assertClean}. */
export interface Expected {
  /** Messages of the browser, such as the one about a response with the status 503. */
  readonly errors?: RegExp;
  /** Violations of the Content-Security-Policy that the test provokes. */
  readonly violations?: RegExp;
  /** Origins besides that of the page. */
  readonly origins?: readonly string[];
}

/**
 * Asserts that the page had no error, no violation of its Content-Security-Policy, and no request to another origin, that it
 * stores nothing, and that no address contains a token.
 */
export async function assertClean(page: Page, { errors, violations, origins = [] }: Expected = {}): Promise<void> {
  const found = findings(page);
  deepEqual(
    {
      errors: found.errors.filter((message) => errors?.test(message) !== true),
      violations: found.violations.filter((violation) => violations?.test(violation) !== true),
      otherOrigins: found.requests.filter(
        (url) => ![new URL(page.url()).origin, ...origins].includes(new URL(url).origin),
      ),
      tokens: found.requests.filter((url) => /dev(:|%3A)/i.test(url)),
      stored: await page.evaluate(() => `${localStorage.length} ${sessionStorage.length} ${document.cookie}`),
    },
    { errors: [], violations: [], otherOrigins: [], tokens: [], stored: '0 0 ' },
  );
}
