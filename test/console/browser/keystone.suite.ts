import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { preparePythonEnvironment } from '../../clients/python-environment.ts';
import { engage, tokenOf, type Cast } from '../../identity/cast.ts';
import { KeystoneClient } from '../../identity/keystone-client.ts';
import { makeKeystoneData, startKeystone } from '../../identity/keystone.ts';
import { startLocalServer, type LocalServer } from '../../support/local-server.ts';
import { assertAccessible } from './support/axe.ts';
import { assertClean, consolePath, findings, launchBrowser, loaded, openPage } from './support/browser.ts';
import { announced, waitForFocus, waitForTitle } from './support/page-content.ts';

/** Installs and bootstraps Keystone once. */
const setUpMilliseconds = 600_000;

let browser: Browser;
/** Its console calls a Keystone that allows its origin. */
let allowed: LocalServer;
/** Its console calls a Keystone without CORS. */
let forbidden: LocalServer;
let keystone: KeystoneClient;
let cast: Cast;
let page: Page;
const keystoneUrls = { allowed: '', forbidden: '' };
const cleaning: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const commands = await preparePythonEnvironment({
    name: 'keystone',
    what: 'Keystone',
    requirements: join(import.meta.dirname, '../../identity/requirements.txt'),
  });
  const data = await makeKeystoneData(commands);
  cleaning.unshift(() => data.remove());
  // Keystone and the local server must know the origin of each other before they start.
  const reserved = createServer().listen(0, '127.0.0.1');
  await once(reserved, 'listening');
  const { port } = reserved.address() as AddressInfo;
  const stop = (program: { stop(): Promise<void> }) => program.stop();
  const [withCors, withoutCors] = await Promise.all([
    cleaned(startKeystone(commands, data, 3600, `http://127.0.0.1:${port}`), stop),
    cleaned(startKeystone(commands, data), stop),
  ]);
  Object.assign(keystoneUrls, { allowed: withCors.url, forbidden: withoutCors.url });
  keystone = new KeystoneClient(`${withoutCors.url}/v3`);
  const settings = { IDENTITY: 'keystone', OS_AUTH_URL: `${withoutCors.url}/v3` };
  [browser, forbidden, cast] = await Promise.all([
    cleaned(launchBrowser(), (launched) => launched.close()),
    cleaned(startLocalServer(settings), stop),
    engage(keystone),
  ]);
  reserved.close();
  await once(reserved, 'close');
  allowed = await cleaned(
    startLocalServer({ ...settings, PORT: String(port), CONSOLE_KEYSTONE_URL: `${withCors.url}/v3` }),
    stop,
  );
}, setUpMilliseconds);
afterEach(async () => {
  await page.context().close();
});
afterAll(async () => {
  for (const clean of cleaning) await clean();
});

/** Ends a program after the tests. Registers it before it has started, because another one can fail meanwhile. */
function cleaned<Started>(starting: Promise<Started>, end: (started: Started) => Promise<void>): Promise<Started> {
  cleaning.unshift(() => starting.then(end, () => undefined));
  return starting;
}

const field = (name: string) => page.getByRole('textbox', { name, exact: true });
const choose = (name: string) => page.getByRole('radio', { name }).check();
const open = async ({ base }: LocalServer) => {
  page = await openPage(browser, `${base}${consolePath}`);
  await field('Password').waitFor();
};

async function fillPassword({ name, password, projectName }: Cast['alice']): Promise<void> {
  await field('User').fill(name);
  await field('Password').fill(password);
  await field('Project').fill(projectName);
}

const submit = () => page.getByRole('button', { name: 'Sign in' }).click();
const account = () => page.locator('.account').textContent();

/** Asserts that the page has stored nothing, and has sent no secret in an address. @param errors - expected messages */
async function assertForgetful(errors: RegExp, secrets: readonly string[]): Promise<void> {
  await assertClean(page, { errors, origins: [keystoneUrls.allowed, keystoneUrls.forbidden] });
  for (const secret of secrets) expect(findings(page).requests.filter((url) => url.includes(secret))).toEqual([]);
  expect(await page.locator('input[type=password]').evaluateAll((all) => all.map((field: any) => field.value))).toEqual(
    (await page.locator('input[type=password]').all()).map(() => ''),
  );
}

test('a user signs in with a password and sees the inbox of the project', async () => {
  await open(allowed);
  await assertAccessible(page);
  await fillPassword(cast.bob);
  await submit();
  await loaded(page);

  const { projectId, userId, password } = cast.bob;
  // Long ids are shown in groups.
  expect((await account())?.replaceAll(' ', '')).toContain(projectId);
  expect(await account()).toContain(userId);
  await waitForFocus(page, 'H1 Waiting offers');
  await assertForgetful(/^$/, [password]);
});

test('a wrong password and a wrong project are refused by Keystone, and the password is forgotten', async () => {
  await open(allowed);
  await fillPassword({ ...cast.bob, password: 'wrong password' });
  await submit();

  await announced(page, 'alert', /^Keystone refused the sign-in\. Check the user, .* Keystone says: .*authentication/);
  await assertForgetful(/401/, ['wrong']);
  await fillPassword({ ...cast.bob, projectName: 'alpha' });
  await submit();
  await announced(page, 'alert', /^Keystone refused the sign-in\. Check .*the project/);
  await assertForgetful(/401/, [cast.bob.password]);
  await fillPassword(cast.bob);
  await submit();
  await loaded(page);
});

test('a user signs in with an application credential', async () => {
  const token = await tokenOf(keystone, cast.alice);
  const { id, secret } = await keystone.createCredential(token, cast.alice.userId, 'of the console');
  await open(allowed);
  await choose('Application credential');
  await field('Id of the credential').fill(id);
  await field('Secret').fill(`x${secret}`);
  await submit();
  await announced(
    page,
    'alert',
    /^Keystone refused the sign-in\. Check the id and the secret; the credential may also have expired/,
  );

  await field('Secret').fill(secret);
  await submit();
  await loaded(page);
  expect((await account())?.replaceAll(' ', '')).toContain(cast.alice.projectId);
  await assertForgetful(/401/, [secret]);
});

test('without CORS the message has the origin to allow, and a pasted token works', async () => {
  await open(forbidden);
  await fillPassword(cast.bob);
  await submit();

  await announced(page, 'alert', `Keystone at ${keystoneUrls.forbidden} cannot be reached from this page`);
  await announced(page, 'alert', `must allow the origin ${forbidden.base} in the section [cors]`);
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Paste a token instead' }).click();
  await waitForFocus(page, 'INPUT token');
  const token = await tokenOf(keystone, cast.bob);
  await page.keyboard.insertText(token);
  await page.keyboard.press('Enter');
  await loaded(page);
  expect((await account())?.replaceAll(' ', '')).toContain(cast.bob.projectId);
  await assertForgetful(/CORS|net::ERR_FAILED/, [token, cast.bob.password]);
});

test('a token that the service refuses leads back to the sign-in page with the reason', async () => {
  await open(allowed);
  await choose('Token');
  await field('Token').fill('no-token');
  await submit();

  await announced(page, 'alert', 'The service refused your sign-in: The token is invalid or has expired.');
  await field('Token').waitFor();
  await waitForTitle(page, 'Sign in – Image sharing');
});

test('a token without a project gets a message that says so, and the user can sign out', async () => {
  const { token: unscoped } = await keystone.login(cast.bob.name, cast.bob.password, 'unscoped');
  await open(allowed);
  await choose('Token');
  await field('Token').fill(unscoped);
  await submit();
  await announced(page, 'alert', 'The token has no project; request one that is scoped to a project.');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await announced(page, 'status', /^You are signed out: the page has forgotten your token\.$/);
  await waitForFocus(page, 'H1 Sign in to image sharing');
});
