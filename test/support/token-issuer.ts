import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type CryptoKey } from 'jose';
// @ts-expect-error -- the package has no types of its own
import Provider from 'oidc-provider';

/** A signing key of the issuer. `kid` is its id in the key set. */
interface IssuerKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** A real OpenID Connect issuer on a free port of 127.0.0.1. */
export interface TokenIssuer {
  /** The `iss` claim of its tokens. */
  readonly url: string;
  /** The `aud` claim of its tokens. */
  readonly audience: string;
  readonly key: IssuerKey;
  /** Issues a token with these claims in addition to the standard claims. */
  issue(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Replaces the signing key and the key set by a new key. */
  rotate(): Promise<IssuerKey>;
  /** Number of requests of the key set. */
  readonly keySetFetches: number;
  /** Stops the issuer and closes all connections. */
  stop(): Promise<void>;
}

const audience = 'https://images.example.org';

async function newKey(kid: string): Promise<IssuerKey> {
  return { kid, ...(await generateKeyPair('RS256', { extractable: true })) };
}

/** Starts the package oidc-provider with a client that receives JWT access tokens (RFC 9068). */
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
    issue: async (input = { project_id: 'alpha', roles: ['member'] }) => {
      claims = input;
      const response = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('alice:secret-of-alice')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
      });
      const result = (await response.json()) as { access_token?: string };
      if (result.access_token === undefined) throw new Error(`The issuer issued no token: ${JSON.stringify(result)}`);
      return result.access_token;
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
