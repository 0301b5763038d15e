import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EventStore } from './event-store.ts';
import { UsageError } from '../../usage-error.ts';
import { eventFile, loadSettings } from '../../settings/local-settings.ts';

/**
 * Opens the local server's store of queues and buses. The server may run at the same time.
 *
 * @throws UsageError if no server has used the data folder yet
 */
export function openEventStore(env: Readonly<Record<string, string | undefined>>): EventStore {
  const { dataFolder } = loadSettings(env);
  const file = join(dataFolder, eventFile);
  if (!existsSync(file)) {
    throw new UsageError(
      `There are no queues in "DATA_DIR" (${dataFolder}) yet; run npm start first, with the same DATA_DIR.`,
    );
  }
  return new EventStore(file);
}
