import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type CryptoKey } from 'jose';
// @ts-expect-error -- the package has no types of its own
import Provider from 'oidc-provider';

/** A key of the issuer: the private half, and the id that its public half has in the key set. */
interface IssuerKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** A genuine OpenID Connect issuer on a free port of the loopback interface. */
export interface TokenIssuer {
  /** Its `iss`. */
  readonly url: string;
  /** What its tokens are for. */
  readonly audience: string;
  readonly key: IssuerKey;
  /** A token that it issues to a client with these claims besides its own. */
  issue(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Signs with a new key from now on, and has only that in its key set. */
  rotate(): Promise<IssuerKey>;
  /** How often its key set was fetched. */
  readonly keySetFetches: number;
  /** Takes no more requests; what is under way is cut off. */
  stop(): Promise<void>;
}

const audience = 'https://images.example.org';

async function newKey(kid: string): Promise<IssuerKey> {
  return { kid, ...(await generateKeyPair('RS256', { extractable: true })) };
}

/** Starts the issuer: panva's oidc-provider, with a client that is given JWT access tokens (RFC 9068). */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  let handle: (request: IncomingMessage, response: ServerResponse) => void;
  let keySetFetches = 0;
  let claims: Readonly<Record<string, unknown>> = {};
  const server = createServer((request, response) => {
    if (request.url === '/jwks') keySetFetches += 1;
    handle(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const use = async (key: IssuerKey): Promise<void> => {
    const provider = new Provider(url, {
      jwks: { keys: [{ ...(await exportJWK(key.privateKey)), kid: key.kid, alg: 'RS256', use: 'sig' }] },
      clients: [
        {
          client_id: 'alice',
          client_secret: 'secret-of-alice',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: '',
            audience,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 3600,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
      extraTokenClaims: () => claims,
    });
    handle = provider.callback();
  };
  let key = await newKey('key-1');
  await use(key);

  return {
    url,
    audience,
    get key() {
      return key;
    },
    get keySetFetches() {
      return keySetFetches;
    },
    issue: async (given = { project_id: 'alpha', roles: ['member'] }) => {
      claims = given;
      const response = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('alice:secret-of-alice')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
      });
      const answer = (await response.json()) as { access_token?: string };
      if (answer.access_token === undefined) throw new Error(`The issuer gave no token: ${JSON.stringify(answer)}`);
      return answer.access_token;
    },
    rotate: async () => {
      key = await newKey(`key-${Number(key.kid.slice(4)) + 1}`);
      await use(key);
      return key;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
