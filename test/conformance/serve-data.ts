import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on loopback with the image data of recorded uploads. */
export interface DataServer {
  /** Returns a URL at which the data is served until the server stops. */
  readonly urlOf: (data: Buffer) => string;
  stop(): void;
}

/** Starts a data server on a free port of 127.0.0.1. It does not keep the process alive. */
export async function serveData(): Promise<DataServer> {
  const served = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const data = served.get(request.url ?? '');
    response.writeHead(data === undefined ? 404 : 200, { 'content-length': data?.length ?? 0 }).end(data);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (data) => {
      const path = `/${served.size}`;
      served.set(path, data);
      return `http://127.0.0.1:${port}${path}`;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
