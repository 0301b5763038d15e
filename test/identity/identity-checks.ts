import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Checks } from '../clients/checks.ts';
import { preparePythonEnvironment } from '../clients/python-environment.ts';
import { startLocalServer, type LocalServer } from '../support/local-server.ts';
import { send, sendOnce, sendUntilStatus, sentTokens, statusOf } from './ask.ts';
import { engage, tokenOf, type Cast } from './cast.ts';
import { startDelayingProxy, type DelayingProxy } from './delaying-proxy.ts';
import { KeystoneClient } from './keystone-client.ts';
import { adminPassword, makeKeystoneData, startKeystone } from './keystone.ts';
import { checkOpenstack } from './openstack-checks.ts';
import { startTlsFront } from './tls-front.ts';

/** Runs everything against a genuine Keystone. @returns the counts */
export async function runIdentityChecks(): Promise<Checks> {
  const checks = new Checks();
  /** What is to be ended and removed, the last first. */
  const cleaning: (() => Promise<void>)[] = [];
  const later = <Running>(running: Running, end: (running: Running) => Promise<void>): Running => {
    cleaning.unshift(() => end(running));
    return running;
  };
  try {
    const clients = await preparePythonEnvironment();
    const commands = await preparePythonEnvironment({
      name: 'keystone',
      what: 'Keystone',
      requirements: join(import.meta.dirname, 'requirements.txt'),
    });
    const data = later(await makeKeystoneData(commands), (one) => one.remove());
    console.log('Starting Keystone, once for ordinary tokens and once for such as last some seconds.');
    const [long, brief] = await Promise.all([
      startKeystone(commands, data).then((one) => later(one, () => one.stop())),
      startKeystone(commands, data, 15).then((one) => later(one, () => one.stop())),
    ]);
    const keystone = new KeystoneClient(`${long.url}/v3`);
    const briefly = new KeystoneClient(`${brief.url}/v3`);
    const cast = await engage(keystone);
    const proxy = later(await startDelayingProxy(long.url), (one) => one.stop());

    const serve = async (env: NodeJS.ProcessEnv) =>
      later(await startLocalServer({ IDENTITY: 'keystone', ...env }), (one) => one.stop());
    const { image } = cast;
    const account = {
      OS_USERNAME: image.name,
      OS_PASSWORD: image.password,
      OS_PROJECT_NAME: image.projectName,
      OS_USER_DOMAIN_ID: 'default',
      OS_PROJECT_DOMAIN_ID: 'default',
    };
    console.log('Starting the local server: each token asks for itself.');
    const itself = await serve({ OS_AUTH_URL: `${proxy.url}/v3` });
    await checkTokens('itself', checks, itself, keystone, briefly, cast);
    await checkTroubles(checks, itself, keystone, proxy, cast);
    await keystone.register(cast.adminToken, 'identity', `${long.url}/v3`);
    await keystone.register(cast.adminToken, 'image', itself.base);
    await checkOpenstack(checks, clients, `${long.url}/v3`, cast);

    console.log('Starting the local server with a service account.');
    const accounted = await serve({ OS_AUTH_URL: `${long.url}/v3`, ...account });
    await checkTokens('account', checks, accounted, keystone, briefly, cast);
    await checkAccount(checks, accounted, keystone, cast);

    console.log('Starting the local server with accounts that cannot ask.');
    const wrong = await serve({ OS_AUTH_URL: `${long.url}/v3`, ...account, OS_PASSWORD: 'wrong' });
    const powerless = await serve({
      OS_AUTH_URL: `${long.url}/v3`,
      ...account,
      ...{ OS_USERNAME: cast.norman.name, OS_PASSWORD: cast.norman.password, OS_PROJECT_NAME: 'alpha' },
    });
    const token = await tokenOf(keystone, cast.alice);
    await checks.check(
      'an account with a wrong password, or without the right to ask, is a 503 for everyone',
      async () => {
        for (const { base } of [wrong, powerless])
          assert.equal((await sendOnce(base, token, 'GET', '/images')).status, 503);
      },
    );

    console.log('Starting the local server with a Keystone under a certificate of its own.');
    const front = later(await startTlsFront(commands, data.folder, long.url), (one) => one.stop());
    const vouched = await serve({ OS_AUTH_URL: `${front.url}/v3`, OS_CACERT: front.certificateFile });
    const unvouched = await serve({ OS_AUTH_URL: `${front.url}/v3` });
    await checks.check('a Keystone is believed by the authority that is configured, and by no other', async () => {
      assert.equal(await statusOf(vouched.base, token, 'GET', '/images'), 200);
      assert.equal((await sendOnce(unvouched.base, token, 'GET', '/images')).status, 503);
      await loggedLine(unvouched, 'unable to verify the first certificate');
    });

    await checks.check('no log has a token or a password', async () => {
      for (const server of [itself, accounted, wrong, powerless, vouched, unvouched]) {
        await loggedLine(server, '"message":"request"');
        const { lines } = server;
        for (const secret of [...sentTokens, image.password, 'secret-of-', cast.norman.password]) {
          const line = lines.find((each) => secret.length > 8 && each.includes(secret));
          assert.equal(line, undefined, 'a line has a secret');
        }
      }
    });
  } finally {
    for (const end of cleaning) await end().catch((error: unknown) => checks.fail('everything ends', String(error)));
  }
  return checks;
}

/** What holds of tokens, whoever asks about them. */
async function checkTokens(
  how: 'itself' | 'account',
  checks: Checks,
  { base, lines }: LocalServer,
  keystone: KeystoneClient,
  briefly: KeystoneClient,
  cast: Cast,
): Promise<void> {
  const check = (title: string, body: () => Promise<void>) =>
    checks.check(`${how}: ${title}`, async () => {
      const before = lines.length;
      try {
        await body();
      } catch (error) {
        const failures = lines.slice(before).filter((line) => line.includes('"level":"error"'));
        throw new Error([String(error), ...failures].join('\n'), { cause: error });
      }
    });
  const [alice, bob, roz, boss, norman] = (await Promise.all(
    [cast.alice, cast.bob, cast.roz, cast.boss, cast.norman].map((one) => tokenOf(keystone, one)),
  )) as [string, string, string, string, string];
  const beta = cast.bob.projectId;
  let path = '';

  await check('a member of a project creates an image, which is that project’s', async () => {
    const { status, body } = await send(base, alice, 'POST', '/images', { name: how });
    assert.deepEqual([status, body.owner], [201, cast.alice.projectId]);
    path = `/images/${body.id}`;
  });
  await check('offers it to another project, whose member accepts it and lists it', async () => {
    assert.equal(await statusOf(base, bob, 'GET', path), 404);
    assert.equal(await statusOf(base, alice, 'POST', `${path}/members`, { member: beta }), 200);
    assert.equal(await statusOf(base, bob, 'PUT', `${path}/members/${beta}`, { status: 'accepted' }), 200);
    const { body } = await send(base, bob, 'GET', '/images');
    assert.ok(body.images.some((one: { name: string }) => one.name === how));
  });
  await check('a reader reads and changes nothing', async () => {
    assert.equal(await statusOf(base, roz, 'GET', path), 200);
    assert.equal(await statusOf(base, roz, 'POST', '/images', {}), 403);
    assert.equal(await statusOf(base, roz, 'POST', `${path}/members`, { member: 'x' }), 403);
    assert.equal(await statusOf(base, roz, 'DELETE', `${path}/members/${beta}`), 403);
    assert.equal(await statusOf(base, roz, 'DELETE', path), 403);
  });
  await check('an admin of any project answers for a member', async () => {
    assert.equal(await statusOf(base, boss, 'PUT', `${path}/members/${beta}`, { status: 'rejected' }), 200);
    assert.equal(await statusOf(base, boss, 'PUT', `${path}/members/${beta}`, { status: 'accepted' }), 200);
  });
  await check('a role that means nothing here is none', async () => {
    assert.equal(await statusOf(base, norman, 'GET', path), 404);
    assert.equal(await statusOf(base, norman, 'GET', '/images'), 403);
  });
  await check('what is no token is a 401 that names the Keystone', async () => {
    for (const token of ['nobody', 'gAAAAABn', `${alice.slice(0, -6)}AAAAAA`, 'dev:alice:alpha:admin']) {
      const { status, headers, body } = await send(base, token, 'GET', '/images');
      assert.deepEqual([status, body.error], [401, 'not-authenticated']);
      assert.match(headers.get('www-authenticate') ?? '', /^Keystone uri="http:\/\/127\.0\.0\.1:\d+\/v3"$/);
    }
    assert.equal((await fetch(`${base}/v2/images`)).status, 401);
  });
  await check('a token of 8 KB is a 401', async () => {
    assert.equal(await statusOf(base, 'A'.repeat(8200), 'GET', '/images'), 401);
    assert.equal(await statusOf(base, 'A'.repeat(8192), 'GET', '/images'), 401);
  });
  await check(
    'a token without a project finds no image, and may not list or create: unscoped, domain, system',
    async () => {
      await keystone.grantRole(cast.adminToken, 'admin', cast.boss.userId, '/domains/default');
      const tokens = await Promise.all([
        keystone.login(cast.alice.name, cast.alice.password, 'unscoped'),
        keystone.login(cast.boss.name, cast.boss.password, { domain: { id: 'default' } }),
        keystone.login('admin', adminPassword, { system: { all: true } }),
      ]);
      for (const { token } of tokens) {
        for (const [method, refused] of [
          ['GET', '/images'],
          ['POST', '/images'],
        ] as const) {
          const { status, body } = await send(base, token, method, refused, method === 'POST' ? {} : undefined);
          assert.deepEqual([status, body.error], [403, 'not-permitted'], `${method} ${refused}`);
        }
        for (const [method, hidden] of [
          ['GET', path],
          ['DELETE', path],
          ['GET', `${path}/members`],
          ['DELETE', `${path}/members/${beta}`],
          ['PUT', `${path}/tags/blue`],
        ] as const) {
          assert.equal(await statusOf(base, token, method, hidden), 404, `${method} ${hidden}`);
        }
      }
    },
  );
  await check('a revoked token is a 401', async () => {
    const token = await tokenOf(keystone, cast.alice);
    await keystone.revoke(token);
    assert.equal(await statusOf(base, token, 'GET', '/images'), 401);
  });
  await check('a token ends at its end, although it was just valid', async () => {
    const { token, expiresAt } = await briefly.login(cast.alice.name, cast.alice.password, {
      project: { id: cast.alice.projectId },
    });
    assert.equal(await statusOf(base, token, 'GET', '/images'), 200);
    assert.deepEqual(await sendUntilStatus(401, 60, () => send(base, token, 'GET', '/images')), new Set([200]));
    assert.ok(Date.now() >= expiresAt, 'it was refused before its end');
  });

  const credential = async (name: string, rules?: readonly object[]): Promise<string> => {
    const { id, secret } = await keystone.createCredential(alice, cast.alice.userId, `${how} ${name}`, rules);
    return (await keystone.loginByCredential(id, secret)).token;
  };
  await check('an application credential without rules does what its user does', async () => {
    const token = await credential('without rules');
    assert.equal(await statusOf(base, token, 'GET', path), 200);
    assert.equal(await statusOf(base, token, 'POST', '/images', {}), 201);
  });
  await check('one with rules does what these allow and nothing else', async () => {
    const token = await credential('with rules', [
      { service: 'image', method: 'GET', path: '/v2/images' },
      { service: 'image', method: 'GET', path: '/v2/images/{image_id}/members' },
      { service: 'image', method: 'PUT', path: '/v2/images/*/tags/*' },
    ]);
    assert.equal(await statusOf(base, token, 'GET', '/images'), 200);
    assert.equal(await statusOf(base, token, 'GET', '/images?name=x'), 200);
    assert.equal(await statusOf(base, token, 'GET', `${path}/members`), 200);
    assert.equal(await statusOf(base, token, 'PUT', `${path}/tags/blue`), 204);
    for (const [method, refused] of [
      ['POST', '/images'],
      ['GET', path],
      ['GET', `${path}/members/${beta}`],
      ['DELETE', `${path}/members/${beta}`],
      ['DELETE', `${path}/tags/blue`],
      ['GET', '/schemas/image'],
    ] as const) {
      const { status, body } = await send(base, token, method, refused);
      assert.equal(status, 401, `${method} ${refused}`);
      assert.match(body.message, /access rules/);
    }
  });
  await check('one with a rule for everything below a path', async () => {
    const token = await credential('below', [{ service: 'image', method: 'GET', path: '/v2/images/**' }]);
    assert.equal(await statusOf(base, token, 'GET', `${path}/members/${beta}`), 200);
    assert.equal(await statusOf(base, token, 'GET', '/images'), 401);
    assert.equal(await statusOf(base, token, 'DELETE', path), 401);
  });
  await check('one with rules for another service does nothing here', async () => {
    const token = await credential('compute', [{ service: 'compute', method: 'GET', path: '/v2/images' }]);
    assert.equal(await statusOf(base, token, 'GET', '/images'), 401);
  });
}

/** What holds while the Keystone is slow or gone. */
async function checkTroubles(
  checks: Checks,
  { base }: LocalServer,
  keystone: KeystoneClient,
  proxy: DelayingProxy,
  cast: Cast,
): Promise<void> {
  const known = await tokenOf(keystone, cast.alice);
  assert.equal(await statusOf(base, known, 'GET', '/images'), 200);

  await checks.check('a slow Keystone is waited for', async () => {
    proxy.delay = 4000;
    assert.equal(await statusOf(base, await tokenOf(keystone, cast.alice), 'GET', '/images'), 200);
  });
  for (const [what, delay, requests] of [
    ['does not answer', 'never', 1],
    ['hangs up', 'cut', 2],
  ] as const) {
    await checks.check(
      `a Keystone that ${what} is a 503, never a pass, and costs one call for all tokens`,
      async () => {
        const unknown = await tokenOf(keystone, cast.alice);
        proxy.delay = delay;
        proxy.requests = 0;
        const { status, headers, body } = await sendOnce(base, unknown, 'GET', '/images');
        assert.deepEqual([status, body.error, headers.get('retry-after')], [503, 'identity-unavailable', '5']);
        assert.equal((await sendOnce(base, 'nobody', 'GET', '/images')).status, 503);
        assert.equal(proxy.requests, requests);
      },
    );
    await checks.check(`a Keystone that ${what} is not asked about a token that was just valid`, async () => {
      assert.equal(await statusOf(base, known, 'GET', '/images'), 200);
    });
    await checks.check(`what needs no token needs no Keystone, even one that ${what}`, async () => {
      assert.equal((await fetch(`${base}/versions`)).status, 200);
    });
    proxy.delay = 0;
    await checks.check('once the Keystone is back, so is the service', async () => {
      const token = await tokenOf(keystone, cast.alice);
      await sendUntilStatus(200, 30, () => sendOnce(base, token, 'GET', '/images'));
    });
  }
}

/** What holds of the service account itself. */
async function checkAccount(
  checks: Checks,
  { base }: LocalServer,
  keystone: KeystoneClient,
  { adminToken, image, alice }: Cast,
): Promise<void> {
  await checks.check('an account whose token was revoked gets itself another', async () => {
    for (const enabled of [false, true])
      await keystone.call(adminToken, 'PATCH', `/users/${image.userId}`, { user: { enabled } });
    const token = await tokenOf(keystone, alice);

    // Revocations count in whole seconds: a new token of the same second is revoked with the old one.
    const others = await sendUntilStatus(200, 20, () => sendOnce(base, token, 'GET', '/images'));

    assert.ok([...others].every((status) => status === 503));
  });
}

/** Waits until a server has logged a line with this text: a line can arrive after its response. */
async function loggedLine({ lines }: LocalServer, text: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (lines.some((line) => line.includes(text))) return;
    await pause(50);
  }
  assert.fail(`No line has ${text}.`);
}
