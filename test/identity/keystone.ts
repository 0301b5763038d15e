import { cp, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from '../support/start-program.ts';
import { describeResult, runCommand } from '../support/run-command.ts';

/** A running Keystone. */
export interface Keystone {
  /** Base URL without a trailing slash. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The data of a Keystone: a folder with a database and keys. */
export interface KeystoneData {
  readonly folder: string;
  remove(): Promise<void>;
}

/** The password of the user `admin`, who has the role `admin` in the project `admin`. */
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
 * Creates the data of a new Keystone, with the user `admin` and the default roles. The first call bootstraps a template in
 * the Python environment; further calls copy it.
 *
 * @param commands - path of the folder of the environment's commands
 */
export async function makeKeystoneData(commands: string): Promise<KeystoneData> {
  const template = join(commands, '..', 'bootstrapped');
  if (!(await stat(template).catch(() => undefined))) {
    console.log('Creating the database of a new Keystone, once.');
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
    const command = [join(commands, 'keystone-manage'), '--config-file', file, ...args];
    const result = await runCommand(join(commands, 'python'), command, { timeoutSeconds: 120 });
    if (result.code !== 0) throw new Error(`Cannot create the database of Keystone.\n${describeResult(result)}`);
  };
  await manage('db_sync');
  const self = process.getuid?.() === 0 ? ['--keystone-user', 'root', '--keystone-group', 'root'] : [];
  await manage('fernet_setup', ...self);
  await manage('credential_setup', ...self);
  await manage('bootstrap', '--bootstrap-password', adminPassword);
  await rename(unfinished, folder);
}

/**
 * Starts a Keystone. Several processes can use the same data.
 *
 * @param tokenSeconds - lifetime of its tokens
 * @param allowedOrigin - origin of a page that browsers may call it from; default none
 * @throws Error with its output if it exits before it listens
 */
export async function startKeystone(
  commands: string,
  data: KeystoneData,
  tokenSeconds = 3600,
  allowedOrigin?: string,
): Promise<Keystone> {
  const file = join(data.folder, `keystone-${tokenSeconds}.conf`);
  await writeFile(file, configuration(data.folder, tokenSeconds));
  const keystone = await startProgram({
    command: [join(commands, 'python'), join(import.meta.dirname, 'keystone-server.py'), file],
    env: { PATH: process.env['PATH'], HOME: await makeHome(data, allowedOrigin), LANG: 'C.UTF-8' },
    ready: /^Listening on (http:\S+)/,
  });
  return {
    url: keystone.ready[1]!,
    stop: async () => {
      await keystone.stop('SIGTERM');
    },
  };
}

/**
 * Creates the home folder of a Keystone and returns its path. The CORS middleware reads its options from the default places
 * only, such as the home folder, and not from the file of the other options.
 */
async function makeHome(data: KeystoneData, allowedOrigin: string | undefined): Promise<string> {
  const home = await mkdtemp(join(data.folder, 'home-'));
  if (allowedOrigin !== undefined) {
    await mkdir(join(home, '.keystone'));
    const options = `[cors]\nallowed_origin = ${allowedOrigin}\nallow_credentials = false\n`;
    await writeFile(join(home, '.keystone', 'keystone.conf'), options);
  }
  return home;
}
