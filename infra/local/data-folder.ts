import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { UsageError } from '../usage-error.ts';

/** A folder that this process alone may keep data in until it lets go of it or ends, however that may be. */
export interface DataFolder {
  release(): void;
}

/**
 * Makes the folder if there is none and takes it for this process. The claim is a name that the kernel gives to one
 * process at a time, so no crash leaves it behind; only processes of the same network namespace see it.
 *
 * @throws Refusal if the folder cannot be made or written to, or another process has it
 */
export async function lockDataFolder(path: string): Promise<DataFolder> {
  const identity = identityOf(path);
  // Names of that kind are Linux's own. Elsewhere nothing keeps a second server from the folder's queues.
  if (process.platform !== 'linux') return { release: () => undefined };
  const claim: Server = createServer();
  try {
    await once(claim.listen(`\0image-sharing-data-${identity}`), 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new UsageError(
      `Another server is running on the data in ${path}; stop that one, or set DATA_DIR to another folder.`,
      { cause: error },
    );
  }
  claim.unref();
  return { release: () => claim.close() };
}

/** What the folder is, by whatever path it is reached. */
function identityOf(path: string): string {
  try {
    makeFolder(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const { dev, ino } = statSync(path);
    return `${dev}-${ino}`;
  } catch (error) {
    throw new UsageError(
      `The folder ${path} cannot be used for data (${(error as NodeJS.ErrnoException).code}); set DATA_DIR to one that can be written to.`,
      { cause: error },
    );
  }
}

/** Makes a folder and those above it. Node's own recursive mkdir never returns where the file system takes no folders. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
