import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { describeResult, runCommand } from '../support/run-command.ts';

/** A Keystone behind TLS, with a certificate that only an authority of its own vouches for. */
export interface TlsFront {
  /** Such as `https://127.0.0.1:5000`. */
  readonly url: string;
  /** The file with that authority. */
  readonly certificateFile: string;
  stop(): Promise<void>;
}

/**
 * @param commands - the folder of the commands of Keystone's Python environment
 * @param folder - where the certificates go
 * @param target - such as `http://127.0.0.1:5000`
 */
export async function startTlsFront(commands: string, folder: string, target: string): Promise<TlsFront> {
  const program = join(import.meta.dirname, 'make-certificate.py');
  const made = await runCommand(join(commands, 'python'), [program, folder], { timeoutSeconds: 60 });
  if (made.code !== 0) throw new Error(`No certificate could be made.\n${describeResult(made)}`);
  const [cert, key] = await Promise.all(['server.pem', 'server.key'].map((file) => readFile(join(folder, file))));
  const { hostname, port } = new URL(target);
  const sockets = new Set<TLSSocket>();
  const server = createServer({ cert, key }, (client) => {
    const upstream = connect(Number(port), hostname);
    sockets.add(client);
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(client);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificateFile: join(folder, 'ca.pem'),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
