import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
// @ts-expect-error -- the package has no types of its own
import Provider from 'oidc-provider';

/** A real OpenID Connect issuer with a public client for the console. */
export interface OidcIssuer {
  /** The `iss` claim of its tokens. Its host differs from that of the console, so that its cookies are not sent there. */
  readonly url: string;
  readonly clientId: string;
  /** The `aud` claim of its access tokens. */
  readonly audience: string;
  /** Grant types of the requests for tokens so far. */
  readonly grants: readonly string[];
  /** Registers the client with the only address to which the issuer returns the browser. */
  registerClient(redirectUri: string): void;
  /** Ends all grants of users, so that no refresh token is valid. */
  revokeGrants(): Promise<void>;
  /** Stops the issuer and closes all connections. */
  stop(): Promise<void>;
}

const clientId = 'console';
const audience = 'https://images.example.org';

/** Lifetime of access tokens in seconds. It is shorter than the reserve of the page, which so replaces each one. */
const accessTokenSeconds = 20;

/** Page of the issuer on which a user signs in, as anyone, or refuses. */
const loginPage = (
  url: string,
) => `<!doctype html><html lang="en"><title>Issuer</title><form method="post" action="${url}">
<label>User <input name="user" value="bob"></label>
<button name="action" value="sign-in">Sign in</button> <button name="action" value="cancel">Cancel</button></form></html>`;

/** Starts the package oidc-provider on a free port of the loopback interface. */
export async function startOidcIssuer(): Promise<OidcIssuer> {
  const grants: string[] = [];
  const issued: any[] = [];
  let handle: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    response.writeHead(503).end();
  };
  const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'key-1', alg: 'RS256', use: 'sig' };

  const createProvider = (redirectUri: string): any =>
    new Provider(url, {
      jwks: { keys: [key] },
      clients: [
        {
          client_id: clientId,
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          redirect_uris: [redirectUri],
        },
      ],
      cookies: { keys: ['key of the cookies'] },
      clientBasedCORS: (_context: unknown, origin: string) => origin === new URL(redirectUri).origin,
      pkce: { required: () => true },
      features: {
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => audience,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: '',
            audience,
            accessTokenFormat: 'jwt',
            accessTokenTTL: accessTokenSeconds,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
      findAccount: (_context: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
      extraTokenClaims: () => ({ project_id: 'beta', roles: ['member'] }),
      issueRefreshToken: () => true,
      interactions: { url: (_context: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
      // Users consent to the client implicitly.
      loadExistingGrant: async (context: any) => {
        const { accountId } = context.oidc.session;
        const grant = new context.oidc.provider.Grant({ clientId, accountId });
        grant.addOIDCScope('openid');
        await grant.save();
        issued.push(grant);
        return grant;
      },
    });

  return {
    ...{ url, clientId, audience, grants },
    registerClient: (redirectUri) => {
      const provider = createProvider(redirectUri);
      provider.on('grant.success', (context: any) => grants.push(context.oidc.params.grant_type));
      const callback = provider.callback();
      handle = (request, response) => {
        if (request.url?.startsWith('/interaction/')) void interact(provider, request, response);
        else callback(request, response);
      };
    },
    revokeGrants: async () => {
      for (const grant of issued.splice(0)) await grant.destroy();
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Shows the page for a user, or finishes with what the user submitted. */
async function interact(provider: any, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(loginPage(request.url!));
    return;
  }
  const fields = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
  const result =
    fields.get('action') === 'cancel'
      ? { error: 'access_denied', error_description: 'The user canceled.' }
      : { login: { accountId: fields.get('user') } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}
