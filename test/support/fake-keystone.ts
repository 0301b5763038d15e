import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A fake Keystone on a free port of 127.0.0.1 in which every token of the dev identity is valid. */
export interface FakeKeystone {
  /** Its `OS_AUTH_URL`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the fake Keystone. A token `dev:<user>:<project>:<role>[,<role>]` without a project is valid for the system. */
export async function startFakeKeystone(): Promise<FakeKeystone> {
  const server = createServer((request, response) => {
    const [, user = '', project = '', roles = ''] = String(request.headers['x-subject-token']).split(':');
    const token = {
      expires_at: new Date(Date.now() + 3600_000).toISOString(),
      user: { id: user },
      ...(project === '' ? { system: { all: true } } : { project: { id: project } }),
      roles: roles.split(',').map((name) => ({ name })),
    };
    response.end(JSON.stringify({ token }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
