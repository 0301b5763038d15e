import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { UsageError } from '../usage-error.ts';

/** A data folder that is locked for this process until it is released or the process ends. */
export interface DataFolder {
  /** Unlocks the folder. */
  release(): void;
}

/**
 * Creates the folder if it does not exist and locks it for this process. The lock is an abstract socket name, which the
 * kernel gives to one process at a time and frees when the process ends. It is effective on Linux and among the
 * processes of one network namespace.
 *
 * @throws UsageError if the folder cannot be created or written to, or if another process has locked it
 */
export async function lockDataFolder(path: string): Promise<DataFolder> {
  const folderId = prepareFolder(path);
  // Only Linux has abstract socket names. On other platforms nothing prevents a second server on the same queues.
  if (process.platform !== 'linux') return { release: () => undefined };
  const lock: Server = createServer();
  try {
    await once(lock.listen(`\0image-sharing-data-${folderId}`), 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new UsageError(
      `"DATA_DIR" (${path}) is in use by another server; stop that server or set DATA_DIR to another folder.`,
      { cause: error },
    );
  }
  lock.unref();
  return { release: () => lock.close() };
}

/** Creates the folder if it does not exist. Returns an id that is the same for every path to the folder. */
function prepareFolder(path: string): string {
  try {
    createFolder(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const { dev, ino } = statSync(path);
    return `${dev}-${ino}`;
  } catch (error) {
    throw new UsageError(
      `"DATA_DIR" (${path}) cannot be used (${(error as NodeJS.ErrnoException).code}); set DATA_DIR to a folder that can be created and written to.`,
      { cause: error },
    );
  }
}

/** Creates a folder and its parents. Node's recursive mkdir never returns on a file system that supports no folders. */
function createFolder(path: string): void {
  if (existsSync(path)) return;
  createFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may create the folder at the same time.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
