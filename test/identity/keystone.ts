import { cp, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from '../support/start-program.ts';
import { describeResult, runCommand } from '../support/run-command.ts';

/** A genuine Keystone: its address without a slash at the end, and how to end it. */
export interface Keystone {
  readonly url: string;
  stop(): Promise<void>;
}

/** What a Keystone keeps: a database and keys, in a folder that goes with `remove`. */
export interface KeystoneData {
  readonly folder: string;
  remove(): Promise<void>;
}

/** The password of the user `admin`, who has the role of that name in the project of that name. */
export const adminPassword = 'secret-of-admin';

const configuration = (folder: string, tokenSeconds: number): string => `[database]
connection = sqlite:///${join(folder, 'keystone.db')}
[fernet_tokens]
key_repository = ${join(folder, 'fernet')}
[credential]
key_repository = ${join(folder, 'credential')}
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
[token]
expiration = ${tokenSeconds}
`;

/**
 * Makes the data of a new Keystone, with the user `admin` and the roles that every Keystone has. The first time takes a
 * while; what it made is kept in the Python environment and copied from then on.
 *
 * @param commands - the folder of the commands of that environment
 */
export async function makeKeystoneData(commands: string): Promise<KeystoneData> {
  const template = join(commands, '..', 'bootstrapped');
  if (!(await stat(template).catch(() => undefined))) {
    console.log('Making the database of a new Keystone, once.');
    await bootstrap(commands, template);
  }
  const folder = await mkdtemp(join(tmpdir(), 'keystone-'));
  await cp(template, folder, { recursive: true });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function bootstrap(commands: string, folder: string): Promise<void> {
  const unfinished = `${folder}.${process.pid}`;
  for (const part of ['fernet', 'credential']) await mkdir(join(unfinished, part), { recursive: true });
  const file = join(unfinished, 'keystone.conf');
  await writeFile(file, configuration(unfinished, 3600));
  const manage = async (...args: readonly string[]): Promise<void> => {
    const given = [join(commands, 'keystone-manage'), '--config-file', file, ...args];
    const result = await runCommand(join(commands, 'python'), given, { timeoutSeconds: 120 });
    if (result.code !== 0) throw new Error(`Keystone's database could not be made.\n${describeResult(result)}`);
  };
  await manage('db_sync');
  const self = process.getuid?.() === 0 ? ['--keystone-user', 'root', '--keystone-group', 'root'] : [];
  await manage('fernet_setup', ...self);
  await manage('credential_setup', ...self);
  await manage('bootstrap', '--bootstrap-password', adminPassword);
  await rename(unfinished, folder);
}

/**
 * Starts a Keystone on data that others may be running on, too.
 *
 * @param tokenSeconds - how long the tokens are valid that it gives out
 * @throws Error with what it said, if it does not start
 */
export async function startKeystone(commands: string, data: KeystoneData, tokenSeconds = 3600): Promise<Keystone> {
  const file = join(data.folder, `keystone-${tokenSeconds}.conf`);
  await writeFile(file, configuration(data.folder, tokenSeconds));
  const keystone = await startProgram({
    command: [join(commands, 'python'), join(import.meta.dirname, 'keystone-server.py'), file],
    env: { PATH: process.env['PATH'], HOME: data.folder, LANG: 'C.UTF-8' },
    ready: /^Listening on (http:\S+)/,
  });
  return {
    url: keystone.ready[1]!,
    stop: async () => {
      await keystone.stop('SIGTERM');
    },
  };
}
