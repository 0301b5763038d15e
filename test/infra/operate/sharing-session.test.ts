import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runSharing } from '../../../infra/operate/sharing/run-sharing.ts';
import { UsageError } from '../../../infra/usage-error.ts';
import { startLocalServer, type LocalServer } from '../../support/local-server.ts';

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer({ IDENTITY: 'dev' });
});
afterAll(() => server.stop());

/** Runs the command line against the local server and returns its lines, with those of the error output after them. */
async function sharing(token: string, ...args: readonly string[]): Promise<readonly string[]> {
  const [results, remarks]: [string[], string[]] = [[], []];
  const env = { OS_TOKEN: token, OS_IMAGE_ENDPOINT_OVERRIDE: server.base };
  const output = { result: (text: string) => results.push(text), remark: (line: string) => remarks.push(line) };
  await runSharing(args, env, output).catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    remarks.push(error.message);
  });
  return [...results, ...remarks].flatMap((text) => text.split('\n')).filter(Boolean);
}

/** Sends a request of the owner to the Image API. */
async function asOwner(method: string, path: string, body: object): Promise<any> {
  const response = await fetch(`${server.base}${path}`, {
    method,
    headers: { 'x-auth-token': alice, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

const alice = 'dev:alice:alpha:member';
const bob = 'dev:bob:beta:member';
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

test('a member sets, lists and removes a standing answer, which decides about the next offer', async () => {
  const { id } = await asOwner('POST', '/v2/images', { name: 'trusted', visibility: 'shared' });

  expect(await sharing(bob, 'trust')).toEqual(['No standing answers.']);
  expect(await sharing(bob, 'trust', 'alpha')).toEqual(['Future offers of alpha arrive as accepted.']);
  expect((await sharing(bob, 'trust')).map((line) => line.split(/ {2,}/))).toEqual([
    ['OWNER', 'FUTURE OFFERS', 'SINCE'],
    ['alpha', 'accepted', time],
  ]);
  expect(await asOwner('POST', `/v2/images/${id}/members`, { member: 'beta' })).toMatchObject({ status: 'accepted' });
  expect(await sharing(bob, 'trust', 'alpha', '--remove')).toEqual(['Future offers of alpha arrive as pending.']);
  expect(await sharing(bob, 'trust', 'alpha', '--remove')).toEqual([
    'The project has no standing answer for offers of project alpha.',
  ]);
});

test('an owner offers an image until a time, a member answers, and the owner withdraws', async () => {
  const { id } = await asOwner('POST', '/v2/images', { name: 'golden', visibility: 'shared' });
  const heading = expect.stringMatching(/^IMAGE +PROJECT +STATUS +ENDS$/);

  expect(await sharing(alice, 'offer', id, 'beta', 'gamma', '--until', '2099-12-31')).toEqual([
    heading,
    `${id}  beta     pending  2099-12-31T23:59:59Z`,
    `${id}  gamma    pending  2099-12-31T23:59:59Z`,
  ]);
  expect(await sharing(bob, 'accept', id)).toEqual([heading, `${id}  beta     accepted  2099-12-31T23:59:59Z`]);
  expect(await sharing(bob, 'reject', id)).toEqual([heading, `${id}  beta     rejected  2099-12-31T23:59:59Z`]);
  expect((await sharing(alice, 'members', id)).map((line) => line.split(/ {2,}/))).toEqual([
    ['PROJECT', 'STATUS', 'OFFERED', 'CHANGED', 'ENDS'],
    ['beta', 'rejected', time, time, '2099-12-31T23:59:59Z'],
    ['gamma', 'pending', time, time, '2099-12-31T23:59:59Z'],
  ]);
  expect(await sharing(alice, 'withdraw', id, 'gamma', 'delta')).toEqual([
    heading,
    `${id}  gamma    withdrawn  -`,
    expect.stringMatching(new RegExp(`^${id} for delta was refused: `)),
  ]);
  expect(await sharing(bob, 'withdraw', id, 'beta')).toEqual([
    expect.stringMatching(new RegExp(`^${id} for beta was refused: `)),
  ]);
});

test('a member leaves an image', async () => {
  const { id } = await asOwner('POST', '/v2/images', { name: 'left', visibility: 'shared' });
  await asOwner('POST', `/v2/images/${id}/members`, { member: 'beta' });

  expect(await sharing(bob, 'leave', id)).toEqual(['IMAGE                                 STATUS', `${id}  left`]);
  expect(await sharing(bob, 'leave', id)).toEqual([`${id} was refused: No image found with ID ${id}.`]);
});

test('a token that the service refuses is one sentence', async () => {
  expect(await sharing('dev:bob', 'trust')).toEqual([expect.stringMatching(/^The API refused the token \(401\): /)]);
});
