import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { StageSettings } from '../../infra/settings/stage-settings.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';
import type { Answer, Emulator } from './emulator.ts';

/** Deploys a stage with these settings and returns the URL of its API. */
type Deploy = (settings: StageSettings) => Promise<string>;

type Asker = (token: string, method: string, path: string, body?: object) => Promise<Answer>;

const asker =
  (emulator: Emulator, apiUrl: string): Asker =>
  (token, method, path, body) =>
    emulator.ask(
      apiUrl,
      method,
      path,
      { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body && JSON.stringify(body),
    );

/** Offers an image of one project to another, which accepts it. */
async function offerAndAccept(ask: Asker, alice: string, bob: string): Promise<void> {
  const image = await ask(alice, 'POST', '/v2/images', { name: 'golden' });
  assert.equal(image.status, 201, image.body);
  const { id, owner } = JSON.parse(image.body) as { id: string; owner: string };
  assert.equal(owner, 'alpha');
  const offered = await ask(alice, 'POST', `/v2/images/${id}/members`, { member: 'beta' });
  assert.equal(offered.status, 200, offered.body);
  const accepted = await ask(bob, 'PUT', `/v2/images/${id}/members/beta`, { status: 'accepted' });
  assert.equal(accepted.status, 200, accepted.body);
  assert.equal(JSON.parse(accepted.body).status, 'accepted');
  const listed = await ask(bob, 'GET', '/v2/images');
  assert.ok(
    JSON.parse(listed.body).images.some((one: { id: string }) => one.id === id),
    listed.body,
  );
}

/** Tests the deployed API with the tokens of a real OpenID Connect issuer. */
export async function tokensOfAnIssuer(emulator: Emulator, deploy: Deploy): Promise<void> {
  const issuer = await startTokenIssuer();
  try {
    const apiUrl = await deploy({
      production: false,
      identity: { kind: 'jwt', issuer: issuer.url, audience: issuer.audience },
    });
    const ask = asker(emulator, apiUrl);
    const alice = await issuer.issue({ project_id: 'alpha', roles: ['member'] });
    const bob = await issuer.issue({ project_id: 'beta', roles: ['member'] });
    await offerAndAccept(ask, alice, bob);
    assert.equal((await ask(`${alice.slice(0, -4)}AAAA`, 'GET', '/v2/images')).status, 401);
    assert.equal((await ask('dev:alice:alpha:admin', 'GET', '/v2/images')).status, 401);
  } finally {
    await issuer.stop();
  }
}

/**
 * Tests the deployed API with a service account in Secrets Manager. The fake Keystone has two tokens and verifies them
 * only for the password of the secret; `test:identity` runs a real Keystone.
 */
export async function accountInASecret(emulator: Emulator, deploy: Deploy): Promise<void> {
  const password = 'only-in-the-secret';
  const keystone = createServer((request, response) => {
    void text(request).then((body) => {
      const expires_at = new Date(Date.now() + 3600_000).toISOString();
      const token = (user: string, project: string) =>
        JSON.stringify({
          token: { expires_at, user: { id: user }, project: { id: project }, roles: [{ name: 'member' }] },
        });
      if (request.method === 'POST') {
        const { user } = JSON.parse(body).auth.identity.password;
        response.writeHead(user.password === password ? 201 : 401, { 'x-subject-token': 'own' });
        response.end(token(user.name, 'service'));
        return;
      }
      const known = { 'of-alice': token('alice', 'alpha'), 'of-bob': token('bob', 'beta') };
      const answer = known[request.headers['x-subject-token'] as keyof typeof known] as string | undefined;
      response.writeHead(request.headers['x-auth-token'] !== 'own' ? 401 : answer === undefined ? 404 : 200);
      response.end(answer);
    });
  }).listen(0, '127.0.0.1');
  await once(keystone, 'listening');
  const secrets = new SecretsManagerClient(emulator.client);
  try {
    const { ARN } = await secrets.send(
      new CreateSecretCommand({
        Name: 'image-account',
        SecretString: JSON.stringify({ username: 'image', password, project_name: 'service' }),
      }),
    );
    const authUrl = `http://127.0.0.1:${(keystone.address() as AddressInfo).port}/v3`;
    const apiUrl = await deploy({
      production: false,
      identity: { kind: 'keystone', authUrl, accountSecretArn: ARN! },
    });
    const ask = asker(emulator, apiUrl);
    await offerAndAccept(ask, 'of-alice', 'of-bob');
    const refused = await ask('of-eve', 'GET', '/v2/images');
    assert.equal(refused.status, 401, refused.body);
    assert.equal(refused.headers['www-authenticate'], `Keystone uri="${authUrl}"`);
  } finally {
    secrets.destroy();
    keystone.closeAllConnections();
    keystone.close();
  }
}
