import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startLocalServer, type LocalServer } from '../../support/local-server.ts';
import { assertAccessible } from './support/axe.ts';
import { assertClean, consolePath, findings, launchBrowser, loaded, openPage } from './support/browser.ts';
import { alertText, announced, waitForFocus } from './support/page-content.ts';
import { startOidcIssuer, type OidcIssuer } from './support/oidc-issuer.ts';

let issuer: OidcIssuer;
let server: LocalServer;
let browser: Browser;
let page: Page;

const host = () => new URL(issuer.url).host;

beforeAll(async () => {
  [issuer, browser] = await Promise.all([startOidcIssuer(), launchBrowser()]);
  server = await startLocalServer({
    IDENTITY: 'jwt',
    JWT_ISSUER: issuer.url,
    JWT_AUDIENCE: issuer.audience,
    CONSOLE_OIDC_CLIENT_ID: issuer.clientId,
  });
  issuer.registerClient(`${server.base}${consolePath}`);
});
afterEach(async () => {
  await page.context().close();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await issuer.stop();
});

/** Opens the console and waits for the form that follows the attempt to sign in silently. */
async function openForm(hash = ''): Promise<void> {
  page = await openPage(browser, `${server.base}${consolePath}${hash}`);
  await page.getByRole('button', { name: `Continue to ${host()}` }).waitFor();
}

/** Signs in at the issuer, as bob in the project beta. */
async function signInAtIssuer(): Promise<void> {
  await page.getByRole('button', { name: `Continue to ${host()}` }).click();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await loaded(page);
}

const assertNothingStored = async () => {
  expect(page.url()).not.toContain('?');
  const urls = findings(page).requests.filter((url) => url.includes('eyJ') || url.includes('access_token'));
  expect(urls).toEqual([]);
  await assertClean(page, { origins: [issuer.url] });
};

test('a user without a session at the issuer sees the form, not a loop', async () => {
  await openForm();

  const silent = findings(page).requests.filter((url) => url.includes('prompt=none'));
  expect(silent).toHaveLength(1);
  expect(await alertText(page)).toBe('');
  await assertAccessible(page);
  await assertNothingStored();
});

test('a user signs in, returns to the same view, and a reload signs in without a form', async () => {
  await openForm('#accepted');

  await signInAtIssuer();
  expect(page.url()).toBe(`${server.base}${consolePath}#accepted`);
  await page.getByRole('heading', { name: 'Accepted offers' }).waitFor();
  expect(await page.locator('.account').textContent()).toContain('beta');
  await assertNothingStored();

  const before = findings(page).requests.length;
  await page.reload();
  await loaded(page);
  const requests = findings(page).requests.slice(before);
  expect(requests.filter((url) => url.startsWith(`${issuer.url}/auth?`))).toHaveLength(1);
  expect(requests.filter((url) => url.includes('/interaction/'))).toEqual([]);
  expect(page.url()).toBe(`${server.base}${consolePath}#accepted`);
  await assertNothingStored();
});

test('the request for the code has PKCE, state, nonce and the exact address of the page', async () => {
  await openForm('#images');

  const [url] = findings(page).requests.filter((each) => each.startsWith(`${issuer.url}/auth?`));
  const query = Object.fromEntries(new URL(url!).searchParams);
  const random = /^[\w-]{43}$/;
  expect(query).toEqual({
    response_type: 'code',
    client_id: issuer.clientId,
    redirect_uri: `${server.base}${consolePath}`,
    scope: 'openid',
    code_challenge_method: 'S256',
    prompt: 'none',
    code_challenge: expect.stringMatching(random),
    state: expect.stringMatching(random),
    nonce: expect.stringMatching(random),
  });
  expect(new Set([query['code_challenge'], query['state'], query['nonce']]).size).toBe(3);
});

test('the browser stores the binding of the sign-in while it is at the issuer, and nothing else', async () => {
  await openForm('#images');
  await page.getByRole('button', { name: `Continue to ${host()}` }).click();
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  // Another file of the same origin shows the storage of the tab, and runs no script of the page.
  await page.goto(`${server.base}/console/icon.svg`);
  const stored = await page.evaluate(() => ({ ...sessionStorage }));

  const random = expect.stringMatching(/^[\w-]{43}$/);
  expect(Object.keys(stored)).toHaveLength(1);
  expect(JSON.parse(Object.values(stored)[0])).toEqual({
    ...{ verifier: random, state: random, nonce: random, fragment: '#images', isSilent: false },
  });
});

test('the page replaces its access token before the token expires, and returns to the form if it cannot', async () => {
  await openForm();
  const before = issuer.grants.length;
  await signInAtIssuer();

  await page.getByRole('link', { name: 'Accepted' }).click();
  await page.getByRole('heading', { name: 'Accepted offers' }).waitFor();
  await loaded(page);
  const grants = issuer.grants.slice(before);
  expect(grants.slice(0, 2)).toEqual(['authorization_code', 'refresh_token']);

  await issuer.revokeGrants();
  await page.getByRole('link', { name: 'Rejected' }).click();
  await page.getByRole('heading', { name: 'Sign in to image sharing' }).waitFor();
  await announced(page, 'alert', /^Your sign-in has ended\. .*invalid_grant/);
  await waitForFocus(page, 'H1 Sign in to image sharing');
});

test('after signing out the page says that the session at the issuer continues', async () => {
  await openForm();
  await signInAtIssuer();

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to image sharing' }).waitFor();
  await announced(page, 'status', `Your session at ${host()} continues`);
  await assertAccessible(page);
  await assertNothingStored();
});

test('a user who cancels at the issuer sees the reason, and the Back button leads to the form', async () => {
  await openForm('#rejected');
  await page.getByRole('button', { name: `Continue to ${host()}` }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('alert').filter({ hasText: 'was canceled, or you have no access' }).waitFor();
  expect(page.url()).toBe(`${server.base}${consolePath}#rejected`);
  await assertNothingStored();

  await page.getByRole('button', { name: `Continue to ${host()}` }).click();
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: `Continue to ${host()}` }).waitFor();
  await assertNothingStored();
});

test('a page that the browser kept while the user was at the issuer shows the form again', async () => {
  await openForm();
  // The browser keeps no page here, so this page stays: it gets a response without content, and the event of a return.
  const response = page.waitForResponse(`${issuer.url}/auth?*`);
  await page.route(`${issuer.url}/auth?*`, (route) => route.fulfill({ status: 204 }), { times: 1 });
  await page.getByRole('button', { name: `Continue to ${host()}` }).click();
  await response;
  const loaded = page.waitForEvent('load');
  await page.evaluate(() => {
    setTimeout(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  });
  await loaded;
  await page.getByRole('button', { name: `Continue to ${host()}` }).waitFor();
  await assertNothingStored();
});

test.each([
  ['with an unknown state', '?code=x&state=y'],
  ['with an error', '?error=server_error&state=y'],
])('a response %s to no sign-in of the tab is refused and removed from the address', async (_title, query) => {
  page = await openPage(browser, `${server.base}${consolePath}${query}`);

  await page.getByRole('alert').filter({ hasText: 'completed already or began in another tab' }).waitFor();
  expect(page.url()).toBe(`${server.base}${consolePath}`);
  await assertNothingStored();
});

test('a response with the state of another sign-in is refused', async () => {
  await openForm();
  await page.route(`${issuer.url}/auth?*`, async (route) => {
    await route.fulfill({
      status: 303,
      headers: { location: `${server.base}${consolePath}?code=x&state=other&iss=${encodeURIComponent(issuer.url)}` },
    });
  });
  await page.getByRole('button', { name: `Continue to ${host()}` }).click();

  await page.getByRole('alert').filter({ hasText: 'its "state" is missing or wrong' }).waitFor();
  const { requests } = findings(page);
  expect(requests).toContain(`${issuer.url}/.well-known/openid-configuration`);
  expect(requests).not.toContain(`${issuer.url}/token`);
  await assertNothingStored();
});

test('an issuer that cannot be reached is a message with the origin to allow, and a token can be pasted', async () => {
  const context = await browser.newContext();
  page = await context.newPage();
  await page.route(`${issuer.url}/**`, (route) => route.abort());
  await page.goto(`${server.base}${consolePath}`);

  const alert = page.getByRole('alert');
  await alert.filter({ hasText: `${host()} cannot be reached from this page` }).waitFor();
  expect(await alert.textContent()).toContain(`must allow the origin ${server.base}`);
  await alert.getByRole('button', { name: 'Paste a token instead' }).click();
  await waitForFocus(page, 'INPUT token');
  await page.keyboard.type('no.valid.token');
  await page.keyboard.press('Enter');
  await alert.filter({ hasText: 'The service refused your sign-in: The token is invalid or has expired.' }).waitFor();
  await page.getByLabel('Token', { exact: true }).and(page.locator('input[name=token]')).waitFor();
});
