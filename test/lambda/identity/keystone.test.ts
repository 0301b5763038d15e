import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { withRequestContext } from '../../../lambda/runtime/request-context.ts';
import { callerWithoutProject } from '../../../lambda/domain/caller.ts';
import type { TokenVerifier } from '../../../lambda/identity/token-verifier.ts';
import { createKeystoneVerifier } from '../../../lambda/identity/keystone.ts';
import { loadIdentitySettings, type KeystoneSettings } from '../../../lambda/identity/settings.ts';

/** Requests to a fake Keystone whose responses each test defines; test/identity uses a real Keystone. */
interface Question {
  readonly method: string;
  readonly url: string;
  readonly subject: string | undefined;
  readonly asking: string | undefined;
  readonly rules: string | undefined;
  readonly body: any;
}
interface Reply {
  readonly status: number;
  readonly token?: unknown;
  readonly subject?: string;
}

let server: Server;
let url: string;
let questions: Question[];
/** A response, `undefined` for a lost connection, or `hang` for none at all. */
let reply: (question: Question) => Reply | undefined | 'hang' | Promise<Reply>;
let now: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    void read(request).then(async (question) => {
      questions.push(question);
      const answer = await reply(question);
      if (answer === 'hang') return;
      if (answer === undefined) {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status, answer.subject ? { 'x-subject-token': answer.subject } : {});
      response.end(JSON.stringify({ token: answer.token }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  questions = [];
  reply = () => ({ status: 200, token: aToken() });
  now = Date.parse('2026-11-23T12:00:00Z');
});

async function read(request: IncomingMessage): Promise<Question> {
  const header = (name: string) => request.headers[name] as string | undefined;
  const body = await text(request);
  return {
    method: request.method!,
    url: request.url!,
    subject: header('x-subject-token'),
    asking: header('x-auth-token'),
    rules: header('openstack-identity-access-rules'),
    body: body && JSON.parse(body),
  };
}

const inSeconds = (seconds: number) => new Date(now + seconds * 1000).toISOString().replace('Z', '000Z');

const aToken = (fields: object = {}) => ({
  expires_at: inSeconds(3600),
  user: { id: 'u1' },
  project: { id: 'p1' },
  roles: [{ id: 'r1', name: 'member' }],
  ...fields,
});

const source = (
  variables: Readonly<Record<string, string>> = {},
  readSecret: (arn: string) => Promise<string> = () => Promise.reject(new Error('no secret')),
): TokenVerifier => {
  const env = { IDENTITY: 'keystone', OS_AUTH_URL: url, ...variables };
  return createKeystoneVerifier(loadIdentitySettings(env, []) as KeystoneSettings, readSecret, () => new Date(now));
};

const password = { OS_USERNAME: 'image', OS_PASSWORD: 'hush', OS_PROJECT_NAME: 'service', OS_USER_DOMAIN_ID: 'd1' };
const unavailable = { code: 'identity-unavailable' };

describe('a token that validates itself', () => {
  test('is sent as both, once, and proves user, project and the strongest role', async () => {
    reply = () => ({ status: 200, token: aToken({ roles: [{ name: 'reader' }, { name: 'Manager' }, { name: 'x' }] }) });

    const proof = await source().verify('t1');

    expect(proof).toEqual({ userId: 'u1', projectId: 'p1', role: 'manager' });
    expect(questions).toEqual([
      { method: 'GET', url: '/v3/auth/tokens?nocatalog', subject: 't1', asking: 't1', rules: '1', body: '' },
    ]);
  });

  test.each([401, 404])('is refused where Keystone says %i', async (status) => {
    reply = () => ({ status });

    expect(await source().verify('t1')).toBeUndefined();
  });

  test.each(['two words', 'a\nb', 'naïve', ''])('is not even sent where it could be no token: %j', async (token) => {
    expect(await source().verify(token)).toBeUndefined();
    expect(questions).toEqual([]);
  });

  test.each([
    ['unscoped', { project: undefined }],
    ['for a domain', { project: undefined, domain: { id: 'default' } }],
    ['for the system', { project: undefined, system: { all: true }, roles: [{ name: 'admin' }] }],
  ])('that is %s proves a user without a project and without a role', async (_what, fields) => {
    reply = () => ({ status: 200, token: aToken(fields) });

    expect(await source().verify('t1')).toEqual(callerWithoutProject('u1'));
  });

  test('for a project that could be no member is refused', async () => {
    reply = () => ({ status: 200, token: aToken({ project: { id: '../p1' } }) });

    expect(await source().verify('t1')).toBeUndefined();
  });

  test.each([
    ['empty', ''],
    ['with a control character', 'u\u0007'],
    ['with an unpaired surrogate', 'u\udc00'],
    ['of 256 characters', 'u'.repeat(256)],
  ])('of a user whose id is %s is refused', async (_what, id) => {
    reply = () => ({ status: 200, token: aToken({ user: { id } }) });

    expect(await source().verify('t1')).toBeUndefined();
  });

  test('that has expired is refused even if Keystone calls it valid', async () => {
    reply = () => ({ status: 200, token: aToken({ expires_at: inSeconds(0) }) });

    expect(await source().verify('t1')).toBeUndefined();
  });

  test.each<[string, unknown, unknown]>([
    ['no application credential', undefined, undefined],
    ['no rules', { id: 'a' }, undefined],
    ['none as null', { access_rules: null }, undefined],
    ['an empty list', { access_rules: [] }, []],
    [
      'a rule',
      { access_rules: [{ id: 'r', service: 'image', method: 'GET', path: '/v2/**' }] },
      [{ service: 'image', method: 'GET', path: '/v2/**' }],
    ],
    ['what is no list', { access_rules: 'all' }, []],
  ])('with %s', async (_what, application_credential, accessRules) => {
    reply = () => ({ status: 200, token: aToken({ application_credential }) });

    expect((await source().verify('t1'))?.accessRules).toEqual(accessRules);
  });
});

describe('valid tokens are cached', () => {
  /** How many questions it takes to identify a token at these seconds from now. */
  const asked = async (identity: TokenVerifier, ...seconds: readonly number[]) => {
    const start = now;
    const counts: number[] = [];
    for (const each of seconds) {
      now = start + each * 1000;
      questions = [];
      await identity.verify('t1');
      counts.push(questions.length);
    }
    return counts;
  };

  test('for 300 s', async () => {
    expect(await asked(source(), 0, 1, 299, 299.999, 300, 301)).toEqual([1, 0, 0, 0, 1, 0]);
  });

  test('for less where that is set', async () => {
    expect(await asked(source({ TOKEN_CACHE_SECONDS: '10' }), 0, 9.999, 10)).toEqual([1, 0, 1]);
  });

  test('not at all where that is set', async () => {
    expect(await asked(source({ TOKEN_CACHE_SECONDS: '0' }), 0, 0)).toEqual([1, 1]);
  });

  test('never past its end', async () => {
    const token = aToken({ expires_at: inSeconds(100) });
    reply = () => ({ status: 200, token });

    expect(await asked(source(), 0, 99, 100)).toEqual([1, 0, 1]);
    expect(await source().verify('t1')).toBeUndefined();
  });

  test.each([
    ['refused', 404],
    ['not found out', 503],
  ])('and what was %s is not', async (_what, status) => {
    const identity = source();
    reply = () => ({ status });
    await identity.verify('t1').catch(() => undefined);

    now += 5_000;
    reply = () => ({ status: 200, token: aToken() });

    expect(await identity.verify('t1')).toMatchObject({ userId: 'u1' });
  });

  test('each token for itself', async () => {
    const identity = source();
    await identity.verify('t1');
    reply = () => ({ status: 404 });

    expect(await identity.verify('t2')).toBeUndefined();
    expect(await identity.verify('t1')).toBeDefined();
  });

  test('up to a thousand tokens', async () => {
    const identity = source();
    for (let n = 0; n <= 1000; n += 1) await identity.verify(`t${n}`);
    questions = [];

    await identity.verify('t1');
    await identity.verify('t1000');
    expect(questions).toEqual([]);
    await identity.verify('t0');
    expect(questions).toHaveLength(1);
  });
});

describe('a service account', () => {
  /** A Keystone that gives out `own-1`, `own-2`, … and takes none but the last. */
  const renewing = (last = 1) => {
    let given = 0;
    return ({ method, asking }: Question): Reply => {
      if (method === 'POST') return { status: 201, subject: `own-${(given += 1)}`, token: aToken() };
      return asking === `own-${Math.max(given, last)}` ? { status: 200, token: aToken() } : { status: 401 };
    };
  };

  test('authenticates once and validates with its own token', async () => {
    reply = renewing();
    const identity = source(password);

    await Promise.all([identity.verify('t1'), identity.verify('t2')]);

    expect(questions.map(({ method, subject, asking }) => [method, subject, asking])).toEqual([
      ['POST', undefined, undefined],
      ['GET', 't1', 'own-1'],
      ['GET', 't2', 'own-1'],
    ]);
    expect(questions[0]?.body).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'image', password: 'hush', domain: { id: 'd1' } } },
        },
        scope: { project: { name: 'service', domain: { id: 'default' } } },
      },
    });
  });

  test('can be an application credential, from a secret that is read when it is needed', async () => {
    reply = renewing();
    const read: string[] = [];
    const identity = source({ OS_ACCOUNT_SECRET_ARN: 'arn:secret' }, (arn) => {
      read.push(arn);
      return Promise.resolve('{"application_credential_id": "a1", "application_credential_secret": "hush"}');
    });
    expect(read).toEqual([]);

    await identity.verify('t1');
    await identity.verify('t2');

    expect(read).toEqual(['arn:secret']);
    expect(questions[0]?.body).toEqual({
      auth: { identity: { methods: ['application_credential'], application_credential: { id: 'a1', secret: 'hush' } } },
    });
  });

  test('gets one new token if Keystone refuses its token', async () => {
    reply = renewing(2);

    expect(await source(password).verify('t1')).toMatchObject({ userId: 'u1' });
    expect(questions.map(({ method, asking }) => [method, asking])).toEqual([
      ['POST', undefined],
      ['GET', 'own-1'],
      ['POST', undefined],
      ['GET', 'own-2'],
    ]);
  });

  test('is a 503 if Keystone also refuses the new token', async () => {
    reply = renewing(3);

    await expect(source(password).verify('t1')).rejects.toMatchObject(unavailable);
    expect(questions).toHaveLength(4);
  });

  test('renews its token before that ends', async () => {
    reply = renewing();
    const identity = source({ ...password, TOKEN_CACHE_SECONDS: '0' });
    await identity.verify('t1');

    now += 3539_000;
    await identity.verify('t1');
    now += 1_000;
    await identity.verify('t1');

    expect(questions.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET', 'POST', 'GET']);
  });

  test('that is refused is a 503, and is left alone for half a minute', async () => {
    const identity = source(password);
    reply = () => ({ status: 401 });
    await expect(identity.verify('t1')).rejects.toMatchObject(unavailable);
    await expect(identity.verify('t1')).rejects.toMatchObject(unavailable);
    expect(questions).toHaveLength(1);

    now += 30_000;
    reply = renewing();

    expect(await identity.verify('t1')).toBeDefined();
  });

  test('is not allowed to validate tokens: a 503', async () => {
    reply = ({ method }) => (method === 'POST' ? { status: 201, subject: 'own', token: aToken() } : { status: 403 });

    await expect(source(password).verify('t1')).rejects.toMatchObject(unavailable);
  });

  test.each<[string, string | Error, string]>([
    ['cannot be read', new Error('AccessDenied'), 'AccessDenied'],
    ['is not JSON', 'hush', 'The secret of the service account must be a JSON object.'],
    ['is empty', '', 'The secret of the service account must be a JSON object.'],
    [
      'has missing fields',
      '{"username": "hush"}',
      'The secret of the service account must have "password", "project_name".',
    ],
    [
      'has half a credential',
      '{"application_credential_id": "hush"}',
      'The secret of the service account must have "application_credential_secret".',
    ],
  ])('whose secret %s is a 503 that does not tell it', async (_what, secret, sentence) => {
    const read = () => (typeof secret === 'string' ? Promise.resolve(secret) : Promise.reject(secret));

    const error = await source({ OS_ACCOUNT_SECRET_ARN: 'arn:secret' }, read)
      .verify('t1')
      .catch((one: unknown) => one);

    expect(error).toMatchObject({ ...unavailable, cause: { message: sentence } });
    expect((error as { cause: Error }).cause.stack).not.toContain('hush');
    expect(questions).toEqual([]);
  });
});

describe('a Keystone that does not respond', () => {
  test.each<[string, () => Reply | undefined]>([
    ['hangs up', () => undefined],
    ['fails', () => ({ status: 500 })],
    ['has no time', () => ({ status: 503 })],
  ])('that %s is asked twice, and then it is a 503', async (_what, answer) => {
    reply = answer;

    await expect(source().verify('t1')).rejects.toMatchObject(unavailable);
    expect(questions).toHaveLength(2);
  });

  test('once is called again', async () => {
    reply = () => (questions.length === 1 ? undefined : { status: 200, token: aToken() });

    expect(await source().verify('t1')).toMatchObject({ userId: 'u1' });
  });

  test.each([
    ['a limit of its own', { status: 429 }],
    ['a redirect', { status: 302 }],
    ['no token', { status: 200 }],
    ['a token of nobody', { status: 200, token: { expires_at: '2027-01-01T00:00:00Z', project: { id: 'p' } } }],
    ['a token without an end', { status: 200, token: { user: { id: 'u' }, project: { id: 'p' } } }],
  ])('as one does, but with %s, is a 503', async (_what, answer) => {
    reply = () => answer;

    await expect(source().verify('t1')).rejects.toMatchObject(unavailable);
  });

  test('is unreachable: a 503 whose cause contains no token', async () => {
    const identity = source({ OS_AUTH_URL: 'http://127.0.0.1:1/v3' });

    const error = await identity.verify('the-token').catch((one: unknown) => one);

    expect(error).toMatchObject({ ...unavailable, cause: { code: 'ECONNREFUSED' } });
    expect((error as { cause: Error }).cause.stack).not.toContain('the-token');
  });
});

const tokens = (count: number) => Array.from({ length: count }, (_, n) => `t${n}`);
const identifyAll = (identity: TokenVerifier, count: number) =>
  Promise.allSettled(tokens(count).map((token) => identity.verify(token)));
const outcomes = (results: readonly PromiseSettledResult<unknown>[]) => [
  ...new Set(results.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code))),
];

describe('a Keystone that is down is not flooded', () => {
  test.each<[string, number, () => Reply | undefined | 'hang']>([
    ['hangs', 1, () => 'hang'],
    ['hangs up', 2, () => undefined],
    ['fails', 2, () => ({ status: 500 })],
  ])('one that %s gets the calls of one token for 100 at a time', async (_what, calls, answer) => {
    const identity = source({ IDENTITY_TIMEOUT_SECONDS: '1' });
    reply = answer;

    const results = await identifyAll(identity, 100);

    expect(outcomes(results)).toEqual(['identity-unavailable']);
    expect(questions).toHaveLength(calls);
  });

  test('a failure is remembered for five seconds, in which no token costs a call', async () => {
    const identity = source();
    reply = () => ({ status: 503 });
    await identity.verify('t').catch(() => undefined);
    questions = [];

    now += 4_999;
    for (const token of tokens(100)) await expect(identity.verify(token)).rejects.toMatchObject(unavailable);
    expect(questions).toEqual([]);

    now += 1;
    for (const token of tokens(100)) await expect(identity.verify(token)).rejects.toMatchObject(unavailable);
    expect(questions).toHaveLength(2);
  });

  test('after that one call goes first, and the others wait for its outcome', async () => {
    const identity = source();
    reply = () => ({ status: 503 });
    await identity.verify('t').catch(() => undefined);
    questions = [];
    now += 5_000;
    const held = Promise.withResolvers<Reply>();
    const arrived = new Promise<void>((resolve) => {
      reply = () => {
        resolve();
        return held.promise;
      };
    });

    const identifying = identifyAll(identity, 20);
    await arrived;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(questions).toHaveLength(1);
    reply = () => ({ status: 200, token: aToken() });
    held.resolve({ status: 200, token: aToken() });

    expect(outcomes(await identifying)).toEqual(Array(20).fill(expect.objectContaining({ userId: 'u1' })));
    expect(questions).toHaveLength(20);
  });

  test('one that begins to hang gets ten calls at the most', async () => {
    const identity = source({ IDENTITY_TIMEOUT_SECONDS: '1' });
    await identity.verify('t');
    questions = [];
    reply = () => 'hang';

    const results = await identifyAll(identity, 100);

    expect(outcomes(results)).toEqual(['identity-unavailable']);
    expect(questions).toHaveLength(10);
  });

  test('a token that was just valid is accepted meanwhile', async () => {
    const identity = source();
    await identity.verify('t1');
    reply = () => undefined;
    await identity.verify('t2').catch(() => undefined);

    expect(await identity.verify('t1')).toMatchObject({ userId: 'u1' });
  });

  test('a refused token is no failure', async () => {
    const identity = source();
    reply = () => ({ status: 404 });

    expect(outcomes(await identifyAll(identity, 30))).toEqual([undefined]);
    expect(questions).toHaveLength(30);
  });

  test('a service account that cannot authenticate tries once', async () => {
    const identity = source(password);
    reply = ({ method }) => (method === 'POST' ? { status: 500 } : { status: 200, token: aToken() });

    const results = [...(await identifyAll(identity, 50)), ...(await identifyAll(identity, 50))];

    expect(outcomes(results)).toEqual(['identity-unavailable']);
    expect(questions.map(({ method }) => method)).toEqual(['POST', 'POST']);
  });

  test('a secret that cannot be read is read once', async () => {
    let reads = 0;
    const identity = source({ OS_ACCOUNT_SECRET_ARN: 'arn:secret' }, () => {
      reads += 1;
      return Promise.reject(new Error('AccessDenied'));
    });

    const results = [...(await identifyAll(identity, 50)), ...(await identifyAll(identity, 50))];

    expect(outcomes(results)).toEqual(['identity-unavailable']);
    expect(reads).toBe(1);
    now += 5_000;
    await identity.verify('t').catch(() => undefined);
    expect(reads).toBe(2);
  });
});

test('a secret that is not read in time is a 503', async () => {
  const identity = source(
    { OS_ACCOUNT_SECRET_ARN: 'arn:secret', IDENTITY_TIMEOUT_SECONDS: '1' },
    () => Promise.withResolvers<string>().promise,
  );

  await expect(identity.verify('t1')).rejects.toMatchObject(unavailable);
});

describe('a slow Keystone', () => {
  test('is waited for, for five seconds', async () => {
    reply = () => new Promise((resolve) => setTimeout(resolve, 4_000, { status: 200, token: aToken() }));

    expect(await source().verify('t1')).toMatchObject({ userId: 'u1' });
    expect(questions).toHaveLength(1);
  });

  test('is waited for no longer than the request has time, which says nothing of the Keystone', async () => {
    const identity = source();
    reply = () => 'hang';

    const identifying = withRequestContext(Date.now() + 3_000, () => identity.verify('t1'));

    await expect(identifying).rejects.toMatchObject(unavailable);
    reply = () => ({ status: 200, token: aToken() });
    expect(await identity.verify('t2')).toMatchObject({ userId: 'u1' });
    expect(questions).toHaveLength(2);
  });

  test('is not called by a request without remaining time', async () => {
    const identifying = withRequestContext(Date.now(), () => source().verify('t1'));

    await expect(identifying).rejects.toMatchObject(unavailable);
    expect(questions).toEqual([]);
  });

  test('does not delay a request beyond its deadline', async () => {
    const identity = source({ IDENTITY_TIMEOUT_SECONDS: '2' });
    reply = () => 'hang';
    const first = identity.verify('t1');
    while (questions.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));

    const second = withRequestContext(Date.now() + 600, () => identity.verify('t2'));

    const ended = await Promise.race([second.catch(() => 'second'), first.catch(() => 'first')]);
    expect(ended).toBe('second');
    await expect(first).rejects.toMatchObject(unavailable);
    expect(questions).toHaveLength(1);
  });
});

test('the challenge names the identity service', () => {
  expect(source({ OS_AUTH_URL: 'https://identity.example.org/' }).challenge).toBe(
    'Keystone uri="https://identity.example.org/v3"',
  );
});
