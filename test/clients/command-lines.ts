import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Checks } from './checks.ts';
import type { CommandResult } from '../support/run-command.ts';
import { serveSource } from '../lambda/image-source/serve-source.ts';
import { describeResult, runCommand } from '../support/run-command.ts';

const alice = 'dev:alice:alpha:member';
const bob = 'dev:bob:beta:member';
const eve = 'dev:eve:gamma:member';

const commandTimeoutSeconds = 60;

type CommandLine = (token: string, ...args: string[]) => Promise<CommandResult>;

/** Parses the rows of a table of glance, without its head. */
const tableRows = (drawn: string): string[][] =>
  drawn
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(1)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );

const rowsOf = (result: CommandResult): string[][] => {
  assert.equal(result.code, 0);
  assert.match(result.stdout, /^\+-/, 'no table');
  return tableRows(result.stdout);
};

/** Parses a table of properties and values. */
const propertiesOf = (result: CommandResult): Record<string, string | undefined> =>
  Object.fromEntries(rowsOf(result).map(([property, value]) => [property, value]));

const idsOf = (result: CommandResult): (string | undefined)[] => rowsOf(result).map(([id]) => id);

const jsonOf = (result: CommandResult): unknown => {
  assert.equal(result.code, 0);
  return JSON.parse(result.stdout) as unknown;
};

const assertSilent = (result: CommandResult): void => {
  assert.equal(result.code, 0);
  assert.equal(result.stdout, '');
};

/** Asserts that a command was refused with a sentence: no bare status, markup or stack trace. */
const assertRefused = (result: CommandResult, sentence: RegExp): void => {
  assert.equal(result.code, 1);
  assert.match(result.stderr, sentence);
  assert.doesNotMatch(result.stderr, /Traceback|<html|\{/);
};

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Runs a check whose failure shows the last output of the client. */
const checkWith =
  (checks: Checks, lastResult: () => CommandResult | undefined, client: string) =>
  (title: string, body: () => Promise<void>): Promise<void> =>
    checks.check(`${client}: ${title}`, async () => {
      try {
        await body();
      } catch (error) {
        const last = lastResult();
        throw new Error(`${String(error)}${last ? `\n${describeResult(last)}` : ''}`, { cause: error });
      }
    });

type Check = ReturnType<typeof checkWith>;

const checkGlance = async (glance: CommandLine, check: Check): Promise<void> => {
  let image = 'no-image-was-created';

  await check('an owner creates an image, shared by default', async () => {
    const { id, ...properties } = propertiesOf(
      await glance(alice, 'image-create', '--name', 'a picture', '--disk-format', 'raw', '--container-format', 'bare'),
    );
    assert.match(id ?? '', uuid);
    image = id ?? image;
    const { created_at: createdAt, updated_at: updatedAt, ...rest } = properties;
    assert.match(createdAt ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(updatedAt, createdAt);
    assert.deepEqual(rest, {
      checksum: 'None',
      container_format: 'bare',
      disk_format: 'raw',
      min_disk: '0',
      min_ram: '0',
      name: 'a picture',
      os_hash_algo: 'None',
      os_hash_value: 'None',
      os_hidden: 'False',
      owner: 'alpha',
      protected: 'False',
      size: 'None',
      status: 'queued',
      tags: '[]',
      virtual_size: 'Not available',
      visibility: 'shared',
    });
  });
  await check('another project neither lists nor sees it', async () => {
    assert.deepEqual(idsOf(await glance(bob, 'image-list')), []);
    assertRefused(await glance(bob, 'image-show', image), /404 Not Found.*\w+ \w+/);
  });
  await check('the owner offers it, and the offer is pending', async () => {
    assert.deepEqual(rowsOf(await glance(alice, 'member-create', image, 'beta')), [[image, 'beta', 'pending']]);
  });
  await check('a pending image is shown, but listed only where asked for', async () => {
    assert.equal(propertiesOf(await glance(bob, 'image-show', image))['name'], 'a picture');
    assert.deepEqual(idsOf(await glance(bob, 'image-list')), []);
    assert.deepEqual(rowsOf(await glance(bob, 'image-list', '--member-status', 'pending')), [[image, 'a picture']]);
  });
  await check('the member accepts', async () => {
    assert.deepEqual(rowsOf(await glance(bob, 'member-update', image, 'beta', 'accepted')), [
      [image, 'beta', 'accepted'],
    ]);
  });
  await check('the member lists the image', async () => {
    assert.deepEqual(rowsOf(await glance(bob, 'image-list')), [[image, 'a picture']]);
  });
  await check('owner and member list the membership', async () => {
    const accepted = [[image, 'beta', 'accepted']];
    assert.deepEqual(rowsOf(await glance(alice, 'member-list', '--image-id', image)), accepted);
    assert.deepEqual(rowsOf(await glance(bob, 'member-list', '--image-id', image)), accepted);
  });
  await check('the member shows its membership', async () => {
    const membership = propertiesOf(await glance(bob, 'member-get', image, 'beta'));
    assert.equal(membership['image_id'], image);
    assert.equal(membership['member_id'], 'beta');
    assert.equal(membership['status'], 'accepted');
    assert.equal(membership['schema'], '/v2/schemas/member');
  });
  await check('a member is listed to another member only by the owner', async () => {
    assert.deepEqual(rowsOf(await glance(alice, 'member-create', image, 'gamma')), [[image, 'gamma', 'pending']]);
    assert.deepEqual(
      rowsOf(await glance(alice, 'member-list', '--image-id', image)).map(([, member]) => member),
      ['beta', 'gamma'],
    );
    assert.deepEqual(rowsOf(await glance(eve, 'member-list', '--image-id', image)), [[image, 'gamma', 'pending']]);
    assertSilent(await glance(alice, 'member-delete', image, 'gamma'));
  });
  await check('the same offer again is a 409 in words', async () => {
    assertRefused(await glance(alice, 'member-create', image, 'beta'), /409 Conflict: .*\w+ \w+/);
  });
  await check('an offer by the member is a 403 in words', async () => {
    assertRefused(await glance(bob, 'member-create', image, 'gamma'), /403 Forbidden: .*\w+ \w+/);
  });
  await check("an answer in the member's place is a 403 for the owner and a 404 for a stranger, in words", async () => {
    assertRefused(await glance(alice, 'member-update', image, 'beta', 'rejected'), /403 Forbidden: .*\w+ \w+/);
    assertRefused(await glance(eve, 'member-update', image, 'beta', 'rejected'), /404 Not Found: .*\w+ \w+/);
  });
  await check('an unknown image is a 404 in words', async () => {
    assertRefused(await glance(alice, 'image-show', randomUUID()), /404 Not Found: .*\w+ \w+/);
    assertRefused(await glance(alice, 'member-list', '--image-id', randomUUID()), /404 Not Found: .*\w+ \w+/);
  });
  await check('no valid token is a 401 in words', async () => {
    assertRefused(await glance('nobody', 'image-list'), /Invalid OpenStack Identity credentials/);
  });
  await check('the member may neither change nor delete the image', async () => {
    assertRefused(await glance(bob, 'image-update', image, '--name', 'mine'), /403 Forbidden: .*\w+ \w+/);
    assertRefused(await glance(bob, 'image-delete', image), /not permitted to delete the image/);
  });
  await check('the member rejects, and no list shows the image', async () => {
    assert.deepEqual(rowsOf(await glance(bob, 'member-update', image, 'beta', 'rejected')), [
      [image, 'beta', 'rejected'],
    ]);
    assert.deepEqual(idsOf(await glance(bob, 'image-list')), []);
    assert.deepEqual(idsOf(await glance(bob, 'image-list', '--member-status', 'rejected')), [image]);
  });
  await check('after the withdrawal the image is gone for the former member', async () => {
    assert.deepEqual(rowsOf(await glance(bob, 'member-update', image, 'beta', 'accepted')), [
      [image, 'beta', 'accepted'],
    ]);
    assertSilent(await glance(alice, 'member-delete', image, 'beta'));
    assert.deepEqual(rowsOf(await glance(alice, 'member-list', '--image-id', image)), []);
    assert.deepEqual(idsOf(await glance(bob, 'image-list')), []);
    assertRefused(await glance(bob, 'image-show', image), /404 Not Found: .*\w+ \w+/);
    assertRefused(await glance(bob, 'member-update', image, 'beta', 'accepted'), /404 Not Found: .*\w+ \w+/);
  });
  await check('the owner makes it private, and it can no longer be offered', async () => {
    const changed = propertiesOf(await glance(alice, 'image-update', image, '--visibility', 'private'));
    assert.equal(changed['visibility'], 'private');
    assertRefused(await glance(alice, 'member-create', image, 'beta'), /403 Forbidden: .*\w+ \w+/);
    assert.equal(propertiesOf(await glance(alice, 'image-show', image))['visibility'], 'private');
  });
  await check('the owner renames it, sets a property of its own and removes it', async () => {
    const named = ['image-update', image, '--name', 'renamed', '--property', 'os_distro=debian'];
    const changed = propertiesOf(await glance(alice, ...named));
    assert.equal(changed['name'], 'renamed');
    assert.equal(changed['os_distro'], 'debian');
    const removed = propertiesOf(await glance(alice, 'image-update', image, '--remove-property', 'os_distro'));
    assert.equal('os_distro' in removed, false);
  });
  await check('the owner sets a tag and removes it', async () => {
    assert.deepEqual(rowsOf(await glance(alice, 'image-tag-update', image, 'winter')), [[image, "['winter']"]]);
    assert.equal(propertiesOf(await glance(alice, 'image-show', image))['tags'], '["winter"]');
    assertSilent(await glance(alice, 'image-tag-delete', image, 'winter'));
    assert.equal(propertiesOf(await glance(alice, 'image-show', image))['tags'], '[]');
  });
  await check('the owner hides it, and lists it only among the hidden', async () => {
    const hidden = propertiesOf(await glance(alice, 'image-update', image, '--hidden', 'True'));
    assert.equal(hidden['os_hidden'], 'True');
    assert.deepEqual(idsOf(await glance(alice, 'image-list')), []);
    assert.deepEqual(idsOf(await glance(alice, 'image-list', '--hidden', 'True')), [image]);
  });
  await check('a list of several pages is complete and in order of the names', async () => {
    for (const name of ['c', 'a', 'b']) rowsOf(await glance(alice, 'image-create', '--name', name));
    const names = rowsOf(await glance(alice, 'image-list', '--page-size', '1')).map(([, name]) => name);
    assert.deepEqual(names, ['a', 'b', 'c']);
  });
  await check('an image id is given once', async () => {
    const id = randomUUID();
    assert.equal(propertiesOf(await glance(alice, 'image-create', '--id', id))['id'], id);
    assertRefused(await glance(alice, 'image-create', '--id', id), /409 Conflict: .*\w+ \w+/);
  });
  await check('a protected image is deleted only after its protection', async () => {
    propertiesOf(await glance(alice, 'image-update', image, '--protected', 'True'));
    assertRefused(await glance(alice, 'image-delete', image), /not permitted to delete the image/);
    propertiesOf(await glance(alice, 'image-update', image, '--protected', 'False'));
    assertSilent(await glance(alice, 'image-delete', image));
    assertRefused(await glance(alice, 'image-show', image), /404 Not Found: .*\w+ \w+/);
  });
  await check('the schemas of image and member are explained', async () => {
    const attributes = async (schema: string) =>
      rowsOf(await glance(alice, 'explain', schema)).map(([attribute]) => attribute ?? '');
    assert.deepEqual((await attributes('member')).sort(), [
      'created_at',
      'image_id',
      'member_id',
      'schema',
      'status',
      'updated_at',
    ]);
    const ofImage = await attributes('image');
    for (const attribute of ['id', 'name', 'visibility', 'os_hidden', 'owner', 'protected', 'tags']) {
      assert.ok(ofImage.includes(attribute), `${attribute} is not in the schema of an image`);
    }
  });
};

/** Size of the imported file: it takes eight parts of a multipart upload. */
const dataBytes = 64 * 1024 * 1024;

const checkImageData = async (
  glance: CommandLine,
  openstack: CommandLine,
  check: Check,
  folder: string,
): Promise<void> => {
  // The same bytes in each run.
  const data = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(dataBytes));
  const hash = createHash('sha512').update(data).digest('hex');
  const source = await serveSource((_request, response) => {
    response.writeHead(200, { 'content-length': data.length });
    response.end(data);
  });
  const uri = `http://127.0.0.1:${source.port}/disk.raw`;
  const activeImage = async (image: string): Promise<Record<string, string | undefined>> => {
    for (let polls = 0; polls < 30; polls += 1) {
      const properties = propertiesOf(await glance(alice, 'image-show', '--max-column-width', '200', image));
      if (properties['status'] !== 'importing') return properties;
      await setTimeout(1000);
    }
    throw new Error('The import has not ended.');
  };
  const assertDownloaded = async (result: CommandResult, file: string): Promise<void> => {
    assert.equal(result.code, 0);
    assert.equal(
      createHash('sha512')
        .update(await readFile(file))
        .digest('hex'),
      hash,
    );
  };
  let image = 'no-image-was-created';
  try {
    await check('the owner imports a file with openstack', async () => {
      const formats = ['--disk-format', 'raw', '--container-format', 'bare'];
      const created = jsonOf(await openstack(alice, 'image', 'create', '-f', 'json', ...formats, 'disk'));
      image = (created as { id: string }).id;
      await openstack(alice, 'image', 'import', '--method', 'web-download', '--uri', uri, image);
      const { status, size, os_hash_value: value } = await activeImage(image);
      assert.deepEqual([status, size, value], ['active', String(dataBytes), hash]);
    });
    await check('the member downloads it with openstack and with glance', async () => {
      rowsOf(await glance(alice, 'member-create', image, 'beta'));
      rowsOf(await glance(bob, 'member-update', image, 'beta', 'accepted'));
      const file = join(folder, 'openstack.raw');
      await assertDownloaded(await openstack(bob, 'image', 'save', '--file', file, image), file);
      const other = join(folder, 'glance.raw');
      await assertDownloaded(await glance(bob, 'image-download', image, '--file', other), other);
    });
    await check('a deactivated image is not downloaded, a reactivated image is', async () => {
      const file = join(folder, 'again.raw');
      assertSilent(await glance(alice, 'image-deactivate', image));
      assertRefused(
        await glance(bob, 'image-download', image, '--file', file),
        /403 Forbidden: The image is deactivated/,
      );
      assertSilent(await glance(alice, 'image-reactivate', image));
      await assertDownloaded(await glance(bob, 'image-download', image, '--file', file), file);
    });
    await check('an upload is refused with the import command', async () => {
      // The gateway itself refuses a large body, with a response that glance cannot read.
      const file = join(folder, 'small.raw');
      await writeFile(file, 'small');
      assertRefused(await glance(alice, 'image-upload', image, '--file', file), /accepts no uploads.*image import/);
    });
    await check('the owner imports a file with glance', async () => {
      const formats = ['--disk-format', 'raw', '--container-format', 'bare'];
      const created = propertiesOf(await glance(alice, 'image-create', '--name', 'disk 2', ...formats));
      const second = created['id'] ?? '';
      rowsOf(await glance(alice, 'image-import', second, '--import-method', 'web-download', '--uri', uri));
      const { status, os_hash_value: value } = await activeImage(second);
      assert.deepEqual([status, value], ['active', hash]);
      assertSilent(await glance(alice, 'image-delete', second));
    });
    await check('an image with data is deleted', async () => {
      assertSilent(await openstack(alice, 'image', 'delete', image));
    });
  } finally {
    await source.stop();
  }
};

const checkOpenstack = async (openstack: CommandLine, glance: CommandLine, check: Check): Promise<void> => {
  let image = 'no-image-was-created';

  await check('an owner creates an image', async () => {
    const created = jsonOf(await openstack(alice, 'image', 'create', '-f', 'json', 'one more')) as {
      id: string;
      owner: string;
      visibility: string;
    };
    assert.match(created.id, uuid);
    image = created.id;
    assert.deepEqual([created.owner, created.visibility], ['alpha', 'shared']);
    rowsOf(await glance(alice, 'member-create', image, 'beta'));
  });
  await check('the member lists it once it has accepted', async () => {
    assert.deepEqual(jsonOf(await openstack(bob, 'image', 'list', '-f', 'json')), []);
    rowsOf(await glance(bob, 'member-update', image, 'beta', 'accepted'));
    const listed = [{ ID: image, Name: 'one more', Status: 'queued' }];
    assert.deepEqual(jsonOf(await openstack(bob, 'image', 'list', '-f', 'json')), listed);
    const asked = ['--shared', '--member-status', 'accepted'];
    assert.deepEqual(jsonOf(await openstack(bob, 'image', 'list', '-f', 'json', ...asked)), listed);
    assert.deepEqual(jsonOf(await openstack(bob, 'image', 'list', '-f', 'json', '--private')), []);
  });
  await check('the member shows it by id and by name', async () => {
    for (const named of [image, 'one more']) {
      const shown = jsonOf(await openstack(bob, 'image', 'show', '-f', 'json', named)) as Record<string, unknown>;
      const { id, name, owner, visibility, status } = shown;
      assert.deepEqual(
        { id, name, owner, visibility, status },
        { id: image, name: 'one more', owner: 'alpha', visibility: 'shared', status: 'queued' },
      );
    }
  });
  await check('owner and member list the membership', async () => {
    for (const token of [alice, bob]) {
      assert.deepEqual(jsonOf(await openstack(token, 'image', 'member', 'list', '-f', 'json', image)), [
        { 'Image ID': image, 'Member ID': 'beta', Status: 'accepted' },
      ]);
    }
  });
  await check('a stranger gets a 404 in words', async () => {
    assertRefused(await openstack(eve, 'image', 'show', image), /^No Image found for /);
    assertRefused(await openstack(eve, 'image', 'member', 'list', image), /^No Image found for /);
  });
  await check('the member may not change the image: a 403 in words', async () => {
    assertRefused(await openstack(bob, 'image', 'set', '--private', image), /ForbiddenException: 403: .*, \w+ \w+/);
  });
  await check('no valid token is a 401 in words', async () => {
    assertRefused(await openstack('nobody', 'image', 'list'), /HttpException: 401: .*, .*\w+ \w+/);
  });
  await check('the owner makes it private, and it is gone for the member', async () => {
    assertSilent(await openstack(alice, 'image', 'set', '--private', image));
    assert.deepEqual(jsonOf(await openstack(bob, 'image', 'list', '-f', 'json')), []);
    assertRefused(await openstack(bob, 'image', 'show', image), /^No Image found for /);
  });
  await check('the owner deletes it by its name', async () => {
    assertSilent(await openstack(alice, 'image', 'delete', 'one more'));
    assertRefused(await openstack(alice, 'image', 'show', image), /^No Image found for /);
  });
};

/**
 * Drives python-glanceclient and python-openstackclient, each under a pseudo-terminal, through the sharing of images
 * between the projects alpha and beta, and compares what they print. The server must hold nothing of these projects.
 *
 * @param commands the folder of the clients' commands
 */
export const checkCommandLines = async (checks: Checks, commands: string, base: string): Promise<void> => {
  // Both keep caches and read settings in the home folder; the user's own must not matter.
  const home = await mkdtemp(join(tmpdir(), 'image-sharing-clients-'));
  const env = { PATH: process.env['PATH'], HOME: home, LANG: 'C.UTF-8' };
  let last: CommandResult | undefined;
  const onTerminal =
    (command: string, ...fixed: (string | ((token: string) => string))[]): CommandLine =>
    async (token, ...args) => {
      last = undefined;
      const given = [
        join(import.meta.dirname, 'terminal.py'),
        join(commands, command),
        ...fixed.map((part) => (typeof part === 'string' ? part : part(token))),
        ...args,
      ];
      const result = await runCommand(join(commands, 'python'), given, { env, timeoutSeconds: commandTimeoutSeconds });
      last = {
        ...result,
        command: [command, ...args].join(' '),
        stdout: result.stdout.replaceAll('\r\n', '\n'),
      };
      return last;
    };
  const theToken = (token: string): string => token;
  const glance = onTerminal('glance', '--os-image-url', base, '--os-auth-token', theToken);
  const openstack = onTerminal(
    'openstack',
    ...['--os-auth-type', 'admin_token', '--os-endpoint', `${base}/v2`, '--os-token'],
    theToken,
  );
  try {
    await checkGlance(
      glance,
      checkWith(checks, () => last, 'glance'),
    );
    await checkOpenstack(
      openstack,
      glance,
      checkWith(checks, () => last, 'openstack'),
    );
    await checkImageData(
      glance,
      openstack,
      checkWith(checks, () => last, 'image data'),
      home,
    );
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};
