import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checks } from '../clients/checks.ts';
import { describeResult, runCommand, type CommandResult } from '../support/run-command.ts';
import type { Cast, Persona } from './cast.ts';

/**
 * The openstack command line with nothing but ordinary password credentials: it finds the service in the catalog.
 *
 * @param commands - the folder of the clients' commands
 * @param authUrl - of the Keystone, with /v3
 */
export async function checkOpenstack(checks: Checks, commands: string, authUrl: string, { alice, bob }: Cast) {
  const home = await mkdtemp(join(tmpdir(), 'openstack-'));
  const terminal = join(import.meta.dirname, '..', 'clients', 'terminal.py');
  const openstack = async ({ name, password, projectName }: Persona, ...args: string[]): Promise<CommandResult> => {
    const credentials = {
      OS_AUTH_URL: authUrl,
      OS_USERNAME: name,
      OS_PASSWORD: password,
      OS_PROJECT_NAME: projectName,
      OS_USER_DOMAIN_ID: 'default',
      OS_PROJECT_DOMAIN_ID: 'default',
    };
    const env = { PATH: process.env['PATH'], HOME: home, LANG: 'C.UTF-8', ...credentials };
    const given = [terminal, join(commands, 'openstack'), ...args];
    const result = await runCommand(join(commands, 'python'), given, { env, timeoutSeconds: 60 });
    assert.equal(result.code, 0, describeResult({ ...result, command: ['openstack', ...args].join(' ') }));
    return result;
  };
  const json = async (who: Persona, ...args: string[]): Promise<any> =>
    JSON.parse((await openstack(who, ...args, '-f', 'json')).stdout);
  const check = (title: string, body: () => Promise<void>) => checks.check(`openstack: ${title}`, body);
  let id = 'no-image-was-created';

  try {
    await check('image create', async () => {
      const image = await json(alice, 'image', 'create', 'golden');
      assert.deepEqual([image.name, image.owner, image.visibility], ['golden', alice.projectId, 'shared']);
      id = image.id;
    });
    await check('image add project', async () => {
      const member = await json(alice, 'image', 'add', 'project', id, bob.projectId);
      assert.deepEqual([member.member_id, member.status], [bob.projectId, 'pending']);
    });
    await check('image set --accept', async () => {
      await openstack(bob, 'image', 'set', '--accept', id);
    });
    await check('image list --shared', async () => {
      const listed = await json(bob, 'image', 'list', '--shared');
      assert.ok(listed.some((one: { ID: string }) => one.ID === id));
    });
    await check('image member list', async () => {
      assert.deepEqual(await json(alice, 'image', 'member', 'list', id), [
        { 'Image ID': id, 'Member ID': bob.projectId, Status: 'accepted' },
      ]);
    });
    await check('image remove project, after which the list is without it', async () => {
      await openstack(alice, 'image', 'remove', 'project', id, bob.projectId);
      const listed = await json(bob, 'image', 'list', '--shared');
      assert.ok(!listed.some((one: { ID: string }) => one.ID === id));
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
