import { once } from 'node:events';
import type { Server } from 'node:net';
import { UsageError } from '../usage-error.ts';

/**
 * Starts a server on 127.0.0.1.
 *
 * @param port - 0 selects a free port
 * @throws UsageError if the port is in use or not permitted
 */
export async function listen(server: Server, port: number): Promise<void> {
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    const isInUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const problem = isInUse ? 'is in use on 127.0.0.1' : `cannot be used on 127.0.0.1 (${String(error)})`;
    throw new UsageError(`"PORT" ${port} ${problem}; set PORT to another port, or to 0 for a free port.`, {
      cause: error,
    });
  }
}
