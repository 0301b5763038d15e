import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
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

/** Starts an HTTP server on a free port of 127.0.0.1. `stop` does not wait for running requests. */
export async function listenOnFreePort(
  server: HttpServer,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  await listen(server, 0);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
