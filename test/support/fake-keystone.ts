import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** An endpoint of the catalog. */
interface FakeEndpoint {
  readonly type: string;
  readonly interface: string;
  readonly region: string;
  readonly url: string;
}

/** A fake Keystone on a free port of 127.0.0.1 in which every token of the dev identity is valid. */
export interface FakeKeystone {
  /** Its `OS_AUTH_URL`. */
  readonly url: string;
  /** The bodies of the authentications so far. */
  readonly authentications: readonly unknown[];
  /** The catalog of its tokens, which is empty at first. */
  catalog: readonly FakeEndpoint[];
  stop(): Promise<void>;
}

/**
 * Starts the fake Keystone. A token `dev:<user>:<project>:<role>[,<role>]` without a project is valid for the system.
 *
 * A user with the password `secret-of-<user>` gets the token of the role member for a project name or id. An application
 * credential with the id `<user>-<project>` and the secret `secret-of-<user>` gets the same.
 */
export async function startFakeKeystone(): Promise<FakeKeystone> {
  const authentications: unknown[] = [];
  const catalogOf = () => {
    const types = [...new Set(keystone.catalog.map(({ type }) => type))];
    return types.map((type) => ({
      type,
      name: type,
      id: type,
      endpoints: keystone.catalog
        .filter((endpoint) => endpoint.type === type)
        .map(({ interface: kind, region, url }) => ({ id: url, interface: kind, region, region_id: region, url })),
    }));
  };
  const server = createServer((request, response) => {
    void (async () => {
      if (request.method === 'POST') {
        const body = await json(request);
        authentications.push(body);
        const token = tokenFor(body);
        if (token === undefined) {
          response.writeHead(401).end(JSON.stringify({ error: { code: 401, message: 'Unauthorized' } }));
        } else {
          response.writeHead(201, { 'x-subject-token': token });
          response.end(JSON.stringify({ token: { ...describe(token), catalog: catalogOf() } }));
        }
      } else if (request.url === '/v3/auth/catalog') {
        const isValid = header(request, 'x-auth-token').startsWith('dev:');
        response.writeHead(isValid ? 200 : 401);
        response.end(JSON.stringify(isValid ? { catalog: catalogOf() } : { error: { message: 'Unauthorized' } }));
      } else {
        response.end(JSON.stringify({ token: describe(header(request, 'x-subject-token')) }));
      }
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const keystone: FakeKeystone = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`,
    authentications,
    catalog: [],
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return keystone;
}

const header = (request: IncomingMessage, name: string): string => String(request.headers[name]);

function describe(token: string): object {
  const [, user = '', project = '', roles = ''] = token.split(':');
  return {
    expires_at: new Date(Date.now() + 3600_000).toISOString(),
    user: { id: user },
    ...(project === '' ? { system: { all: true } } : { project: { id: project } }),
    roles: roles.split(',').map((name) => ({ name })),
  };
}

/** Returns the token for the body of an authentication, or undefined if its secret is wrong. */
function tokenFor({ auth }: any): string | undefined {
  const { password, application_credential: credential } = auth.identity;
  if (credential !== undefined) {
    const [user, project] = String(credential.id ?? credential.name).split('-');
    return credential.secret === `secret-of-${user}` ? `dev:${user}:${project}:member` : undefined;
  }
  const { name, password: secret } = password.user;
  const { id, name: projectName } = auth.scope.project;
  return secret === `secret-of-${name}` ? `dev:${name}:${id ?? projectName}:member` : undefined;
}
