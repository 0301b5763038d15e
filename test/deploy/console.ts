import assert from 'node:assert/strict';
import type { Emulator } from './emulator.ts';
import type { Outputs } from './events.ts';

/** Tests that the deployed gateway serves the console: the page, its files, its settings, and a cached copy of them. */
export async function testConsole(
  emulator: Emulator,
  { ApiUrl: apiUrl, ConsoleUrl: consoleUrl }: Pick<Outputs, 'ApiUrl' | 'ConsoleUrl'>,
  log: (line: string) => void,
): Promise<void> {
  assert.equal(consoleUrl, `${apiUrl}console/index.html`);
  const { hostname } = new URL(apiUrl);
  const proxy = await emulator.proxy(`${hostname.split('.')[0]}.execute-api.127.0.0.1`);
  try {
    const get = async (file: string, headers: Readonly<Record<string, string>> = {}) => {
      const response = await fetch(`${proxy.url}/console/${file}`, { headers });
      const policy = response.headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none'; script-src 'self'; .*; connect-src 'self'; .*; trusted-types 'none'$/);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      return { response, text: await response.text() };
    };

    const page = await get('index.html');
    assert.deepEqual(
      [page.response.status, page.response.headers.get('cache-control'), page.response.headers.get('content-encoding')],
      [200, 'no-cache', 'gzip'],
    );
    const names = [...page.text.matchAll(/(?:src|href)="(.*?)"/g)].map(([, name]) => name!);
    assert.equal(names.length, 3, page.text);
    for (const name of names) {
      const compressed = await get(name);
      const plain = await get(name, { 'accept-encoding': 'identity' });
      const { headers } = compressed.response;
      assert.deepEqual([compressed.response.status, headers.get('content-encoding')], [200, 'gzip'], name);
      assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable', name);
      assert.equal(plain.response.headers.get('content-encoding'), null, name);
      assert.equal(plain.text, compressed.text, name);
    }
    const settings = await get('settings.json');
    assert.deepEqual(JSON.parse(settings.text), { identity: { kind: 'dev' } });
    const etag = settings.response.headers.get('etag') ?? '';
    const unchanged = await get('settings.json', { 'if-none-match': etag });
    assert.deepEqual([unchanged.response.status, unchanged.text], [304, '']);
    assert.equal((await get('nope.js')).response.status, 404);

    const redirect = await fetch(`${proxy.url}/console`, { redirect: 'manual' });
    assert.deepEqual([redirect.status, redirect.headers.get('location')?.endsWith('/console/index.html')], [302, true]);
    log('the console is served compressed, with its security policy, and from the cache of a browser');
  } finally {
    proxy.stop();
  }
}
