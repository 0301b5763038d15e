import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { testCertificate } from './test-certificate.ts';

/** A server on loopback that stands for the host of a source. */
export interface SourceServer {
  readonly port: number;
  /** Number of connections so far. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

/** Serves HTTP on a free port of 127.0.0.1. */
export const serveSource = (listener: RequestListener): Promise<SourceServer> => start(createHttpServer(listener));

/** Serves HTTPS on a free port of 127.0.0.1, with a certificate for `source.example`. */
export const serveSecureSource = (listener: RequestListener): Promise<SourceServer> =>
  start(createHttpsServer(testCertificate, listener));

/** Sends the same bytes on each connection after its first data, then ends the connection. */
export const serveBytes = (bytes: string): Promise<SourceServer> =>
  start(createTcpServer((socket) => void socket.once('data', () => socket.end(bytes))));

async function start(server: Server): Promise<SourceServer> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    // A refused source closes the connection at any time.
    socket.on('error', () => undefined);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.length,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
