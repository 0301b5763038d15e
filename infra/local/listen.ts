import { once } from 'node:events';
import type { Server } from 'node:net';
import { UsageError } from '../usage-error.ts';

/**
 * Listens on 127.0.0.1 and nowhere else; 0 is any free port.
 *
 * @throws Refusal if the port is taken or may not be used
 */
export async function listen(server: Server, port: number): Promise<void> {
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${String(error)})`;
    throw new UsageError(`Port ${port} on 127.0.0.1 ${reason}; set PORT to another, such as PORT=0 for any free one.`, {
      cause: error,
    });
  }
}
