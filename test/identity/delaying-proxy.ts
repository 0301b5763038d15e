import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A wire to a Keystone that can be made slow, or cut. */
export interface DelayingProxy {
  readonly url: string;
  /** How long what Keystone says takes; `never` for an answer that does not come, `cut` for a connection that is reset. */
  delay: number | 'never' | 'cut';
  /** How many connections were made or requests begun since this was set to 0. */
  requests: number;
  stop(): Promise<void>;
}

/** @param target - such as `http://127.0.0.1:5000` */
export async function startDelayingProxy(target: string): Promise<DelayingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => {
      proxy.requests += 1;
      if (proxy.delay === 'cut') client.resetAndDestroy();
      else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (typeof proxy.delay === 'number') setTimeout(() => client.writable && client.write(chunk), proxy.delay);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: DelayingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delay: 0,
    requests: 0,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return proxy;
}
