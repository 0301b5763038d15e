import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArguments } from '../../../infra/parse-arguments.ts';
import { runCommand } from '../../../infra/usage-error.ts';
import { startLocalServer } from '../../support/local-server.ts';
import { assertClean, launchBrowser, openConsole, type ConsoleOptions } from '../browser/support/browser.ts';
import { createServiceClient, type NewImage } from '../browser/support/service-client.ts';

const usage = `Usage: npm run screenshots

Writes the pictures of the console into docs/images. Requires Chromium.`;

const folder = join(import.meta.dirname, '..', '..', '..', 'docs', 'images');

const pictures: Readonly<Record<string, ConsoleOptions>> = {
  'console-light': { viewport: { width: 1200, height: 760 } },
  'console-dark': { viewport: { width: 1200, height: 760 }, colorScheme: 'dark' },
  'console-narrow': { viewport: { width: 400, height: 760 } },
};

/** Offered images by owner. */
const offers: Readonly<Record<string, readonly NewImage[]>> = {
  'platform-team': [
    { name: 'rocky-9-hardened', min_disk: 10, tags: ['golden', 'cis-level-1'] },
    { name: 'debian-13', min_disk: 10, min_ram: 1024, tags: ['golden', 'lts'] },
    { name: 'fedora-44', min_disk: 20, min_ram: 2048 },
  ],
  '4f2a9c0de1b84a7f9d3c5e6b7a8091c2': [
    { name: 'windows-server-2025', min_disk: 60, min_ram: 4096, tags: ['licensed'] },
    { name: 'ubuntu-26.04-gpu', min_disk: 40, min_ram: 16384, tags: ['cuda', 'ml'] },
  ],
};

async function takePictures(base: string): Promise<void> {
  for (const [project, images] of Object.entries(offers)) {
    const created = await createServiceClient(base, { project }).offerImages('beta', images);
    if (project === 'platform-team') {
      await createServiceClient(base, { project }).send(
        'PUT',
        `/sharing/v1/images/${created[0]!.id}/members/beta/expiry`,
        { expires_at: '2099-12-31T12:00:00Z' },
      );
    }
  }
  const accepted = await createServiceClient(base, { project: 'gamma' }).offerImages('beta', [{ name: 'alpine-3.24' }]);
  const beta = createServiceClient(base, { user: 'bob', project: 'beta' });
  await beta.send('PUT', `/v2/images/${accepted[0]!.id}/members/beta`, { status: 'accepted' });

  const browser = await launchBrowser();
  try {
    for (const [name, options] of Object.entries(pictures)) {
      const page = await openConsole(browser, base, options);
      await page.screenshot({ path: join(folder, `${name}.png`) });
      await assertClean(page);
    }
  } finally {
    await browser.close();
  }
}

// `npm run screenshots`: takes the pictures of the README.
await runCommand(usage, async (args) => {
  parseArguments(args, {});
  await mkdir(folder, { recursive: true });
  const server = await startLocalServer();
  try {
    await takePictures(server.base);
  } finally {
    await server.stop();
  }
});
